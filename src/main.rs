//! The binary: everything is in the library, but for how the C library keeps memory.

fn main() -> std::process::ExitCode {
    memory::give_back_what_is_freed();
    onspec::cli::main(std::env::args_os()).into()
}

/// The allocator of glibc, which by itself keeps a growing part of what is freed.
///
/// It raises the size from which a block is mapped on its own with each such block that is freed, to 32 MiB,
/// and gives each thread a heap. Then checkpoints and groups of a few hundred kB, which come and go on other
/// threads each second, are cut out of heaps that only give back what is free at their end: the process grew
/// by about 40 MB an hour, though it held no more (`tests/soak`).
#[cfg(target_env = "gnu")]
mod memory {
    use std::time::Duration;

    /// Blocks of at least this many bytes are mapped on their own, and unmapped when they are freed.
    const MAPPED_FROM: libc::c_int = 128 << 10;
    /// Heaps that threads share. Each keeps what its threads need at most, and what one thread frees in
    /// another's heap makes holes.
    const HEAPS: libc::c_int = 2;
    /// How often pages in such holes are given back, for which it walks the free blocks of a few ten MB.
    const TRIMMED_EVERY: Duration = Duration::from_secs(30);

    /// Has it give back what is freed. Whoever tunes it from outside has a reason, and is not overruled.
    pub(crate) fn give_back_what_is_freed() {
        tune("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, MAPPED_FROM);
        tune("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, HEAPS);
        let trims = || {
            loop {
                std::thread::park_timeout(TRIMMED_EVERY);
                trim();
            }
        };
        // Without it the process takes more memory, and that is all.
        drop(std::thread::Builder::new().name("memory".to_owned()).spawn(trims));
    }

    #[expect(unsafe_code, reason = "a call of the C library")]
    fn tune(variable: &str, what: libc::c_int, value: libc::c_int) {
        #[expect(clippy::disallowed_methods, reason = "called by `main` alone, for the process")]
        if std::env::var_os(variable).is_some() {
            return;
        }
        // SAFETY: it takes two numbers and sets one of the allocator's, before there is another thread. A
        // value that it does not take leaves everything as it was.
        unsafe {
            libc::mallopt(what, value);
        }
    }

    #[expect(unsafe_code, reason = "a call of the C library")]
    fn trim() {
        // SAFETY: it takes the locks of the heaps and gives back pages that no block is in.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

/// Other C libraries are left as they are.
#[cfg(not(target_env = "gnu"))]
mod memory {
    pub(crate) fn give_back_what_is_freed() {}
}
