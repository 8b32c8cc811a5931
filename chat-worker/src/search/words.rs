//! Words: the same on every engine, because texts and questions are cut here and not there.

use wire::messages::Message;

/// Words of one question; what comes after is passed over.
const MOST: usize = 32;

/// One thing that has to be in a message: words one after the other, the last one perhaps only begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    words: Vec<String>,
    begun: bool,
}

/// The words of a message that is still there.
pub(super) fn of(message: &Message) -> Option<String> {
    message.removed.is_none().then(|| plain(&message.body))
}

/// The words of a text, in lower case, with one space between them.
fn plain(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// What a question asks for. `"in quotes"` is one term; `*` behind a term takes longer words as well.
pub(crate) fn terms(question: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for (nth, part) in question.split('"').enumerate() {
        let quoted = nth % 2 == 1;
        if quoted {
            terms.extend(term(part, false));
        } else {
            terms.extend(part.split_whitespace().filter_map(|word| term(word, word.ends_with('*'))));
        }
    }
    terms.truncate(MOST);
    terms
}

fn term(text: &str, begun: bool) -> Option<Term> {
    let words: Vec<String> = words(text).take(MOST).collect();
    (!words.is_empty()).then_some(Term { words, begun })
}

/// As SQLite's FTS5 reads it: <https://www.sqlite.org/fts5.html#full_text_query_syntax>.
pub(super) fn for_sqlite(terms: &[Term]) -> String {
    let one = |term: &Term| format!("\"{}\"{}", term.words.join(" "), if term.begun { "*" } else { "" });
    terms.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// As PostgreSQL's `to_tsquery` reads it. Words hold letters and digits only, so nothing has to be escaped.
pub(super) fn for_postgres(terms: &[Term]) -> String {
    let one = |term: &Term| format!("({}{})", term.words.join(" <-> "), if term.begun { ":*" } else { "" });
    terms.iter().map(one).collect::<Vec<_>>().join(" & ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_words_phrases_and_beginnings() {
        let terms = terms("Build  \"is GREEN\" dep* foo-bar");

        assert_eq!(for_sqlite(&terms), r#""build" "is green" "dep"* "foo bar""#);
        assert_eq!(for_postgres(&terms), "(build) & (is <-> green) & (dep:*) & (foo <-> bar)");
    }

    #[test]
    fn nothing_that_is_typed_is_an_operator() {
        for hostile in
            ["a OR b", "a' & !b | (c)", "NEAR(a b)", "col:a ^b", "\"unclosed a", "-a +b", "a:*&<->"]
        {
            let terms = terms(hostile);
            let (sqlite, postgres) = (for_sqlite(&terms), for_postgres(&terms));

            let known = |letter: char| letter.is_alphanumeric() || "\"* ".contains(letter);
            assert!(sqlite.chars().all(known), "{hostile}: {sqlite}");
            assert!(!postgres.contains(['\'', '!', '|']), "{hostile}: {postgres}");
        }
        assert!(terms("*** -- \"\"").is_empty());
    }

    #[test]
    fn a_text_is_cut_as_a_question_is() {
        assert_eq!(plain("Grüße, @Ann_Lee: v1.2!"), "grüße ann lee v1 2");
    }
}
