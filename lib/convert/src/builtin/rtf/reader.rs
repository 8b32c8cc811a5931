//! What an RTF document says, read from its bytes without the importer.

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::tokens::{Token, Tokens};
use super::{Purpose, purpose};

/// Groups within each other; deeper ones are read as if they were no groups.
const DEEPEST: usize = 1_000;

/// The text of an RTF document.
#[derive(Debug, Default)]
pub(in super::super) struct Said {
    /// Body, notes and text boxes, where they stand in the file.
    pub(in super::super) body: String,
    /// Of all headers.
    pub(in super::super) headers: String,
    /// Of all footers.
    pub(in super::super) footers: String,
}

/// Reads what a reader of the document sees. Never fails: what is broken is read as far as it goes.
pub(in super::super) fn read(bytes: &[u8]) -> Said {
    let mut reader = Reader {
        said: Said::default(),
        groups: vec![Group::outermost()],
        document: WINDOWS_1252,
        fonts: HashMap::new(),
        bytes: Vec::new(),
        high: None,
    };
    for (_, token) in Tokens::of(bytes) {
        reader.take(&token);
    }
    reader.flush();
    reader.said
}

/// Where the text of a group goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Place {
    Body,
    Header,
    Footer,
    Fonts,
    Nowhere,
}

#[derive(Clone, Debug)]
struct Group {
    place: Place,
    /// Where a text box or a result within this wrapper goes.
    around: Place,
    /// No piece of it but `\*` was read.
    new: bool,
    starred: bool,
    hidden: bool,
    /// Nothing where a font has signs instead of letters.
    encoding: Option<&'static Encoding>,
    /// How many characters after `\u` are its copy for old programs ([MS-RTF] `\uc`).
    copies: usize,
    /// How many of them are still to come.
    skip: usize,
    /// The font that the table describes here.
    font: i32,
    /// `\upr` holds the same text twice; the copy without Unicode is passed over.
    twice: bool,
}

impl Group {
    fn outermost() -> Group {
        Group {
            place: Place::Body,
            around: Place::Body,
            new: false,
            starred: false,
            hidden: false,
            encoding: Some(WINDOWS_1252),
            copies: 1,
            skip: 0,
            font: 0,
            twice: false,
        }
    }
}

struct Reader {
    said: Said,
    /// Never empty.
    groups: Vec<Group>,
    document: &'static Encoding,
    /// The encoding of each font; nothing for one of signs.
    fonts: HashMap<i32, Option<&'static Encoding>>,
    /// Bytes in the encoding of the group, not read as letters yet: several may be one letter.
    bytes: Vec<u8>,
    /// The first half of a letter beyond 16 bits.
    high: Option<u16>,
}

impl Reader {
    fn group(&mut self) -> &mut Group {
        self.groups.last_mut().expect("the outermost group is never taken away")
    }

    fn take(&mut self, token: &Token<'_>) {
        match token {
            Token::Byte(byte) => self.raw(&[*byte]),
            Token::Text(text) => self.raw(text),
            _ => {
                self.flush();
                self.sign(token);
            }
        }
    }

    fn sign(&mut self, token: &Token<'_>) {
        match token {
            Token::Open if self.groups.len() < DEEPEST => {
                let outer = self.group();
                outer.new = false;
                let mut group = Group { new: true, starred: false, twice: false, ..outer.clone() };
                if outer.twice {
                    (group.around, group.place) = (outer.place, Place::Nowhere);
                }
                self.groups.push(group);
            }
            Token::Close if self.groups.len() > 1 => drop(self.groups.pop()),
            Token::Word(name, number) => self.word(name, *number),
            Token::Symbol(b'*') => self.group().starred = true,
            Token::Symbol(symbol) => {
                self.group().new = false;
                match symbol {
                    b'~' => self.letter(' '),
                    b'_' => self.letter('-'),
                    b'\\' | b'{' | b'}' => self.letter(char::from(*symbol)),
                    b'\n' | b'\r' => self.letter('\n'),
                    _ => {}
                }
            }
            Token::Open | Token::Close | Token::Byte(_) | Token::Text(_) => {}
        }
    }

    fn word(&mut self, name: &str, number: Option<i32>) {
        if std::mem::take(&mut self.group().new) {
            let starred = self.group().starred;
            self.begin(name, purpose(name, starred));
        } else if self.group().skip > 0 && name != "u" {
            self.group().skip -= 1;
            return;
        }
        let number_or_one = number.unwrap_or(1);
        match name {
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => self.group().copies = usize::try_from(number_or_one).unwrap_or(1).min(32),
            "ansicpg" => {
                self.document = page(number_or_one).unwrap_or(WINDOWS_1252);
                let document = self.document;
                self.group().encoding = Some(document);
            }
            "mac" => {
                self.document = encoding_rs::MACINTOSH;
                let document = self.document;
                self.group().encoding = Some(document);
            }
            "f" if self.group().place == Place::Fonts => self.group().font = number_or_one,
            "fcharset" => {
                let font = self.group().font;
                let encoding = self.of_charset(number_or_one);
                self.fonts.insert(font, encoding);
            }
            "f" => {
                let document = self.document;
                let encoding = self.fonts.get(&number.unwrap_or(0)).copied().unwrap_or(Some(document));
                self.group().encoding = encoding;
            }
            "plain" => {
                let document = self.document;
                let group = self.group();
                (group.hidden, group.encoding) = (false, Some(document));
            }
            "v" => self.group().hidden = number != Some(0),
            "par" | "line" | "row" | "cell" | "nestcell" | "nestrow" | "page" | "sect" | "column" => {
                self.letter('\n');
            }
            "tab" | "emspace" | "enspace" | "qmspace" => self.letter(' '),
            "lquote" => self.letter('‘'),
            "rquote" => self.letter('’'),
            "ldblquote" | "rdblquote" => self.letter('"'),
            "emdash" | "endash" => self.letter('–'),
            "bullet" => self.letter('•'),
            _ => {}
        }
    }

