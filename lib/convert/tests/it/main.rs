//! The conversions as a caller sees them, on files made by code.

mod child;
mod corpus;
mod documents;
mod files;
mod hostile;
mod images;
mod matrix;
mod sheets;
mod sniff;
