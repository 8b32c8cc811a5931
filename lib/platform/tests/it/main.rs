//! One contract a port, told on every engine that is there, and the accept loop.

mod bus;
mod db;
mod engines;
mod fanout;
mod log_file;
mod mail;
mod objects;
mod serve;
