//! The head of a room: counted and hashed here as everybody else does it, see [`wire::heads`].

pub(crate) use wire::heads::{Hash, Standing};
