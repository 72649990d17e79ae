//! What a person sees who waits for a recording.

use crate::app::Feed;
use crate::models::Stage;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often it is seen that a fit goes on.
const TICK: Duration = Duration::from_millis(200);

/// Records between two looks at how much there is.
const LOOK_EVERY: u64 = 256;

/// Records read, how fast, and, where that is known, which share of all and how long it will take; nothing
/// where nobody looks.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    bar: ProgressBar,
    feed: &'a dyn Feed,
    records: u64,
    /// The share that was read when it was last looked at.
    share: f64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(feed: &'a dyn Feed) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        bar.set_style(style("{spinner} {human_pos} records, {per_sec}"));
        Self { bar, feed, records: 0, share: 0.0 }
    }

    /// All is read, and a model is fitted: this is what that is at.
    pub(super) fn stage(&self, stage: Stage) {
        self.bar.set_style(style("{spinner} {msg}, {elapsed}"));
        self.bar.set_message(stage.as_str());
        self.bar.enable_steady_tick(TICK);
    }

    /// A record was read.
    pub(super) fn row(&mut self) {
        self.records += 1;
        if !self.records.is_multiple_of(LOOK_EVERY) || self.bar.is_hidden() {
            return;
        }
        if let Some(share) = self.feed.share() {
            if self.bar.length().is_none() {
                self.bar.set_style(style(
                    "{bar:30} {percent:>3} %, {human_pos} records, {per_sec}, {eta} left",
                ));
            }
            if share < self.share {
                // It is read once more.
                self.records = LOOK_EVERY;
                self.bar.reset();
            }
            self.share = share;
            self.bar.set_length(all(self.records, share));
        }
        self.bar.set_position(self.records);
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How many records there will be, when so many are this share of all.
fn all(records: u64, share: f64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
    let estimate = records as f64 / share.clamp(1e-9, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let estimate = estimate as u64;
    estimate.max(records)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_right_and_estimates_are_no_nonsense() {
        for (records, share, expected) in
            [(256, 0.5, 512), (256, 1.0, 256), (256, 1.5, 256), (256, 0.25, 1024)]
        {
            assert_eq!(all(records, share), expected, "{share}");
        }
        for template in [
            "{spinner} {human_pos}, {per_sec}",
            "{spinner} {msg}, {elapsed}",
            "{bar:30} {percent:>3} %, {eta} left",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
