//! From figures and a load to workers, memory and disk.

use serde::Serialize;

use super::measure::Figures;

const SECONDS_A_DAY: f64 = 86_400.0;

/// What is to be carried.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// Tracks that come in on a day.
    pub tracks_per_day: u64,
    /// Share of them with audio.
    pub audio_share: f64,
    /// Share of them with lyrics.
    pub lyrics_share: f64,
    /// The busiest hour over the average one.
    pub peak: f64,
    /// Share of its time that a worker may be busy.
    pub busy: f64,
    /// Days for which tracks are kept.
    pub days: u64,
}

/// What carries it.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Tracks a second on average.
    pub per_second: f64,
    /// Tracks a second in the busiest hour.
    pub per_second_peak: f64,
    /// Seconds of a core that one track costs.
    pub core_s: f64,
    /// Workers that carry the average; each needs a core.
    pub workers: u64,
    /// Workers that carry the busiest hour.
    pub workers_peak: u64,
    /// Memory of the workers in the busiest hour, in GiB.
    pub workers_gib: f64,
    /// Tracks in the catalogue at the end.
    pub tracks_kept: u64,
    /// Memory of the server then, in GiB.
    pub server_gib: f64,
    /// Disk that a day takes, in GB.
    pub disk_gb_a_day: f64,
    /// Disk at the end, in GB.
    pub disk_gb: f64,
}

impl Plan {
    /// Works out a plan, linear in the tracks.
    pub fn of(load: &Load, figures: &Figures) -> Self {
        let per_second = load.tracks_per_day as f64 / SECONDS_A_DAY;
        let per_second_peak = per_second * load.peak;
        let core_s = figures.write_s
            + load.lyrics_share * figures.lyrics_s
            // Workers that share a machine slow each other down.
            + load.audio_share * figures.audio_s * figures.workers as f64 / figures.audio_speedup;
        let workers = |rate: f64| ((rate * core_s / load.busy).ceil() as u64).max(1);
        let tracks_kept = load.tracks_per_day.saturating_mul(load.days);
        let disk_bytes = figures.disk_bytes
            + load.lyrics_share * figures.disk_lyrics_bytes
            + load.audio_share * figures.disk_audio_bytes;
        let disk_gb_a_day = disk_bytes * load.tracks_per_day as f64 / 1e9;
        let workers_peak = workers(per_second_peak);
        Self {
            per_second,
            per_second_peak,
            core_s,
            workers: workers(per_second),
            workers_peak,
            workers_gib: workers_peak as f64 * figures.worker_mb / 1_024.0,
            tracks_kept,
            server_gib: figures.server_mb / 1_024.0
                + tracks_kept as f64 * figures.memory_bytes / f64::from(1 << 30),
            disk_gb_a_day,
            disk_gb: disk_gb_a_day * load.days as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load {
            tracks_per_day: 1_000_000,
            audio_share: 1.0,
            lyrics_share: 0.0,
            peak: 3.0,
            busy: 1.0,
            days: 1,
        }
    }

    /// A worker that takes half a second a track and 4 GiB.
    fn figures() -> Figures {
        Figures {
            workers: 1,
            audio_s: 0.5,
            audio_speedup: 1.0,
            lyrics_s: 0.0,
            write_s: 0.0,
            worker_mb: 4_096.0,
            server_mb: 0.0,
            memory_bytes: 0.0,
            disk_bytes: 1_000.0,
            disk_lyrics_bytes: 500.0,
            disk_audio_bytes: 0.0,
        }
    }

    #[test]
    fn a_million_tracks_a_day_at_two_a_second() {
        // 11.57 a second, 34.7 in the busiest hour: 18 workers without reserve, 20 at nine tenths.
        let plan = Plan::of(&load(), &figures());
        assert!((plan.per_second - 11.574).abs() < 1e-3);
        assert_eq!((plan.workers, plan.workers_peak), (6, 18));
        assert_eq!((plan.workers_gib, plan.disk_gb), (72.0, 1.0));
        let careful = Load {
            busy: 0.9,
            ..load()
        };
        assert_eq!(Plan::of(&careful, &figures()).workers_peak, 20);
    }

    #[test]
    fn nothing_needs_one_worker_and_shares_count() {
        let idle = Load {
            tracks_per_day: 0,
            ..load()
        };
        assert_eq!(Plan::of(&idle, &figures()).workers_peak, 1);
        let wordy = Load {
            lyrics_share: 0.5,
            audio_share: 0.0,
            days: 4,
            ..load()
        };
        let plan = Plan::of(&wordy, &figures());
        assert_eq!(
            (plan.core_s, plan.disk_gb_a_day, plan.disk_gb),
            (0.0, 1.25, 5.0)
        );
    }

    #[test]
    fn workers_that_share_a_machine_are_counted_as_they_ran() {
        let shared = Figures {
            workers: 4,
            audio_speedup: 2.0,
            ..figures()
        };
        assert_eq!(Plan::of(&load(), &shared).core_s, 1.0);
    }
}
