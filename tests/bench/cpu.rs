//! The processor's time of a process, as Linux counts it.

/// Ticks of the counters in a second: fixed for programs on Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of this process so far, s.
#[allow(dead_code, reason = "each bench uses one of the two")]
pub(crate) fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("benches run on Linux");
    of_stat(&text)
}

/// User and system time of another process so far, s.
#[allow(dead_code, reason = "each bench uses one of the two")]
pub(crate) fn seconds_of(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it is running");
    of_stat(&text)
}

/// Fields 14 and 15 of proc_pid_stat(5); the name in field 2 may hold blanks.
fn of_stat(text: &str) -> f64 {
    let after_name = text.rsplit_once(')').expect("a stat line").1;
    let ticks = |field: usize| {
        let value = after_name.split_whitespace().nth(field - 3).expect("a stat line");
        value.parse::<f64>().expect("a number")
    };
    (ticks(14) + ticks(15)) / TICKS_PER_SECOND
}
