//! The pieces of RTF: groups, control words, symbols, bytes and text, each with where it stands.

use std::ops::Range;

/// One piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word and its number. What follows `\bin` belongs to it and is no piece of its own.
    Word(&'a str, Option<i32>),
    /// A control symbol, such as `\~`.
    Symbol(u8),
    /// A byte written as `\'e4`.
    Byte(u8),
    /// Bytes as they are.
    Text(&'a [u8]),
}

/// Reads RTF piece by piece. What is broken becomes text, so that every byte belongs to a piece.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Tokens<'a> {
        Tokens { bytes, at: 0 }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// What follows a backslash.
    fn control(&mut self) -> Token<'a> {
        match self.peek(1) {
            None => {
                self.at += 1;
                Token::Text(b"")
            }
            Some(b'\'') => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(self.peek(2)), digit(self.peek(3)));
                match (high, low) {
                    (Some(high), Some(low)) => {
                        self.at += 4;
                        Token::Byte((high * 16 + low) as u8)
                    }
                    _ => {
                        self.at += 2;
                        Token::Symbol(b'\'')
                    }
                }
            }
            Some(letter) if letter.is_ascii_alphabetic() => self.word(),
            Some(symbol) => {
                self.at += 2;
                Token::Symbol(symbol)
            }
        }
    }

    fn word(&mut self) -> Token<'a> {
        let rest = &self.bytes[self.at + 1..];
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let minus = usize::from(rest.get(letters) == Some(&b'-'));
        let digits = rest[letters + minus..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let numbered = if digits > 0 { minus + digits } else { 0 };
        let name = std::str::from_utf8(&rest[..letters]).unwrap_or_default();
        let number = std::str::from_utf8(&rest[letters..letters + numbered]).unwrap_or_default();
        let number = number.parse().ok();
        let space = usize::from(rest.get(letters + numbered) == Some(&b' '));
        self.at += 1 + letters + numbered + space;
        if name == "bin" {
            let length = number.and_then(|length: i32| usize::try_from(length).ok()).unwrap_or(0);
            self.at = self.at.saturating_add(length).min(self.bytes.len());
        }
        Token::Word(name, number)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (Range<usize>, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let token = match self.peek(0)? {
            b'{' => {
                self.at += 1;
                Token::Open
            }
            b'}' => {
                self.at += 1;
                Token::Close
            }
            b'\\' => self.control(),
            _ => {
                let rest = &self.bytes[start..];
                let length =
                    rest.iter().position(|byte| matches!(byte, b'{' | b'}' | b'\\')).unwrap_or(rest.len());
                self.at += length;
                Token::Text(&rest[..length])
            }
        };
        Some((start..self.at, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_apart_and_cover_every_byte() {
        let rtf = br"{\rtf1 a\'e4\~\b0x{\*\bin3 }{\}\fs-2 y}\'zz";

        let pieces: Vec<Token<'_>> = Tokens::of(rtf).map(|(_, token)| token).collect();

        use Token::{Byte, Close, Open, Symbol, Text, Word};
        let wanted = [
            Open,
            Word("rtf", Some(1)),
            Text(b"a"),
            Byte(0xe4),
            Symbol(b'~'),
            Word("b", Some(0)),
            Text(b"x"),
            Open,
            Symbol(b'*'),
            Word("bin", Some(3)),
            Close,
            Word("fs", Some(-2)),
            Text(b"y"),
            Close,
            Symbol(b'\''),
            Text(b"zz"),
        ];
        assert_eq!(pieces, wanted);
        let covered: Vec<u8> = Tokens::of(rtf).flat_map(|(range, _)| rtf[range].to_vec()).collect();
        assert_eq!(covered, rtf);
    }
}
