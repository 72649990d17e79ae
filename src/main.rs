//! The binary: everything is in the library.

/// The C library's allocator keeps what threads hand to one another: at full rate the process grew by a third of a
/// MiB a minute for hours, with nothing more in use (`tests/soak`).
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    onspec::cli::main(std::env::args_os()).into()
}
