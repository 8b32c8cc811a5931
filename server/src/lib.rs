//! mshub-server
