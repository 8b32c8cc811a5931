//! RTF as the importer can read all of it: fields become what they show, and notes and text boxes stand at the end.

use super::tokens::{Token, Tokens};
use super::{Purpose, purpose};

/// Groups within each other; a document with deeper ones is left as it is.
const DEEPEST: usize = 1_000;

/// The document again, and what stands elsewhere in it now.
#[derive(Debug, Default)]
pub(in super::super) struct Rewritten {
    pub(in super::super) bytes: Vec<u8>,
    pub(in super::super) notes: usize,
    pub(in super::super) boxes: usize,
    /// Links, which keep their text and lead nowhere.
    pub(in super::super) links: usize,
}

impl Rewritten {
    /// A document that stays as it is.
    pub(in super::super) fn of(bytes: &[u8]) -> Rewritten {
        Rewritten { bytes: bytes.to_vec(), ..Rewritten::default() }
    }
}

/// Rewrites a document; nothing when its groups are not as they should be, which is for the importer to say.
pub(in super::super) fn rewritten(bytes: &[u8]) -> Option<Rewritten> {
    let mut rewriter = Rewriter::default();
    for (range, token) in Tokens::of(bytes) {
        rewriter.take(&token, &bytes[range])?;
        if rewriter.ended {
            break;
        }
    }
    rewriter.ended.then_some(rewriter.out)
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// It is written.
    Kept,
    /// It is not.
    Dropped,
    /// It is not, but what is shown of it is.
    Wrapper,
    /// The instruction of a field is not, and tells whether the field is a link.
    Instruction,
}

#[derive(Copy, Clone, Debug)]
struct Group {
    mode: Mode,
    /// What is written of it goes to the end of the document.
    aside: bool,
    /// Whether its brace is written.
    open: bool,
    /// The number of the note that it is part of; 0 outside of notes.
    note: usize,
    /// Within what older programs draw instead of a shape.
    fallback: bool,
}

#[derive(Default)]
struct Rewriter {
    out: Rewritten,
    /// What goes to the end.
    aside: Vec<u8>,
    groups: Vec<Group>,
    /// A group has just begun: nothing but perhaps `\*` was read of it.
    begins: bool,
    starred: bool,
    ended: bool,
}

impl Rewriter {
    fn take(&mut self, token: &Token<'_>, raw: &[u8]) -> Option<()> {
        if *token == Token::Open {
            if self.begins {
                self.enter(None);
            }
            return self.open();
        }
        if self.begins {
            match token {
                Token::Symbol(b'*') if !self.starred => {
                    self.starred = true;
                    return Some(());
                }
                Token::Word(name, _) => {
                    self.enter(Some(name));
                    // These say what the group was, and it is no longer that.
                    let named = matches!(
                        purpose(name, self.starred),
                        Purpose::Field | Purpose::Note | Purpose::TextBox | Purpose::Shown
                    );
                    if named || *name == "fldrslt" {
                        return Some(());
                    }
                }
                _ => self.enter(None),
            }
        }
        self.inside(token, raw)
    }

    /// A group begins, and is not written until it is known what it is for.
    fn open(&mut self) -> Option<()> {
        let outermost = Group { mode: Mode::Kept, aside: false, open: false, note: 0, fallback: false };
        let outer = self.groups.last().copied().unwrap_or(outermost);
        self.groups.push(Group { open: false, ..outer });
        (self.begins, self.starred) = (true, false);
        (self.groups.len() < DEEPEST).then_some(())
    }

