//! Which trace something belongs to: W3C trace context, as headers, records and rows carry it.

use std::{fmt, str::FromStr};

use axum::http::HeaderMap;

/// The header, of HTTP and of Kafka, that carries it.
pub const TRACEPARENT: &str = "traceparent";

/// A span of somebody, as its children know it. Written `00-TRACE-SPAN-FLAGS` in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    /// Whether it is told to a collector. Whoever began the trace has decided.
    pub(super) sampled: bool,
}

impl Context {
    /// The beginning of a trace; `share` of them, from 0 to 1, are told.
    pub(super) fn root(share: f64) -> Self {
        Self { trace: not_zero(), span: not_zero(), sampled: rand::random::<f64>() < share }
    }

    pub(super) fn child(self) -> Self {
        Self { span: not_zero(), ..self }
    }

    /// What a request says; what cannot be read counts as nothing said.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        headers.get(TRACEPARENT)?.to_str().ok()?.parse().ok()
    }

    /// The trace, 32 hex digits.
    pub fn trace_id(self) -> String {
        hex::encode(self.trace)
    }
}

/// Random bytes; all zero is no id.
fn not_zero<const N: usize>() -> [u8; N] {
    loop {
        let mut id = [0; N];
        rand::fill(&mut id);
        if id != [0; N] {
            return id;
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, sampled } = self;
        write!(out, "00-{}-{}-0{}", hex::encode(trace), hex::encode(span), u8::from(*sampled))
    }
}

/// A text is no trace context.
#[derive(Debug, thiserror::Error)]
#[error("this is no traceparent")]
pub struct Unread;

impl FromStr for Context {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let mut parts = text.split('-');
        let [version, trace, span, flags] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let version: [u8; 1] = id(version)?;
        // Of a later version the first four parts are the same, and more may follow.
        if version == [0xff] || version == [0] && parts.next().is_some() {
            return Err(Unread);
        }
        let (trace, span, [flags]) = (id(trace)?, id(span)?, id::<1>(flags)?);
        if trace == [0; 16] || span == [0; 8] {
            return Err(Unread);
        }
        Ok(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

/// Lower-case hex digits of exactly so many bytes.
fn id<const N: usize>(text: &str) -> Result<[u8; N], Unread> {
    let mut id = [0; N];
    if text.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err(Unread);
    }
    hex::decode_to_slice(text, &mut id).map_err(|_| Unread)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_child_is_of_the_same_trace() {
        let root = Context::root(1.0);
        let child = root.child();

        assert_eq!(child.to_string().parse::<Context>().unwrap(), child);
        assert_eq!((child.trace, child.sampled), (root.trace, true));
        assert_ne!(child.span, root.span);
        assert!(!Context::root(0.0).sampled);
    }

    #[test]
    fn only_what_the_standard_allows_is_a_context() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-and-more";

        assert!(good.parse::<Context>().unwrap().sampled);
        assert_eq!(later.parse::<Context>().unwrap().trace_id(), "0af7651916cd43dd8448eb211c80319c");
        for bad in [
            "",
            "nonsense",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert!(bad.parse::<Context>().is_err(), "{bad}");
        }
    }
}
