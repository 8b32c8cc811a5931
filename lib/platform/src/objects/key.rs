//! Keys of objects: the same on every engine.

use super::Error;

/// Keys are ours (`in/{job}`), but a link carries one from outside: nothing may climb out of a folder or a prefix.
/// `part/` is where the folder store keeps what is not whole yet.
pub(super) fn check(key: &str) -> Result<(), Error> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if key.split('/').all(plain) && !key.starts_with("part/") && key.len() <= 256 {
        return Ok(());
    }
    Err(Error::BadKey(key.to_owned()))
}