    /// Writes the beginning of a group that begins with this control word, or with something else.
    fn enter(&mut self, name: Option<&str>) {
        self.begins = false;
        let Some(mut group) = self.groups.pop() else { return };
        let purpose = name.map_or(Purpose::Here, |name| purpose(name, self.starred));
        let before = group.mode;
        match (purpose, before) {
            (_, Mode::Dropped | Mode::Instruction) => {}
            (Purpose::Instruction, _) => group.mode = Mode::Instruction,
            (Purpose::Nothing | Purpose::Header | Purpose::Footer, _) => group.mode = Mode::Dropped,
            // What older programs draw repeats the text of the shape.
            (Purpose::Wrapper, _) if group.fallback => group.mode = Mode::Dropped,
            (Purpose::Wrapper, _) => group.mode = Mode::Wrapper,
            (Purpose::Fallback, _) => group.fallback = true,
            (Purpose::Note, Mode::Kept) => {
                self.out.notes += 1;
                group.note = self.out.notes;
                self.begin_aside(&mut group);
            }
            (Purpose::TextBox, _) => {
                self.out.boxes += 1;
                self.begin_aside(&mut group);
            }
            (Purpose::Shown, _) => group.mode = Mode::Kept,
            _ => {}
        }
        group.open = group.mode == Mode::Kept;
        self.groups.push(group);
        if group.open {
            self.write(b"{");
            let star = self.starred && !matches!(purpose, Purpose::Note | Purpose::TextBox | Purpose::Shown);
            if star && name != Some("fldrslt") {
                self.write(br"\*");
            }
        }
    }

    /// The group stands at the end of the document, in a paragraph of its own.
    fn begin_aside(&mut self, group: &mut Group) {
        group.mode = Mode::Kept;
        if !group.aside {
            group.aside = true;
            self.aside.extend_from_slice(br"\par\pard\plain ");
        }
    }

    fn inside(&mut self, token: &Token<'_>, raw: &[u8]) -> Option<()> {
        let group = *self.groups.last()?;
        match (token, group.mode) {
            (Token::Close, _) => {
                let group = self.groups.pop()?;
                if self.groups.is_empty() {
                    self.out.bytes.append(&mut self.aside);
                    self.ended = true;
                }
                if group.open {
                    self.write_to(group.aside, b"}");
                }
            }
            (Token::Text(text), Mode::Instruction) => {
                let link = text.windows(9).any(|nine| nine.eq_ignore_ascii_case(b"HYPERLINK"));
                self.out.links += usize::from(link);
            }
            (_, Mode::Dropped | Mode::Wrapper | Mode::Instruction) => {}
            // The number of a note, counted by the program that shows it. Braces end the word before.
            (Token::Word("chftn", _), Mode::Kept) => {
                let number = if group.note > 0 { group.note } else { self.out.notes + 1 };
                self.write(format!("{{{number}}}").as_bytes());
            }
            (Token::Word("flddirty" | "fldedit" | "fldlock" | "fldpriv", _), Mode::Kept) => {}
            (_, Mode::Kept) => self.write(raw),
        }
        Some(())
    }

    fn write(&mut self, bytes: &[u8]) {
        let aside = self.groups.last().is_some_and(|group| group.aside);
        self.write_to(aside, bytes);
    }

    fn write_to(&mut self, aside: bool, bytes: &[u8]) {
        let out = if aside { &mut self.aside } else { &mut self.out.bytes };
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(rtf: &str) -> String {
        String::from_utf8(rewritten(rtf.as_bytes()).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_field_becomes_what_it_shows() {
        let rtf =
            r"{\rtf1 a {\field\flddirty{\*\fldinst{HYPERLINK {\b x}}}{\fldrslt {\ul b}}} c{\*\bkmkstart m}}";
        assert_eq!(again(rtf), r"{\rtf1 a {{{\ul b}}} c}");
        assert_eq!(rewritten(rtf.as_bytes()).unwrap().links, 1);
    }

    #[test]
    fn notes_and_text_boxes_stand_at_the_end() {
        let rtf = r"{\rtf1 a{\super\chftn}{\footnote\pard {\super\chftn} n}
            b{\shp{\*\shpinst\shpleft0{\sp{\sn x}}{\shptxt t\par}}{\shprslt{\*\do{\dptxbxtext t}}}}}";
        let again = again(rtf);

        assert!(again.contains(r"a{\super{1}}") && again.contains(r"b{\shp{\shprslt}}"), "{again}");
        assert!(again.ends_with(r"\par\pard\plain {\pard {\super{1}} n}\par\pard\plain {t\par}}"), "{again}");
    }

    #[test]
    fn what_is_plain_stays_as_it_is_and_what_is_broken_is_left_to_the_importer() {
        let rtf = r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\pict ff}\bin2 }}{}{\b bold}\'e4\~}";
        assert_eq!(again(rtf), rtf);
        assert!(rewritten(b"{\\rtf1 cut {off").is_none());
        assert!(rewritten("{".repeat(5_000).as_bytes()).is_none());
    }
}