    /// A group begins with this word.
    fn begin(&mut self, name: &str, purpose: Purpose) {
        let group = self.group();
        let inside = group.place;
        let silent = inside == Place::Nowhere;
        match purpose {
            Purpose::Here | Purpose::Field => {
                match name {
                    "upr" => group.twice = true,
                    // The copy with Unicode.
                    "ud" if silent => group.place = group.around,
                    _ => {}
                }
                return;
            }
            Purpose::Wrapper if !silent => (group.around, group.place) = (inside, Place::Nowhere),
            Purpose::TextBox | Purpose::Shown if silent => group.place = group.around,
            Purpose::Note | Purpose::TextBox | Purpose::Shown => {}
            Purpose::Header if !silent => group.place = Place::Header,
            Purpose::Footer if !silent => group.place = Place::Footer,
            Purpose::Fonts => group.place = Place::Fonts,
            Purpose::Fallback | Purpose::Nothing | Purpose::Silent | Purpose::Instruction => {
                (group.around, group.place) = (Place::Nowhere, Place::Nowhere);
            }
            Purpose::Wrapper | Purpose::Header | Purpose::Footer => {}
        }
        if matches!(purpose, Purpose::Note | Purpose::TextBox | Purpose::Header | Purpose::Footer) {
            self.letter('\n');
        }
    }

    fn unicode(&mut self, number: i32) {
        // Written as a signed number of 16 bits.
        let unit = (number & 0xffff) as u16;
        let copies = self.group().copies;
        self.group().skip = copies;
        match (unit, self.high.take()) {
            (0xd800..=0xdbff, _) => self.high = Some(unit),
            (0xdc00..=0xdfff, Some(high)) => {
                let pair = char::decode_utf16([high, unit]).next();
                self.letter(pair.and_then(Result::ok).unwrap_or(' '));
            }
            (unit, _) => self.letter(char::from_u32(u32::from(unit)).unwrap_or(' ')),
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        // A break of the line in the file is nothing.
        for byte in bytes.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
            let group = self.group();
            group.new = false;
            if group.skip > 0 {
                group.skip -= 1;
            } else {
                self.bytes.push(*byte);
            }
        }
    }

    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let Some(encoding) = self.group().encoding else { return };
        let (text, _) = encoding.decode_without_bom_handling(&bytes);
        for letter in text.chars() {
            self.letter(letter);
        }
    }

    fn letter(&mut self, letter: char) {
        let group = self.group();
        if group.hidden && letter != '\n' {
            return;
        }
        match group.place {
            Place::Body => self.said.body.push(letter),
            Place::Header => self.said.headers.push(letter),
            Place::Footer => self.said.footers.push(letter),
            Place::Fonts | Place::Nowhere => {}
        }
    }

    /// The encoding of a character set of Windows; nothing for a font of signs.
    fn of_charset(&self, charset: i32) -> Option<&'static Encoding> {
        let number = match charset {
            2 => return None,
            77 => return Some(encoding_rs::MACINTOSH),
            128 => 932,
            129 => 949,
            134 => 936,
            136 => 950,
            161 => 1253,
            162 => 1254,
            163 => 1258,
            177 => 1255,
            178 => 1256,
            186 => 1257,
            204 => 1251,
            222 => 874,
            238 => 1250,
            0 => 1252,
            _ => return Some(self.document),
        };
        page(number)
    }
}

/// The encoding of a code page of Windows.
fn page(number: i32) -> Option<&'static Encoding> {
    match number {
        932 => Some(encoding_rs::SHIFT_JIS),
        936 => Some(encoding_rs::GBK),
        949 => Some(encoding_rs::EUC_KR),
        950 => Some(encoding_rs::BIG5),
        10_000 => Some(encoding_rs::MACINTOSH),
        65_001 => Some(encoding_rs::UTF_8),
        number => Encoding::for_label(format!("windows-{number}").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(rtf: &str) -> String {
        read(rtf.as_bytes()).body.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_reader_sees_is_read_and_nothing_else() {
        let rtf = r"{\rtf1\ansi{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset2 Symbol;}}{\stylesheet{\s1 Heading;}}
            {\info{\title secret}}{\header top {\field{\*\fldinst PAGE}{\fldrslt 7}}}{\footer bottom}
            One {\field{\*\fldinst{HYPERLINK 'x'}}{\fldrslt{\ul linked\'20text}}} two{\footnote a note}\par
            {\*\bkmkstart mark}{\v unseen}{\f1 \'b7}{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt in a box\par}}{\shprslt old}}
            {\object{\*\objdata 00}{\result shown}}{\upr{plain}{\*\ud{fancy}}}{\pict ffd8}}";
        let said = read(rtf.as_bytes());

        assert_eq!(body(rtf), "One linked text two a note in a box shownfancy");
        assert_eq!(said.headers.trim(), "top 7");
        assert_eq!(said.footers.trim(), "bottom");
    }

    #[test]
    fn letters_of_every_kind_are_read() {
        assert_eq!(body(r"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}"), "Привет");
        assert_eq!(body(r"{\rtf1\ansi\u26085?\uc2\u-10179??\u-8704?? \'e4{\uc0\u228}}"), "日😀 ää");
        let japanese = r"{\rtf1{\fonttbl{\f6\fcharset128 MS Gothic;}}\f6 \'93\'fa\'83\'65\plain z}";
        assert_eq!(body(japanese), "日テz");
    }

    #[test]
    fn no_nesting_is_too_deep() {
        let deep = "{".repeat(100_000) + "x" + &"}".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).body, "x");
    }
}
