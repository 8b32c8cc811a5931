//! Stories of the chat-worker: what is in the log comes to be in the history, once, in order.

mod fixture;
mod heads;
mod history;
mod restart;
