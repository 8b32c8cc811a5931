//! What an address, a name, a password and a profile must be like.

use platform::service::{ApiError, Outcome};
use wire::{Code, signs::is_deceptive};

/// RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its brackets.
const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 64;
const LONGEST_BIO: usize = 500;
const LONGEST_DEVICE: usize = 64;
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 10..=256;

/// The broken rules of one request.
#[derive(Default)]
pub(super) struct Broken(Vec<(&'static str, String)>);

impl Broken {
    /// The value, or a note of what is wrong with the field.
    pub(super) fn note<T: Default>(&mut self, pointer: &'static str, checked: Result<T, String>) -> T {
        checked.unwrap_or_else(|detail| {
            self.0.push((pointer, detail));
            T::default()
        })
    }

    /// Goes on when nothing was noted.
    pub(super) fn refuse(self) -> Outcome<()> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let refusal = ApiError::new(Code::InvalidField, first.clone());
        Err(self.0.into_iter().fold(refusal, |refusal, (pointer, detail)| refusal.field(pointer, detail)))
    }
}

/// An address as it is compared: trimmed, lower case.
pub(super) fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

pub(super) fn email(email: &str) -> Result<String, String> {
    let email = normal_email(email);
    if email.len() > LONGEST_EMAIL {
        return Err(format!("an e-mail address is at most {LONGEST_EMAIL} characters"));
    }
    garde::rules::email::apply(&email, ()).map_err(|why| format!("this is not an e-mail address: {why}"))?;
    Ok(email)
}

pub(super) fn name(name: &str) -> Result<String, String> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME {
        return Err(format!("a name is 1 to {LONGEST_NAME} characters, this one is {length}"));
    }
    if name.chars().any(is_deceptive) {
        return Err("a name has no control characters".into());
    }
    Ok(name.to_owned())
}

pub(super) fn password(password: &str) -> Result<(), String> {
    let length = password.chars().count();
    if PASSWORD_LENGTHS.contains(&length) {
        return Ok(());
    }
    let (least, most) = PASSWORD_LENGTHS.into_inner();
    Err(format!("a password is {least} to {most} characters, this one is {length}"))
}

pub(super) fn bio(bio: &str) -> Result<String, String> {
    let bio = bio.trim();
    if bio.chars().count() > LONGEST_BIO {
        return Err(format!("at most {LONGEST_BIO} characters"));
    }
    if bio.chars().any(|sign| is_deceptive(sign) && sign != '\n') {
        return Err("no control characters".into());
    }
    Ok(bio.to_owned())
}

/// A time zone by its IANA name, or nothing. A machine without the time zone database takes every well-formed name.
pub(super) fn time_zone(tz: &str) -> Result<String, String> {
    let tz = tz.trim();
    let well_formed =
        tz.len() <= 64 && tz.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    let zones = jiff::tz::db();
    let known = || zones.available().next().is_none() || zones.get(tz).is_ok();
    if tz.is_empty() || (well_formed && known()) {
        return Ok(tz.to_owned());
    }
    Err("this is no IANA time zone name such as `Europe/Prague`".into())
}

/// What a session is called in lists: whatever the client said, made harmless.
pub(super) fn device(device: Option<&str>) -> String {
    let plain: String = device.unwrap_or_default().chars().filter(|sign| !is_deceptive(*sign)).collect();
    let short: String = plain.trim().chars().take(LONGEST_DEVICE).collect();
    if short.is_empty() { "unnamed device".into() } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_trimmed_and_in_lower_case() {
        assert_eq!(email(" Ann@Example.COM ").unwrap(), "ann@example.com");
        for bad in
            ["", "ann", "ann@", "@example.com", "a b@example.com", "ann@example.com\r\nBcc: x@y.z", "a@b@c"]
        {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@example.com", "a".repeat(250))).is_err());
    }

    #[test]
    fn names_show_what_they_are() {
        assert_eq!(name("  Ann Ωmega 🦀 ").unwrap(), "Ann Ωmega 🦀");
        for bad in ["", "   ", "a\u{1b}[31m", "a\nb", "a\u{202e}b", "a\u{61c}b", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn time_zones_are_names_of_the_database() {
        assert_eq!(time_zone("").unwrap(), "");
        assert_eq!(time_zone("UTC").unwrap(), "UTC");
        assert!(time_zone("../../etc/passwd").is_err());
    }

    #[test]
    fn a_device_name_is_made_harmless_instead_of_refused() {
        assert_eq!(device(None), "unnamed device");
        assert_eq!(device(Some(" lap\u{7}top ")), "laptop");
        assert_eq!(device(Some(&"x".repeat(100))).len(), 64);
    }

    #[test]
    fn every_broken_field_is_named() {
        let mut broken = Broken::default();
        broken.note("/email", email("x"));
        broken.note("/name", name(""));

        let refusal = broken.refuse().unwrap_err();

        let pointers: Vec<_> = refusal.problem().errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/email", "/name"]);
    }
}
