//! mshub-platform
