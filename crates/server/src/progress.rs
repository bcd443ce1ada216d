//! Progress bars with rate and ETA; plain lines where there is no terminal.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use leitmotif_demo::tour::TourProgress;

/// Bars by step.
pub struct Bars {
    drawn: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
    is_plain: bool,
}

impl Bars {
    /// Draws on standard error, unless silenced.
    pub fn new(is_silent: bool) -> Self {
        let is_plain = !std::io::stderr().is_terminal();
        let target = if is_silent || is_plain {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(10)
        };
        Self {
            drawn: MultiProgress::with_draw_target(target),
            bars: Mutex::default(),
            is_plain: is_plain && !is_silent,
        }
    }

    /// The bar of a step, and whether it was made just now.
    fn bar(&self, step: &str, total: u64) -> (ProgressBar, bool) {
        let mut bars = self
            .bars
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let make = || {
            let style =
                ProgressStyle::with_template("{msg:32} [{bar:28}] {pos}/{len} {per_sec} ETA {eta}");
            let bar = self.drawn.add(ProgressBar::new(total));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(step.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        };
        match bars.entry(step.to_owned()) {
            Entry::Occupied(known) => (known.get().clone(), false),
            Entry::Vacant(place) => (place.insert(make()).clone(), true),
        }
    }
}

impl TourProgress for Bars {
    fn begin(&self, step: &str, total: u64) {
        let (bar, is_new) = self.bar(step, total);
        bar.set_length(total);
        if self.is_plain && is_new {
            eprintln!("{step} …");
        }
    }

    fn advance(&self, step: &str, done: u64) {
        self.bar(step, 0).0.set_position(done);
    }

    fn end(&self, step: &str) {
        let (bar, _) = self.bar(step, 0);
        let (done, taken) = (bar.position(), bar.elapsed().as_secs_f64());
        bar.finish();
        if self.is_plain {
            eprintln!("{step}: {done} in {taken:.1} s");
        }
    }
}
