//! Colours: the terminal's own ones and ANSI-16 accents, or none at all. State is never told by colour alone.

use ratatui::style::{Color, Modifier, Style};
use wire::UserId;

/// How the screen is painted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The terminal's foreground and background with accents of its own 16 colours.
    #[default]
    Ansi,
    /// No colour is ever set, only bold, dim, underlined and reversed. This is what `NO_COLOR` asks for; setting
    /// even the default colours would make crossterm reset the attributes beside them.
    Mono,
}

impl Theme {
    /// Ordinary text.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// Times, hints, what may be overlooked.
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings, the own name.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The row or field that keys act on.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The mode word.
    pub fn mode(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// Keys in hints, the focused frame.
    pub fn accent(self) -> Style {
        self.paint(Color::Cyan, Modifier::BOLD)
    }

    /// Frames without focus.
    pub fn frame(self) -> Style {
        self.dim()
    }

    /// Done.
    pub fn good(self) -> Style {
        self.paint(Color::Green, Modifier::empty())
    }

    /// Waiting, reconnecting.
    pub fn warn(self) -> Style {
        self.paint(Color::Yellow, Modifier::BOLD)
    }

    /// Failed, refused.
    pub fn bad(self) -> Style {
        self.paint(Color::Red, Modifier::BOLD)
    }

    /// A person's name: the same colour for the same person everywhere.
    pub fn author(self, user: UserId) -> Style {
        const COLOURS: [Color; 5] =
            [Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::LightBlue];
        let sum: usize = user.0.as_bytes().iter().map(|byte| usize::from(*byte)).sum();
        let colour = COLOURS.get(sum % COLOURS.len()).copied().unwrap_or(Color::Reset);
        self.paint(colour, Modifier::empty())
    }

    fn paint(self, colour: Color, modifier: Modifier) -> Style {
        match self {
            Self::Ansi => Style::new().fg(colour).add_modifier(modifier),
            Self::Mono => Style::new().add_modifier(modifier),
        }
    }
}
