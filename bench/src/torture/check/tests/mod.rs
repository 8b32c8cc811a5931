//! The judge on trial: a story without a fault passes, and each way to break a promise is named by that promise.

mod bad;
mod leaving;
mod random;
mod story;
