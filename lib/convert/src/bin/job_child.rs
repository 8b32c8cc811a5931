//! The smallest program that can be a job child; tests start it, the product starts itself.

fn main() -> std::process::ExitCode {
    mshub_convert::job_child_main()
}
