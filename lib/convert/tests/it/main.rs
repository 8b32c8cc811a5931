//! The conversions as a caller sees them, on files made by code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; the corpus prints its table"
)]

mod books;
mod child;
mod containers;
mod corpus;
mod documents;
mod drawings;
mod files;
mod gotenberg;
mod hosted;
mod hostile;
mod images;
mod loss;
mod matrix;
mod office;
mod pages;
mod pdf_pictures;
mod sheet_pages;
mod sheets;
mod slides;
mod sniff;
mod warm;
