//! Accounts: sign up, verify, sign in, profile, photo, sessions.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, header};
use url::Url;
use uuid::Uuid;
use wire::{
    Timestamp, UserId,
    accounts::{
        EditProfile, KeptMail, KeptMails, Login, Me, Profile, Resend, Session, Sessions, SignUp, SignedUp,
        Tokens, Verify,
    },
    paths,
};

use crate::{ask::Ask, error::Error, hub::Hub};

/// How often kept mail is looked through while somebody waits for it.
const MAIL_LOOK: Duration = Duration::from_millis(100);

/// A profile picture as the hub serves it.
#[derive(Clone, Debug)]
pub struct Photo {
    /// The picture.
    pub bytes: Bytes,
    /// Such as `image/jpeg`.
    pub media_type: String,
}

impl Hub {
    /// Asks for an account. The answer is the same whether or not the address already has one.
    pub async fn sign_up(&self, account: &SignUp) -> Result<SignedUp, Error> {
        self.ask(Ask::post(paths::SIGNUP).anonymous().json(account)?).await
    }

    /// Verifies an address by the link of the mail, its token, or its short code. Works without being signed in.
    pub async fn verify(&self, link_or_code: &str) -> Result<Me, Error> {
        let body = Verify { token: token_of(link_or_code) };
        self.ask(Ask::post(paths::VERIFY).anonymous().json(&body)?).await
    }

    /// Asks for another verification mail.
    pub async fn resend(&self, email: &str) -> Result<(), Error> {
        let body = Resend { email: email.to_owned() };
        self.tell(Ask::post(paths::RESEND).anonymous().json(&body)?).await
    }

    /// Mail to an address (to any, when empty) that a hub without SMTP has kept, newest first. Answered on the hub's
    /// own machine only.
    pub async fn kept_mail(&self, to: &str) -> Result<Vec<KeptMail>, Error> {
        let mut ask = Ask::get(paths::MAIL).anonymous();
        if !to.is_empty() {
            ask = ask.query("to", to);
        }
        let mails: KeptMails = self.ask(ask).await?;
        Ok(mails.items)
    }

    /// The newest mail to an address that was kept at `since` or later; [`Error::Pending`] when none came in time.
    pub async fn wait_for_kept_mail(
        &self,
        to: &str,
        since: Timestamp,
        deadline: Duration,
    ) -> Result<KeptMail, Error> {
        let until = tokio::time::Instant::now() + deadline;
        loop {
            if let Some(mail) = self.kept_mail(to).await?.into_iter().find(|mail| mail.at >= since) {
                return Ok(mail);
            }
            if tokio::time::Instant::now() >= until {
                return Err(Error::Pending { what: format!("mail to {to}") });
            }
            tokio::time::sleep(MAIL_LOOK).await;
        }
    }

    /// Signs in and keeps the session.
    pub async fn login(&self, login: &Login) -> Result<Me, Error> {
        let tokens: Tokens = self.ask(Ask::post(paths::LOGIN).anonymous().json(login)?).await?;
        let me = tokens.user.clone();
        self.inner.tokens.begin(tokens).await?;
        Ok(me)
    }

    /// Ends the session, here and on the hub. A session that had already ended is no error; one that the hub could
    /// not be told about is forgotten here all the same, and the error says so.
    pub async fn logout(&self) -> Result<(), Error> {
        // The token must be fetched before the session is forgotten, and used after: then a broken network cannot
        // leave a session on this machine that its owner believes to be gone.
        let token = self.access_token().await;
        self.inner.tokens.end().await?;
        let told = match token {
            Ok(token) => {
                self.once(&Ask::post(paths::LOGOUT), Some(&token)).await.map_err(|failure| failure.error)
            }
            Err(error) => Err(error),
        };
        match told {
            Ok(_) | Err(Error::SignedOut) => Ok(()),
            Err(Error::Problem(problem)) if problem.status == 401 => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// One's own account.
    pub async fn me(&self) -> Result<Me, Error> {
        self.ask(Ask::get(paths::ME)).await
    }

    /// Changes what is given.
    pub async fn edit_profile(&self, edit: &EditProfile) -> Result<Me, Error> {
        self.ask(Ask::new(Method::PATCH, paths::ME).repeatable().json(edit)?).await
    }

    /// Replaces one's photo by a PNG, JPEG, WebP or GIF.
    pub async fn set_photo(&self, bytes: Bytes) -> Result<(), Error> {
        let media_type = picture_type(&bytes);
        self.tell(Ask::new(Method::PUT, paths::MY_PHOTO).bytes(media_type, bytes)).await
    }

    /// One's own photo.
    pub async fn my_photo(&self) -> Result<Photo, Error> {
        self.photo(paths::MY_PHOTO.to_owned()).await
    }

    async fn photo(&self, path: String) -> Result<Photo, Error> {
        let answer = self.send(Ask::get(path)).await?;
        let media_type = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
        let bytes = answer.bytes().await.map_err(|why| self.broken(&why).error)?;
        Ok(Photo { bytes, media_type })
    }

    /// Removes one's photo.
    pub async fn remove_photo(&self) -> Result<(), Error> {
        self.tell(Ask::new(Method::DELETE, paths::MY_PHOTO)).await
    }

    /// What anybody signed in sees of somebody.
    pub async fn user(&self, user: UserId) -> Result<Profile, Error> {
        self.ask(Ask::get(paths::fill(paths::USER, user))).await
    }

    /// Where one is signed in, newest first.
    pub async fn sessions(&self) -> Result<Vec<Session>, Error> {
        let sessions: Sessions = self.ask(Ask::get(paths::SESSIONS)).await?;
        Ok(sessions.items)
    }

    /// Signs one of them out.
    pub async fn revoke_session(&self, session: Uuid) -> Result<(), Error> {
        self.tell(Ask::new(Method::DELETE, paths::fill(paths::SESSION, session))).await
    }
}

/// The token of a link (`…/verify?token=T` or `…/verify#token=T`); anything else is taken as it is.
fn token_of(link_or_code: &str) -> String {
    let given = link_or_code.trim();
    let Ok(link) = Url::parse(given) else { return given.to_owned() };
    let in_query = link.query_pairs().find(|(name, _)| name == "token").map(|(_, value)| value.into_owned());
    let in_fragment = || {
        let fragment = link.fragment()?;
        Some(fragment.strip_prefix("token=").unwrap_or(fragment).to_owned())
    };
    in_query.or_else(in_fragment).unwrap_or_else(|| given.to_owned())
}

/// The media type by the first bytes; the hub looks for itself and decides.
fn picture_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_a_token_and_a_code_all_verify() {
        assert_eq!(token_of("http://127.0.0.1:8000/verify?token=abc%2Fd"), "abc/d");
        assert_eq!(token_of("https://hub.example.org/verify#token=abc"), "abc");
        assert_eq!(token_of("https://hub.example.org/verify#abc"), "abc");
        assert_eq!(token_of("  WXRT-7K2P\n"), "WXRT-7K2P");
    }
}
