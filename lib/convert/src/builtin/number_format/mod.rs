//! Excel number formats (ECMA-376 Part 1, 18.8.30–31) applied to values: what a cell shows.

use super::dates::{self, DateTime};

/// What a cell shows, and the colour its format asks for (`[Red]`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) color: Option<[u8; 3]>,
}

/// Applies a format code to a number. `epoch_1904` is the date system of the workbook.
pub(super) fn number(value: f64, code: &str, epoch_1904: bool) -> Shown {
    if !value.is_finite() {
        return Shown { text: "#NUM!".into(), color: None };
    }
    let sections = sections(code);
    let Some((section, value, sign)) = choose(&sections, value) else {
        return Shown { text: general(value), color: None };
    };
    let text = if section.is_general() {
        let body = if sign { general(-value.abs()) } else { general(value) };
        section.around_general(&body)
    } else if section.is_date() {
        date(section, value, epoch_1904)
    } else if section.tokens.contains(&Token::Slash) && section.tokens.iter().any(Token::is_digit) {
        signed(sign, fraction(section, value.abs()))
    } else {
        signed(sign, decimal(section, value.abs()))
    };
    Shown { text, color: section.color }
}

/// Applies a format code to a text; only its fourth section, or a lone `@`, changes anything.
pub(super) fn text(value: &str, code: &str) -> String {
    let sections = sections(code);
    let section = match sections.len() {
        4.. => &sections[3],
        1 if sections[0].tokens.contains(&Token::At) => &sections[0],
        _ => return value.to_owned(),
    };
    section
        .tokens
        .iter()
        .map(|token| match token {
            Token::At => value,
            Token::Literal(text) => text.as_str(),
            _ => "",
        })
        .collect()
}

/// A number as Excel's `General` shows it in a wide cell: at most 11 characters, then scientific.
pub(super) fn general(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".into();
    }
    if size < 1e11 {
        let whole = size.log10().floor().max(0.0) as usize + 1;
        let text = trim_zeros(fixed(size, 10_usize.saturating_sub(whole).min(9)));
        let exact = text.parse::<f64>().is_ok_and(|back| ((back - size) / size).abs() < 1e-15);
        if size >= 1e-4 || exact {
            return signed(value < 0.0, text);
        }
    }
    let (mantissa, exponent) = scientific(size, 5);
    let sign = if exponent < 0 { '-' } else { '+' };
    signed(value < 0.0, format!("{}E{sign}{:02}", trim_zeros(mantissa), exponent.abs()))
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Literal(String),
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// `E+` (true: always a sign) or `E-`.
    Exponent(bool),
    Slash,
    At,
    General,
    /// A run of one of `y m d h s`, lower case.
    Date(char, usize),
    /// `[h]`, `[m]`, `[s]`: not wrapped at a day, hour or minute.
    Elapsed(char, usize),
    /// `AM/PM` (true) or `A/P`.
    Meridiem(bool),
}

impl Token {
    fn is_digit(&self) -> bool {
        matches!(self, Token::Digit(_))
    }
}

#[derive(Clone, Debug, Default)]
struct Section {
    tokens: Vec<Token>,
    color: Option<[u8; 3]>,
    condition: Option<(String, f64)>,
}

impl Section {
    fn is_general(&self) -> bool {
        self.tokens.contains(&Token::General)
    }

    fn is_date(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Date(..) | Token::Elapsed(..)))
    }

    fn around_general(&self, body: &str) -> String {
        let piece = |token: &Token| match token {
            Token::General => body.to_owned(),
            Token::Literal(text) => text.clone(),
            Token::Percent => "%".into(),
            _ => String::new(),
        };
        self.tokens.iter().map(piece).collect()
    }

    fn holds(&self, value: f64) -> bool {
        let Some((operator, limit)) = &self.condition else { return false };
        match operator.as_str() {
            "<" => value < *limit,
            "<=" => value <= *limit,
            ">" => value > *limit,
            ">=" => value >= *limit,
            "=" => value == *limit,
            _ => value != *limit,
        }
    }
}

