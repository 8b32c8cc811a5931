//! Markdown to a page of HTML that runs no scripts.

use crate::verify::Words;
use crate::{Error, Request};

use super::Output;
use super::html_text::text_of_html;
use super::text_file;

/// Scripts, frames and inline handlers of raw HTML stay inert wherever the page is opened.
const HEAD: &str = r#"<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>"#;

const STYLE: &str = r#"</title>
<style>
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #1f2328; }
pre { overflow-x: auto; padding: .8rem 1rem; background: #f6f8fa; border-radius: 6px; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
table { border-collapse: collapse; }
th, td { border: 1px solid #d1d9e0; padding: .3rem .7rem; }
blockquote { margin-left: 0; padding-left: 1rem; border-left: 4px solid #d1d9e0; color: #59636e; }
img { max-width: 100%; }
</style>
</head>
<body>
"#;

pub(super) fn to_html(req: &Request) -> Result<Output, Error> {
    let file = text_file::read(&req.input)?;
    let body = body(&file.text);
    let words = Words::of(&text_of_html(&body));
    let title = title(&file.text);
    let html = page(&title, &body);
    Ok(Output {
        result: Some(Words::of(&text_of_html(&html))),
        source: Some(words),
        bytes: html.into_bytes(),
        warnings: file.warnings,
        ..Output::default()
    })
}

/// A whole page of HTML around a body.
pub(super) fn page(title: &str, body: &str) -> String {
    format!("{HEAD}{}{STYLE}{body}</body>\n</html>\n", escape(title))
}

/// CommonMark with tables, task lists, strikethrough, footnotes and bare links, as GitHub reads it.
pub(super) fn body(markdown: &str) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.front_matter_delimiter = Some("---".to_owned());
    // Raw HTML is part of Markdown; the page's content policy keeps it harmless.
    options.render.r#unsafe = true;
    defang(&comrak::markdown_to_html(markdown, &options))
}

/// Shows the tags that act on the whole page instead of letting them act (code is escaped already).
fn defang(html: &str) -> String {
    const TAGS: [&str; 14] = [
        "base",
        "embed",
        "form",
        "frame",
        "iframe",
        "link",
        "meta",
        "noembed",
        "noframes",
        "object",
        "plaintext",
        "script",
        "style",
        "title",
    ];
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let name = tag[1..].trim_start_matches('/');
        let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
        out.push_str(if TAGS.contains(&name.to_ascii_lowercase().as_str()) { "&lt;" } else { "<" });
        rest = &tag[1..];
    }
    out.push_str(rest);
    out
}

/// The first heading, or nothing worth a title.
fn title(markdown: &str) -> String {
    let heading = markdown.lines().find_map(|line| line.strip_prefix("# "));
    heading.map_or("Document", |line| line.trim().trim_end_matches('#').trim()).to_owned()
}

/// Makes text safe between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_html_passes_but_cannot_act() {
        let html = body("Hi <b>there</b> <script>alert(1)</script> `<style>`\n\n| a |\n|---|\n| 1 |\n");
        assert!(html.contains("<b>there</b>"), "{html}");
        assert!(html.contains("&lt;script>") && !html.contains("<script"), "{html}");
        assert!(html.contains("<td>1</td>"), "{html}");
    }

    #[test]
    fn the_first_heading_is_the_title() {
        assert_eq!(title("text\n# Tea & more #\n"), "Tea & more");
        assert_eq!(escape("<\"&"), "&lt;&quot;&amp;");
    }
}
