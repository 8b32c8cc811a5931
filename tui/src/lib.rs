//! mshub-tui