/// The section for a value, the value to show in it, and whether a minus sign has to be added.
fn choose(sections: &[Section], value: f64) -> Option<(&Section, f64, bool)> {
    let numeric = &sections[..sections.len().min(3)];
    if numeric.iter().any(|section| section.condition.is_some()) {
        let found = numeric.iter().position(|section| section.holds(value));
        let at = found.or_else(|| numeric.iter().rposition(|section| section.condition.is_none()))?;
        return Some((&numeric[at], value, value < 0.0));
    }
    let (at, sign) = match numeric.len() {
        0 => return None,
        1 => (0, value < 0.0),
        2 => (usize::from(value < 0.0), false),
        _ if value < 0.0 => (1, false),
        _ => (if value == 0.0 { 2 } else { 0 }, false),
    };
    Some((&numeric[at], value, sign))
}

fn sections(code: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == ';' {
            sections.push(Section::default());
            continue;
        }
        let Some(section) = sections.last_mut() else { break };
        match letter {
            '"' => {
                let text: String = letters.by_ref().take_while(|letter| *letter != '"').collect();
                section.tokens.push(Token::Literal(text));
            }
            '\\' => section.tokens.extend(letters.next().map(|letter| Token::Literal(letter.into()))),
            '_' => {
                letters.next();
                section.tokens.push(Token::Literal(" ".into()));
            }
            '*' => {
                letters.next();
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                bracket(section, &inside);
            }
            '0' | '#' | '?' => section.tokens.push(Token::Digit(letter)),
            '.' => section.tokens.push(Token::Point),
            ',' => section.tokens.push(Token::Comma),
            '%' => section.tokens.push(Token::Percent),
            '/' => section.tokens.push(Token::Slash),
            '@' => section.tokens.push(Token::At),
            'E' | 'e' if matches!(letters.peek(), Some('+' | '-')) => {
                let plus = letters.next() == Some('+');
                section.tokens.push(Token::Exponent(plus));
            }
            'G' | 'g' if take(&mut letters, "eneral") => section.tokens.push(Token::General),
            'A' | 'a' if take(&mut letters, "m/pm") => section.tokens.push(Token::Meridiem(true)),
            'A' | 'a' if take(&mut letters, "/p") => section.tokens.push(Token::Meridiem(false)),
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                let kind = letter.to_ascii_lowercase();
                let mut count = 1;
                while letters.next_if(|next| next.eq_ignore_ascii_case(&kind)).is_some() {
                    count += 1;
                }
                section.tokens.push(Token::Date(kind, count));
            }
            other => section.tokens.push(Token::Literal(other.into())),
        }
    }
    // A trailing empty section of a code such as `0;` shows nothing, which is what it means.
    sections
}

fn take(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, rest: &str) -> bool {
    let mut ahead = letters.clone();
    for wanted in rest.chars() {
        if !ahead.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&wanted)) {
            return false;
        }
    }
    *letters = ahead;
    true
}

fn bracket(section: &mut Section, inside: &str) {
    let lower = inside.to_ascii_lowercase();
    let first = lower.chars().next().unwrap_or(' ');
    if let Some(currency) = inside.strip_prefix('$') {
        let symbol = currency.split('-').next().unwrap_or_default();
        section.tokens.push(Token::Literal(symbol.to_owned()));
    } else if matches!(first, 'h' | 'm' | 's') && lower.chars().all(|letter| letter == first) {
        section.tokens.push(Token::Elapsed(first, lower.len()));
    } else if let Some(color) = color(&lower) {
        section.color = Some(color);
    } else if matches!(first, '<' | '>' | '=') {
        let split = lower.find(|letter: char| !matches!(letter, '<' | '>' | '=')).unwrap_or(lower.len());
        if let Ok(limit) = lower[split..].trim().parse() {
            section.condition = Some((lower[..split].to_owned(), limit));
        }
    }
}

fn color(name: &str) -> Option<[u8; 3]> {
    Some(match name {
        "black" | "color1" => [0, 0, 0],
        "red" | "color3" => [255, 0, 0],
        "green" | "color4" | "color10" => [0, 128, 0],
        "blue" | "color5" => [0, 0, 255],
        "yellow" | "color6" => [192, 160, 0],
        "magenta" | "color7" => [255, 0, 255],
        "cyan" | "color8" => [0, 160, 160],
        "white" | "color2" => [255, 255, 255],
        _ => return None,
    })
}

