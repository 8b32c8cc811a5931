//! The signs and numbers before the paragraphs of lists.

use super::body::Paragraph;
use super::style::Bullet;

/// How far the numbered lists of each level are.
#[derive(Default)]
pub(super) struct Counts([Option<(String, u32)>; 9]);

impl Counts {
    /// The sign before a paragraph; nothing when it is in no list, or empty.
    pub(super) fn next(&mut self, paragraph: &Paragraph) -> Option<String> {
        let level = paragraph.look.level.min(8);
        if paragraph.runs.is_empty() {
            return None;
        }
        self.0[level + 1..].fill(None);
        match &paragraph.look.bullet {
            Some((Bullet::Number(kind, start), _)) => {
                let before = self.0[level].as_ref().filter(|(known, _)| known == kind);
                let number = before.map_or(*start, |(_, number)| number.saturating_add(1));
                self.0[level] = Some((kind.clone(), number));
                Some(numbered(kind, number))
            }
            other => {
                self.0[level] = None;
                other.as_ref().and_then(|(bullet, _)| match bullet {
                    Bullet::Sign(sign) => Some(sign.clone()),
                    Bullet::Number(..) => None,
                })
            }
        }
    }
}

/// A number as a list of this kind writes it (20.1.10.61).
fn numbered(kind: &str, number: u32) -> String {
    let letters = |first: char| {
        let letter = char::from_u32(first as u32 + (number - 1) % 26).unwrap_or(first);
        letter.to_string().repeat(((number - 1) / 26 + 1).min(9) as usize)
    };
    let bare = if kind.starts_with("alphaLc") {
        letters('a')
    } else if kind.starts_with("alphaUc") {
        letters('A')
    } else if kind.starts_with("romanLc") {
        roman(number).to_lowercase()
    } else if kind.starts_with("romanUc") {
        roman(number)
    } else {
        number.to_string()
    };
    if kind.ends_with("ParenBoth") {
        format!("({bare})")
    } else if kind.ends_with("ParenR") {
        format!("{bare})")
    } else if kind.ends_with("Plain") {
        bare
    } else {
        format!("{bare}.")
    }
}

fn roman(number: u32) -> String {
    const SIGNS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let (mut rest, mut out) = (number.min(4_999), String::new());
    for (value, sign) in SIGNS {
        while rest >= value {
            out.push_str(sign);
            rest -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_numbered_in_their_way() {
        let numbers = ["arabicPeriod", "alphaLcParenR", "romanUcPeriod", "alphaUcParenBoth", "arabicPlain"];
        assert_eq!(numbers.map(|kind| numbered(kind, 28)), ["28.", "bb)", "XXVIII.", "(BB)", "28"]);
        assert_eq!(roman(1994), "MCMXCIV");
    }
}
