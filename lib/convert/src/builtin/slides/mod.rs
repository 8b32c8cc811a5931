//! PowerPoint presentations (ECMA-376 Part 1, 19): read for their words, and drawn as pages.

mod body;
mod deck;
mod fill;
mod geometry;
mod lines;
mod losses;
mod numbers;
mod page;
mod parts;
mod pictures;
mod place;
mod reader;
mod scene;
mod scheme;
mod shapes;
mod sources;
mod style;
mod table;
mod table_style;
mod text;
mod text_box;
mod tree;

pub(super) use page::convert as draw;
pub(super) use text::convert as read;
