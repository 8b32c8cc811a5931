//! A page without what its author hid: elements with `hidden`, or with `display: none` of their own.

use super::html_text::{BLOCKS, tag_end};

/// Elements that have no content and no end.
const VOID: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
/// Elements whose content is no markup.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];
/// Elements whose end may be left out: then another one of the name ends them.
const OPEN_ENDED: [&str; 10] = ["p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody", "thead"];

/// After so many elements whose end is not certain, nothing more is looked for: each costs a look at all the rest.
const UNCERTAIN: u32 = 100;

/// The page without its hidden elements. One whose end is not certain stays: better seen than lost.
pub(super) fn without_hidden(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let mut uncertain = 0;
    while let Some(tag) = next_tag(rest) {
        let hidden = uncertain < UNCERTAIN && is_hidden(tag.inside);
        let end = if hidden { end_of(&rest[tag.end..], tag.name) } else { None };
        uncertain += u32::from(hidden && end.is_none());
        match end {
            Some(length) => {
                out.push_str(&rest[..tag.start]);
                rest = &rest[tag.end + length..];
            }
            None => {
                let end = tag.end + raw_length(&rest[tag.end..], tag);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[derive(Copy, Clone)]
struct Tag<'a> {
    /// Where it begins, and where it has ended.
    start: usize,
    end: usize,
    /// Without the slash of an end tag, and as it is written.
    name: &'a str,
    /// All between the brackets.
    inside: &'a str,
}

impl Tag<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn closes(&self) -> bool {
        self.inside.starts_with('/')
    }
}

/// The next tag, comments passed over.
fn next_tag(html: &str) -> Option<Tag<'_>> {
    let mut from = 0;
    loop {
        let start = from + html[from..].find('<')?;
        let rest = &html[start..];
        if rest.starts_with("<!--") {
            from = start + rest.find("-->")?;
            continue;
        }
        let named = rest[1..].trim_start_matches('/');
        let length = named.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(named.len());
        if length == 0 {
            from = start + 1;
            continue;
        }
        let end = tag_end(rest)?;
        return Some(Tag { start, end: start + end + 1, name: &named[..length], inside: &rest[1..end] });
    }
}

/// How much after a tag is no markup.
fn raw_length(after: &str, tag: Tag<'_>) -> usize {
    if tag.closes() || !RAW.iter().any(|raw| tag.is(raw)) {
        return 0;
    }
    let is_end = |at: &usize| {
        let name = after.as_bytes().get(at + 2..at + 2 + tag.name.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(tag.name.as_bytes()))
    };
    after.match_indices("</").map(|(at, _)| at).find(is_end).unwrap_or(after.len())
}

/// How far the element goes on that has just begun, its end tag included.
fn end_of(html: &str, name: &str) -> Option<usize> {
    let open_ended = OPEN_ENDED.iter().any(|other| name.eq_ignore_ascii_case(other));
    let is_paragraph = name.eq_ignore_ascii_case("p");
    let (mut at, mut depth) = (0, 1);
    while let Some(tag) = next_tag(&html[at..]) {
        // A block ends a paragraph.
        if is_paragraph && !tag.closes() && BLOCKS.iter().any(|block| tag.is(block)) {
            return None;
        }
        if tag.is(name) {
            match tag.closes() {
                true => depth -= 1,
                false if open_ended => return None,
                false => depth += 1,
            }
            if depth == 0 {
                return Some(at + tag.end);
            }
        }
        at += tag.end + raw_length(&html[at + tag.end..], tag);
    }
    None
}

/// Whether a start tag says that nobody sees its element.
fn is_hidden(inside: &str) -> bool {
    let name = inside.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let (name, mut rest) = inside.split_at(name);
    let name = name.to_ascii_lowercase();
    // Of a body nothing would be left, and a mistake is more likely.
    if name.is_empty()
        || name == "html"
        || name == "body"
        || VOID.contains(&name.as_str())
        || inside.ends_with('/')
        // A stray quote has swallowed what comes after the tag.
        || inside.contains('<')
    {
        return false;
    }
    while let Some((attribute, value, after)) = attribute(rest) {
        if attribute.contains(['>', '"', '\'']) || value.contains('>') {
            return false;
        }
        let attribute = attribute.to_ascii_lowercase();
        if attribute == "hidden" || attribute == "style" && hides(value) {
            return true;
        }
        rest = after;
    }
    false
}

/// The first attribute, its value, and what follows.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
    let end = text.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    let Some(value) = after.trim_start().strip_prefix('=') else {
        return (!name.is_empty()).then_some((name, "", after));
    };
    let value = value.trim_start();
    let (value, after) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
        _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
    };
    Some((name, value, after))
}

fn hides(style: &str) -> bool {
    let mut declared = style.split(';').filter_map(|declaration| declaration.split_once(':'));
    // The last one counts.
    declared
        .rfind(|(property, _)| property.trim().eq_ignore_ascii_case("display"))
        .and_then(|(_, value)| value.split('!').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_goes_with_all_that_is_in_it() {
        for (page, seen) in [
            ("a<p hidden>b</p>c", "ac"),
            ("a<DIV class=x style='color: red; Display : NONE !important'>b<div>c</div>d</div>e", "ae"),
            ("<p>a</p><span hidden=\"\">b<!-- </span> --></span>c", "<p>a</p>c"),
            ("<section hidden><script>'</section>'</script>b</section>c", "c"),
        ] {
            assert_eq!(without_hidden(page), seen, "{page}");
        }
    }

    #[test]
    fn what_may_be_seen_stays() {
        for page in [
            "<p title='hidden'>a</p><p data-hidden>b</p>",
            "<p style='display:block'>a</p><p style=\"display:none;display:inline\">b</p>",
            "<p hidden>a<p>b</p>",
            "<p hidden>a<div>b</div></p>",
            "<ul><li hidden>a<li>b</li></ul>",
            "<div hidden>never closed <b>x</b>",
            "<body hidden>a</body><input hidden>b",
            "<a title=it's>the hidden part isn't</a>here</a>",
            "<a title=\"it's>\" hidden>a</a>",
            "<script>'<p hidden>'</script>a</p> 1 < 2 <!-- <p hidden>x</p> --> é",
            "a <",
        ] {
            assert_eq!(without_hidden(page), page);
        }
    }
}
