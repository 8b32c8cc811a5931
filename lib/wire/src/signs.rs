//! Characters that are not seen, or that change how others are seen: lists and terminals would show a lie.

/// Whether a character is one of these: a control character, a mark or override of direction (Unicode Technical Report 36,
/// §3.5), a separator of lines or paragraphs, or a byte order mark. Line breaks and tabs are control characters; whoever
/// shows whole texts lets them pass before.
pub fn is_deceptive(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_deceptive_and_what_joins_letters_and_emoji_is_not() {
        let steers = "\0\u{1b}\u{7f}\u{9b}\u{61c}\u{200e}\u{2028}\u{202e}\u{2069}\u{feff}\n\t";
        assert!(steers.chars().all(is_deceptive));
        assert!("aΩ字 🦀\u{200d}\u{fe0f}\u{301}".chars().all(|sign| !is_deceptive(sign)));
    }
}
