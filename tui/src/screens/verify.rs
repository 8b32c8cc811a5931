//! Verify: the link or code of the mail; on a hub that keeps its mail Enter is enough.

use ratatui::{Frame, layout::Rect};
use wire::accounts::MailRoute;

use crate::{
    app::State,
    text,
    widgets::{field, frame},
};

/// Paints the screen; `active` when nothing lies over it.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, active: bool) {
    let theme = state.theme;
    let verify = &state.verify;
    let inside = frame::popup(out, theme, area, "Check your mail", area.width, area.height.saturating_sub(2));
    let columns = usize::from(inside.width);
    let mut row = 1;
    let mut say = |out: &mut Frame<'_>, line: &str, style| {
        for line in text::wrap(line, columns) {
            frame::put(out, inside, row, &line, style);
            row += 1;
        }
        row
    };
    match (&verify.mail, verify.route) {
        (Some(mail), _) => {
            say(
                out,
                &format!("This hub sends no mail; it kept the one to {} here:", verify.email),
                theme.text(),
            );
            let code = mail.code.as_deref().map(|code| format!(" · code {code}")).unwrap_or_default();
            say(out, &text::clean_line(&format!("“{}”{code}", mail.subject)), theme.strong());
            say(out, "", theme.text());
            say(out, "▸ Enter  activate now", theme.accent());
        }
        (None, Some(MailRoute::Kept)) => {
            say(out, &format!("This hub sends no mail; it keeps the one to {}.", verify.email), theme.text());
            say(out, "Looking for it… On another machine, ask who runs the hub for the code.", theme.dim());
        }
        (None, _) => {
            say(
                out,
                &format!("A mail with a link and a code is on its way to {}.", verify.email),
                theme.text(),
            );
            say(out, "Open the link, or put it or the code in here. Ctrl-R sends it again.", theme.dim());
        }
    }
    let row = say(out, "", theme.text());
    let form =
        Rect { y: inside.y + row.min(inside.height), height: inside.height.saturating_sub(row), ..inside };
    field::draw(out, theme, form, &verify.form, active);
}
