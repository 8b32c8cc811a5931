//! The program as people run it.

mod check;
