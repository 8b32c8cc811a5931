//! mshub-bench
