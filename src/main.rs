//! The binary: everything is in the library, but for how the C library keeps memory.

fn main() -> std::process::ExitCode {
    give_back_what_is_freed();
    onspec::cli::main(std::env::args_os()).into()
}

/// Blocks of at least this many bytes are mapped on their own, and unmapped when they are freed.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: libc::c_int = 128 << 10;

/// Heaps that threads share. Each keeps what its threads need at most, and what one thread frees in
/// another's heap makes holes.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;

/// Has glibc give back what is freed.
///
/// By itself it raises the size from which a block is mapped on its own with each such block that is freed,
/// to 32 MiB, and gives each thread a heap. Then checkpoints and groups of a few hundred kB, which come and
/// go on other threads each second, are cut out of heaps that only give back what is free at their end: the
/// process grew by about 40 MB an hour, though it held no more (`tests/soak`).
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "calls of the C library")]
fn give_back_what_is_freed() {
    // Whoever tunes it from outside has a reason.
    #[expect(clippy::disallowed_methods, reason = "this is `main`, and it is about the process")]
    let is_tuned = |name: &str| std::env::var_os(name).is_some();
    let settings = [
        ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, MAPPED_FROM),
        ("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, HEAPS),
    ];
    for (_, what, value) in settings.into_iter().filter(|(name, ..)| !is_tuned(name)) {
        // SAFETY: it takes two numbers and sets one of the allocator's, before there is another thread. A
        // value that it does not take leaves everything as it was.
        unsafe {
            libc::mallopt(what, value);
        }
    }
}

/// Other C libraries are left as they are.
#[cfg(not(target_env = "gnu"))]
fn give_back_what_is_freed() {}
