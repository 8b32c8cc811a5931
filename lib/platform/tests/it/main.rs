//! One contract a port, told on every engine that is there, and the accept loop.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bus;
mod db;
mod engines;
mod fanout;
mod harness;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod kafka_broker;
#[cfg(feature = "kafka-tls")]
mod kafka_tls;
mod log_file;
mod mail;
mod moving;
mod objects;
mod redis;
mod s3;
mod serve;
mod smtp;
mod tls;
mod traces;
