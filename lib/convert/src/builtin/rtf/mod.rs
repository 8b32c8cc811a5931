//! Rich Text Format before the importer sees it: what it says, and what has to be moved for the importer to read it.
//!
//! The importer passes over fields, notes, text boxes and embedded objects with everything that is shown of them.

mod reader;
mod rewriter;
mod tokens;

pub(super) use reader::{Said, read};
pub(super) use rewriter::{Rewritten, rewritten};

/// What a group of RTF is for, by the control word that begins it ([MS-RTF] 1.9.1: destinations).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Purpose {
    /// Its text is part of the document where it stands.
    Here,
    /// A field: its result is text, its instruction is not.
    Field,
    /// The instruction of a field.
    Instruction,
    /// What an object shows of itself.
    Shown,
    /// A note, which stands below its page.
    Note,
    /// A text box within a shape.
    TextBox,
    /// A wrapper whose own text says how it is drawn: a shape, an object, an alternative.
    Wrapper,
    /// What an older program draws instead of a shape.
    Fallback,
    /// Text at the top of pages.
    Header,
    /// Text at the bottom of pages.
    Footer,
    /// Fonts, which say in what alphabet bytes are.
    Fonts,
    /// What the importer needs and nobody reads: colours, lists, pictures.
    Silent,
    /// Nobody reads it, and the importer does not need it.
    Nothing,
}

/// What a group is for that begins with this control word, after `\*` or not.
fn purpose(name: &str, starred: bool) -> Purpose {
    match name {
        "field" => Purpose::Field,
        "fldinst" => Purpose::Instruction,
        "result" => Purpose::Shown,
        "footnote" => Purpose::Note,
        "shptxt" | "dptxbxtext" => Purpose::TextBox,
        "shpinst" | "do" | "object" => Purpose::Wrapper,
        "shprslt" => Purpose::Fallback,
        "header" | "headerl" | "headerr" | "headerf" => Purpose::Header,
        "footer" | "footerl" | "footerr" | "footerf" => Purpose::Footer,
        "fonttbl" => Purpose::Fonts,
        "colortbl" | "listtable" | "listoverridetable" | "listtext" | "pntext" | "pict" | "shppict"
        | "nonshppict" => Purpose::Silent,
        "stylesheet" | "info" | "generator" | "filetbl" | "revtbl" | "rsidtbl" | "themedata"
        | "colorschememapping" | "datastore" | "xmlnstbl" | "annotation" | "sp" => Purpose::Nothing,
        // The same text twice, of which the importer chooses one.
        "upr" | "ud" => Purpose::Here,
        _ if starred => Purpose::Nothing,
        _ => Purpose::Here,
    }
}
