//! The allocator of every program that has this crate in it.
//!
//! What one thread allocates another frees here: a frame is made where the log is read and goes where the last socket has
//! taken it. glibc's allocator pays for that with locks and with gathering what was freed. With jemalloc a message to rooms
//! of ten takes about half the CPU (`bench/RESULTS.md`).

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
