//! The letters that the hub writes: plain text, one purpose each.

use platform::mail::Mail;
use wire::paths;

/// A letter that proves an address: whoever reads it may follow the link or type the code.
pub(super) fn verification(
    hub: &str,
    to: &str,
    name: &str,
    token: &str,
    code: &str,
    has_rival: bool,
) -> Mail {
    // The token is base64url: nothing in it needs escaping.
    let link = format!("{hub}{}?token={token}", paths::VERIFY_PAGE);
    let warning = if has_rival {
        "\nThere was another sign-up with this address. Only confirm the one that you made yourself,\n\
         under the name above: it decides the password.\n"
    } else {
        ""
    };
    let text = format!(
        "Hello,\n\n\
         somebody signed up at {hub} with this address, under the name\n\n    {name}\n\n\
         If that was you, open this link within 24 hours:\n\n    {link}\n\n\
         or type this code within 30 minutes, for example as `mshub auth verify {code}`:\n\n    {code}\n{warning}\n\
         If it was not you, do nothing: without the link there is no account.\n"
    );
    Mail {
        to: to.to_owned(),
        subject: "Confirm your e-mail address".into(),
        text,
        link: Some(link),
        code: Some(code.to_owned()),
    }
}

/// A letter to somebody who has an account already. It carries nothing that opens anything.
pub(super) fn already_there(hub: &str, to: &str) -> Mail {
    let text = format!(
        "Hello,\n\n\
         somebody asked for a new account at {hub} with this address. You have one already:\n\
         sign in with it, for example by `mshub auth login --email {to}`.\n\n\
         If it was not you, do nothing: nothing has changed.\n"
    );
    Mail { to: to.to_owned(), subject: "You already have an account".into(), text, link: None, code: None }
}