fn signed(minus: bool, text: String) -> String {
    // -0.00 is zero.
    if minus && text.chars().any(|letter| matches!(letter, '1'..='9')) { format!("-{text}") } else { text }
}

/// Rounds like Excel does: on the first 15 digits, halves away from zero.
fn fixed(value: f64, decimals: usize) -> String {
    let written = format!("{value:.14e}");
    let Some((mantissa, exponent)) = written.split_once('e') else { return written };
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    // `point` digits stand before the decimal point; it may be negative.
    let mut point = exponent.parse::<i64>().unwrap_or(0) + 1;
    let keep = point + i64::try_from(decimals).unwrap_or(i64::MAX / 2);
    if keep < 0 {
        digits = vec![0];
        point = 1;
    } else if (keep as usize) < digits.len() {
        let up = digits[keep as usize] >= 5;
        digits.truncate(keep as usize);
        if up && increment(&mut digits) {
            point += 1;
        }
    }
    let digit = |at: i64| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    let mut text: String =
        (0..point.max(1)).map(|at| (b'0' + digit(at + point.min(1) - 1)) as char).collect();
    if point <= 0 {
        text = "0".into();
    }
    if decimals > 0 {
        text.push('.');
        text.extend((0..decimals as i64).map(|at| (b'0' + digit(point + at)) as char));
    }
    text
}

/// Adds one in the last place; true if a digit was put in front.
fn increment(digits: &mut Vec<u8>) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return false;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
    true
}

