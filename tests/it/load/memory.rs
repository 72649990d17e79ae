//! Whether the memory of a process is flat.

/// The memory of a process over time.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Seconds since some instant, and MiB.
    samples: Vec<(f64, f64)>,
}

/// A straight line through the samples, by least squares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slope {
    /// MiB in a minute.
    pub(crate) per_minute: f64,
    /// The standard error of that. Neighbours among the samples resemble each other, so they count for fewer than they
    /// are: by their correlation (r) with the one before, n (1 − r) / (1 + r).
    pub(crate) error: f64,
    /// MiB in the middle.
    pub(crate) mean: f64,
    /// Minutes from the first sample to the last.
    minutes: f64,
    count: usize,
}

impl Memory {
    /// Looks at a process now.
    pub(crate) fn sample(&mut self, process: u32, second: f64) {
        self.samples.push((second, resident_mib(process)));
    }

    /// The highest of the samples, MiB.
    pub(crate) fn peak(&self) -> f64 {
        self.samples.iter().map(|(_, mib)| *mib).fold(0.0, f64::max)
    }

    /// The line through the samples from this second on.
    pub(crate) fn slope_from(&self, second: f64) -> Slope {
        let samples: Vec<(f64, f64)> =
            self.samples.iter().filter(|(at, _)| *at >= second).copied().collect();
        slope(&samples)
    }
}

impl Slope {
    /// How much more than nothing the line may rise: three standard errors, and no less than what makes one percent
    /// over the whole time, which an allocator's own pages come to.
    pub(crate) fn band(&self) -> f64 {
        (3.0 * self.error).max(0.01 * self.mean / self.minutes)
    }

    /// Whether the line rises no more than the band allows.
    pub(crate) fn is_flat(&self) -> bool {
        self.per_minute <= self.band()
    }

    /// In words.
    pub(crate) fn told(&self) -> String {
        format!(
            "memory {:.1} MiB, slope {:+.4} MiB/min, standard error {:.4}, band {:.4} ({} samples over {:.1} min)",
            self.mean,
            self.per_minute,
            self.error,
            self.band(),
            self.count,
            self.minutes
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "a number of samples")]
fn slope(samples: &[(f64, f64)]) -> Slope {
    assert!(samples.len() > 10, "too few samples: {}", samples.len());
    let n = samples.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / n;
    let (at, mib) = (mean(|s| s.0), mean(|s| s.1));
    let spread: f64 = samples.iter().map(|s| (s.0 - at).powi(2)).sum();
    let common: f64 = samples.iter().map(|s| (s.0 - at) * (s.1 - mib)).sum();
    let rise = common / spread;
    let rest: Vec<f64> = samples.iter().map(|s| s.1 - mib - rise * (s.0 - at)).collect();
    let squares: f64 = rest.iter().map(|r| r * r).sum();
    let neighbours: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let alike = if squares > 0.0 { (neighbours / squares).clamp(0.0, 0.999) } else { 0.0 };
    let counting = (n * (1.0 - alike) / (1.0 + alike)).max(3.0);
    let error = (squares / n / spread * n / (counting - 2.0).max(1.0)).sqrt();
    let seconds = samples[samples.len() - 1].0 - samples[0].0;
    Slope {
        per_minute: rise * 60.0,
        error: error * 60.0,
        mean: mib,
        minutes: seconds / 60.0,
        count: samples.len(),
    }
}

/// What the process has in memory.
fn resident_mib(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it is running");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("proc_pid_status");
    let kib = line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number of kB");
    kib / 1024.0
}

#[test]
fn a_slope_is_told_from_noise() {
    // A saw tooth about 50 MiB, and the same with a leak of 1 MiB a minute.
    let saw = |ix: u32| f64::from(ix % 17) / 17.0;
    let samples = |leak: f64| -> Vec<(f64, f64)> {
        (0..600).map(|ix| (f64::from(ix), 50.0 + saw(ix) + leak * f64::from(ix) / 60.0)).collect()
    };
    let flat = slope(&samples(0.0));
    assert!(flat.is_flat(), "{}", flat.told());
    let leaking = slope(&samples(1.0));
    assert!(!leaking.is_flat(), "{}", leaking.told());
    assert!((leaking.per_minute - 1.0).abs() < 0.05, "{}", leaking.told());
}
