//! The full-screen client from the outside: what is painted, what keys do, what the terminal is left like.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what is wrong by failing")]

// The name that the workspace knows the package by.
extern crate mshub_tui as tui;

mod chatting;
mod choosing;
mod converting;
mod fixtures;
mod fuzz;
mod landing;
mod people;
mod real_loop;
mod sharing;
mod signing_in;
mod snapshots;
mod terminal;
