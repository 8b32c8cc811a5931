//! The `mshub` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mshub::main()
}