fn trim_zeros(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Mantissa with the wanted decimals, and the power of ten.
fn scientific(value: f64, decimals: usize) -> (String, i32) {
    let written = format!("{value:.decimals$e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

fn decimal(section: &Section, value: f64) -> String {
    let tokens = &section.tokens;
    let Some(first) = tokens.iter().position(Token::is_digit) else {
        return literals(tokens);
    };
    if let Some(at) = tokens.iter().position(|token| matches!(token, Token::Exponent(_))) {
        return exponential(tokens, at, value);
    }
    let last = tokens.iter().rposition(Token::is_digit).unwrap_or(first);
    let point = tokens.iter().position(|token| *token == Token::Point).unwrap_or(tokens.len());
    let whole_end = point.min(last + 1);
    let percents = tokens.iter().filter(|token| **token == Token::Percent).count();
    // Commas after the last digit of the whole part and after the last of all divide by a thousand each; commas among digits group.
    let last_whole = tokens[..whole_end].iter().rposition(Token::is_digit).unwrap_or(0);
    let commas_after =
        |at: usize| tokens[at + 1..].iter().take_while(|token| **token == Token::Comma).count();
    let scale = commas_after(last_whole) + if last > last_whole { commas_after(last) } else { 0 };
    let group = tokens[first..last_whole.max(first)].contains(&Token::Comma);
    let decimals = tokens[point.min(tokens.len())..].iter().filter(|token| token.is_digit()).count();

    let scaled = value * 100_f64.powi(percents as i32) / 1000_f64.powi(scale as i32);
    let written = fixed(scaled, decimals);
    let (whole, rest) = written.split_once('.').unwrap_or((&written, ""));
    let mut out = whole_part(&tokens[..whole_end], whole, group);
    out.push_str(&fraction_part(&tokens[whole_end..], rest));
    out
}

/// Fills the placeholders before the point from the right; the leftmost takes all digits that are left.
fn whole_part(tokens: &[Token], whole: &str, group: bool) -> String {
    let whole = if whole == "0" { "" } else { whole };
    let first = tokens.iter().position(Token::is_digit);
    let mut digits = whole.bytes().rev().map(char::from);
    let mut reversed: Vec<char> = Vec::new();
    let mut placed = 0;
    let mut put = |reversed: &mut Vec<char>, digit: char| {
        if group && placed > 0 && placed % 3 == 0 && digit != ' ' {
            reversed.push(',');
        }
        placed += 1;
        reversed.push(digit);
    };
    for (at, token) in tokens.iter().enumerate().rev() {
        match token {
            Token::Digit(kind) => {
                match (digits.next(), kind) {
                    (Some(digit), _) => put(&mut reversed, digit),
                    (None, '0') => put(&mut reversed, '0'),
                    (None, '?') => put(&mut reversed, ' '),
                    _ => {}
                }
                if Some(at) == first {
                    for digit in digits.by_ref() {
                        put(&mut reversed, digit);
                    }
                }
            }
            Token::Literal(text) => reversed.extend(text.chars().rev()),
            Token::Percent => reversed.push('%'),
            Token::Slash => reversed.push('/'),
            _ => {}
        }
    }
    let mut out: String = reversed.into_iter().rev().collect();
    if first.is_none() {
        out.push_str(whole);
    }
    out
}

fn fraction_part(tokens: &[Token], rest: &str) -> String {
    let significant = rest.trim_end_matches('0').len();
    let mut out = String::new();
    let mut at = 0;
    for token in tokens {
        match token {
            Token::Point => out.push('.'),
            Token::Digit(kind) => {
                let digit = rest.as_bytes().get(at).map_or('0', |digit| char::from(*digit));
                match kind {
                    '0' => out.push(digit),
                    _ if at < significant => out.push(digit),
                    '?' => out.push(' '),
                    _ => {}
                }
                at += 1;
            }
            Token::Literal(text) => out.push_str(text),
            Token::Percent => out.push('%'),
            Token::Slash => out.push('/'),
            _ => {}
        }
    }
    out
}

fn literals(tokens: &[Token]) -> String {
    whole_part(tokens, "0", false)
}

fn exponential(tokens: &[Token], at: usize, value: f64) -> String {
    let (mantissa, tail) = tokens.split_at(at);
    let always_signed = tail.first() == Some(&Token::Exponent(true));
    let point = mantissa.iter().position(|token| *token == Token::Point).unwrap_or(mantissa.len());
    let wholes = mantissa[..point].iter().filter(|token| token.is_digit()).count().max(1) as i32;
    let decimals = mantissa[point..].iter().filter(|token| token.is_digit()).count();
    let mut exponent = if value == 0.0 { 0 } else { value.log10().floor() as i32 };
    // With several digits before the point the exponent is a multiple of their number (engineering notation).
    exponent = exponent.div_euclid(wholes) * wholes;
    let mut written = fixed(value / 10_f64.powi(exponent), decimals);
    if written.split('.').next().is_some_and(|whole| whole.len() > wholes as usize) {
        exponent += wholes;
        written = fixed(value / 10_f64.powi(exponent), decimals);
    }
    let (whole, rest) = written.split_once('.').unwrap_or((&written, ""));
    let mut out = whole_part(&mantissa[..point], whole, false);
    if out.is_empty() {
        out.push_str(whole);
    }
    out.push_str(&fraction_part(&mantissa[point..], rest));
    out.push('E');
    if exponent < 0 {
        out.push('-');
    } else if always_signed {
        out.push('+');
    }
    out.push_str(&whole_part(&tail[1..], &exponent.abs().to_string(), false));
    out
}

/// `# ?/?`, `?/8`: the nearest fraction whose denominator has at most as many digits.
fn fraction(section: &Section, value: f64) -> String {
    let tokens = &section.tokens;
    let Some(slash) = tokens.iter().position(|token| *token == Token::Slash) else { return general(value) };
    let digits_after = tokens[slash + 1..].iter().filter(|token| token.is_digit()).count().clamp(1, 4);
    let fixed_denominator: String = tokens[slash + 1..]
        .iter()
        .filter_map(|token| if let Token::Literal(text) = token { Some(text.as_str()) } else { None })
        .collect();
    let before = &tokens[..slash];
    let runs = before
        .iter()
        .zip(std::iter::once(&Token::Slash).chain(before))
        .filter(|(token, previous)| token.is_digit() && !previous.is_digit())
        .count();
    let whole = if runs > 1 { value.trunc() } else { 0.0 };
    let part = value - whole;
    let (top, bottom) = match fixed_denominator.trim().parse::<u32>() {
        Ok(bottom) if bottom > 0 => ((part * f64::from(bottom)).round() as u64, u64::from(bottom)),
        _ => nearest_fraction(part, 10_u64.pow(digits_after as u32) - 1),
    };
    match (runs > 1, top == bottom, top) {
        (true, true, _) => format!("{}", whole + 1.0),
        (true, _, 0) => format!("{whole}"),
        (true, ..) if whole == 0.0 => format!("{top}/{bottom}"),
        (true, ..) => format!("{whole} {top}/{bottom}"),
        _ => format!("{top}/{bottom}"),
    }
}

fn nearest_fraction(value: f64, largest: u64) -> (u64, u64) {
    let mut best = (value.round() as u64, 1, (value - value.round()).abs());
    for bottom in 2..=largest {
        let top = (value * bottom as f64).round();
        let distance = (value - top / bottom as f64).abs();
        if distance + 1e-12 < best.2 {
            best = (top as u64, bottom, distance);
        }
    }
    (best.0, best.1)
}

fn date(section: &Section, value: f64, epoch_1904: bool) -> String {
    let tokens = &section.tokens;
    let decimals = seconds_decimals(tokens);
    let Some(moment) = DateTime::from_serial(value, epoch_1904, decimals) else {
        return "#".repeat(8);
    };
    let twelve = tokens.iter().any(|token| matches!(token, Token::Meridiem(_)));
    let mut out = String::new();
    let mut after_seconds = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Date('m', count) if *count <= 2 && is_minute(tokens, at) => {
                out.push_str(&pad(moment.minute.into(), *count));
            }
            Token::Date(kind, count) => out.push_str(&date_part(&moment, *kind, *count, twelve)),
            Token::Elapsed(kind, count) => {
                let total = moment.elapsed(*kind);
                out.push_str(&pad(total, *count));
            }
            Token::Meridiem(long) => out.push_str(match (moment.hour < 12, long) {
                (true, true) => "AM",
                (false, true) => "PM",
                (true, false) => "A",
                (false, false) => "P",
            }),
            Token::Literal(text) => out.push_str(text),
            Token::Slash => out.push('/'),
            Token::Comma => out.push(','),
            Token::Point => out.push('.'),
            Token::Digit(_) if after_seconds => {
                let fraction = format!("{:03}", moment.millisecond);
                let count = tokens[at..].iter().take_while(|token| token.is_digit()).count().min(3);
                out.push_str(&fraction[..count]);
                after_seconds = false;
                continue;
            }
            _ => {}
        }
        after_seconds = matches!(token, Token::Date('s', _) | Token::Elapsed('s', _))
            || (after_seconds && *token == Token::Point);
    }
    out
}

fn seconds_decimals(tokens: &[Token]) -> u32 {
    tokens.iter().filter(|token| token.is_digit()).count().min(3) as u32
}

/// `m` means minutes right after hours or right before seconds.
fn is_minute(tokens: &[Token], at: usize) -> bool {
    let unit = |token: &&Token| matches!(token, Token::Date(..) | Token::Elapsed(..));
    let before = tokens[..at].iter().rev().find(unit);
    let after = tokens[at + 1..].iter().find(unit);
    matches!(before, Some(Token::Date('h', _) | Token::Elapsed('h', _)))
        || matches!(after, Some(Token::Date('s', _) | Token::Elapsed('s', _)))
}

fn date_part(moment: &DateTime, kind: char, count: usize, twelve: bool) -> String {
    match (kind, count) {
        ('y', 1..=2) => pad((moment.year % 100).unsigned_abs(), 2),
        ('y', _) => format!("{:04}", moment.year),
        ('m', 3) => dates::MONTHS[usize::from(moment.month) - 1][..3].to_owned(),
        ('m', 4) => dates::MONTHS[usize::from(moment.month) - 1].to_owned(),
        ('m', 5) => dates::MONTHS[usize::from(moment.month) - 1][..1].to_owned(),
        ('m', count) => pad(moment.month.into(), count),
        ('d', 3) => dates::DAYS[usize::from(moment.weekday)][..3].to_owned(),
        ('d', 4..) => dates::DAYS[usize::from(moment.weekday)].to_owned(),
        ('d', count) => pad(moment.day.into(), count),
        ('h', count) if twelve => pad(u64::from((moment.hour + 11) % 12 + 1), count),
        ('h', count) => pad(moment.hour.into(), count),
        (_, count) => pad(moment.second.into(), count),
    }
}

fn pad(number: u64, width: usize) -> String {
    format!("{number:0width$}")
}

#[cfg(test)]
mod tests;
