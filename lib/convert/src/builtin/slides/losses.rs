//! What slides have and pages have not: counted while they are drawn.

/// How often something was not drawn, or not as it is.
#[derive(Default)]
pub(super) struct Losses {
    pub(super) charts: usize,
    pub(super) diagrams: usize,
    pub(super) media: usize,
    /// Things of other programs without a picture of them, ink, 3D models.
    pub(super) objects: usize,
    /// Linked, broken, of a kind that is not read, or too many.
    pub(super) pictures: usize,
    pub(super) unknown_shapes: usize,
    pub(super) hidden_shapes: usize,
    pub(super) effects: usize,
    pub(super) formulas: usize,
    pub(super) table_styles: usize,
}

impl Losses {
    /// What is missing.
    pub(super) fn lost(&self) -> Vec<String> {
        sentences(&[
            (self.charts, "charts of the slides are not drawn"),
            (self.diagrams, "SmartArt diagrams of the slides are not drawn"),
            (self.media, "sounds and films of the slides are left out"),
            (self.objects, "objects of other programs on the slides are not drawn"),
            (self.pictures, "linked pictures, or of a kind that is not read, are not drawn"),
            (self.unknown_shapes, "shapes of an unknown kind are drawn as rectangles"),
        ])
    }

    /// What looks different.
    pub(super) fn warnings(&self) -> Vec<String> {
        sentences(&[
            (self.hidden_shapes, "hidden shapes of the slides are left out"),
            (self.effects, "shapes are drawn without their shadows and other effects"),
            (self.formulas, "formulas are written on one line"),
            (self.table_styles, "tables are drawn without their style, which is not in the file"),
        ])
    }
}

fn sentences(counts: &[(usize, &str)]) -> Vec<String> {
    counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what} ({count})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_was_is_said() {
        let losses = Losses { charts: 2, effects: 1, ..Losses::default() };
        assert_eq!(losses.lost(), ["charts of the slides are not drawn (2)"]);
        assert_eq!(losses.warnings(), ["shapes are drawn without their shadows and other effects (1)"]);
    }
}
