//! The keys of the full-screen client, in its page: the same table as the help behind F1.

use super::Page;

const ABOUT: &str = "\
Letters are keys while a screen is read (NAV) and text while something is written (TYPE); the word stands at the left \
of the last line. A room opens at the first message that is unread, and a message is read once it was on the screen.";

/// What stands for a sign of the screen where the reader's terminal has ASCII only.
const IN_ASCII: &[(&str, &str)] = &[
    ("↑", "Up"),
    ("↓", "Down"),
    ("·", "-"),
    ("─", "-"),
    ("◌", "o"),
    ("✓", "v"),
    ("✗", "x"),
    ("◆", "*"),
    ("●", "(*)"),
    ("◐", "(-)"),
];

/// Adds them to a page.
pub(super) fn describe(page: &mut Page) {
    page.add(|roff| {
        for (sign, words) in IN_ASCII {
            roff.control("fchar", [*sign, *words]);
        }
    });
    page.heading("KEYS").paragraphs(ABOUT);
    for part in tui::manual::parts(&[]) {
        page.subheading(&part.title);
        part.rows.iter().for_each(|(what, about)| {
            page.item(what, about);
        });
    }
}
