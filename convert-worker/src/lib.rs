//! mshub-convert-worker
