//! mshub-client
