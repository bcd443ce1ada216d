//! The stages of a training, how far it is, and what each took.

use leitmotif_domain::job::Progress;
use leitmotif_domain::training::{ReportDepth, SearchBudget, TrainingRequest};
use leitmotif_domain::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

/// A stage of a training, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the catalogue and the log, and refusing what nothing can be learnt from.
    Validate,
    /// Finding the settings and weights of the sources.
    FitSources,
    /// Reading what was known at each moment that is asked from.
    Split,
    /// Building the rows that an order is learnt from.
    BuildRows,
    /// Learning the order.
    FitRanker,
    /// Judging on the held-out listens, beside the model in production.
    Evaluate,
    /// Measuring what the report shows beyond the ladder.
    Measure,
    /// Fitting on everything, and registering.
    Register,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Validate,
        Self::FitSources,
        Self::Split,
        Self::BuildRows,
        Self::FitRanker,
        Self::Evaluate,
        Self::Measure,
        Self::Register,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Split => "split",
            Self::FitSources => "fit_sources",
            Self::BuildRows => "build_rows",
            Self::FitRanker => "fit_ranker",
            Self::Evaluate => "evaluate",
            Self::Measure => "measure",
            Self::Register => "register",
        }
    }

    /// Its share of the cost, as measured on the demo world in units of about 10 ms. Other logs weigh
    /// stages otherwise; what is wrong then is how evenly the bar moves.
    fn weight(self, request: &TrainingRequest) -> u64 {
        match (self, request.search) {
            (Self::Validate, _) => 10,
            (Self::FitSources, None) => 490,
            (Self::FitSources, Some(SearchBudget::Trials { sources, .. })) => {
                150 + 35 * u64::from(sources)
            }
            (Self::FitRanker, Some(SearchBudget::Trials { ranker, .. })) => {
                1_100 * u64::from(ranker)
            }
            (Self::FitSources | Self::FitRanker, Some(SearchBudget::Seconds(seconds))) => {
                150 + 50 * u64::from(seconds)
            }
            (Self::Split, _) => 45,
            (Self::BuildRows, _) => 460,
            (Self::FitRanker, None) => 1_100,
            (Self::Evaluate, _) => 200,
            // A fit of the ranker for each group of columns, and one with all: fifteen.
            (Self::Measure, _) if request.report == ReportDepth::Full => 20_000,
            (Self::Measure, _) => 0,
            (Self::Register, _) => 105,
        }
    }

    /// What lies before the stage.
    fn begin(self, request: &TrainingRequest) -> u64 {
        let before = Self::ALL.iter().take(self as usize);
        before.map(|stage| stage.weight(request)).sum()
    }

    /// The stage that a training with this progress is in; none once it is over.
    pub fn at(request: &TrainingRequest, progress: Progress) -> Option<Self> {
        let is_on = |stage: &&Self| {
            let weight = stage.weight(request);
            weight > 0 && progress.done < stage.begin(request) + weight
        };
        Self::ALL.iter().find(is_on).copied()
    }
}

/// What a stage took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTime {
    /// Which.
    pub stage: Stage,
    /// How long, in milliseconds.
    pub duration_ms: u64,
    /// Whether its result was there already, from a run that was broken off.
    pub is_resumed: bool,
}

/// Tells how far a training is and notes what its stages take.
pub struct Meter<'c, F> {
    request: TrainingRequest,
    clock: &'c dyn Clock,
    tell: F,
    times: Vec<StageTime>,
    running: Option<(Stage, Timestamp, bool)>,
}

impl<'c, F: FnMut(Progress) + Send> Meter<'c, F> {
    /// Starts before the first stage.
    pub fn new(request: TrainingRequest, clock: &'c dyn Clock, tell: F) -> Self {
        Self {
            request,
            clock,
            tell,
            times: Vec::new(),
            running: None,
        }
    }

    /// Ends the stage before and begins another.
    pub fn begin(&mut self, stage: Stage, is_resumed: bool) {
        self.end();
        self.running = Some((stage, self.clock.now(), is_resumed));
        self.within(0.0);
    }

    /// Tells which share of the running stage is done, 0..=1.
    pub fn within(&mut self, share: f64) {
        let Some((stage, ..)) = self.running else {
            return;
        };
        // A stage that is nearly done is not the next one yet.
        let weight = stage.weight(&self.request);
        let inside = (weight as f64 * share.clamp(0.0, 1.0)) as u64;
        let done = stage.begin(&self.request) + inside.min(weight.saturating_sub(1));
        let total = Self::total(&self.request);
        (self.tell)(Progress { done, total });
    }

    /// Ends the last stage and answers what each took.
    pub fn finish(mut self) -> Vec<StageTime> {
        self.end();
        let total = Self::total(&self.request);
        (self.tell)(Progress { done: total, total });
        self.times
    }

    /// Ends the running stage without another.
    pub fn end(&mut self) {
        if let Some((stage, began, is_resumed)) = self.running.take() {
            self.times.push(StageTime {
                stage,
                duration_ms: self.clock.now().since_ms(began).max(0).unsigned_abs(),
                is_resumed,
            });
        }
    }

    /// What the stages took so far.
    pub fn times(&self) -> &[StageTime] {
        &self.times
    }

    fn total(request: &TrainingRequest) -> u64 {
        Stage::ALL.iter().map(|stage| stage.weight(request)).sum()
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::clock::ManualClock;

    use super::*;

    #[test]
    fn progress_names_its_stage_and_only_grows() {
        let request = TrainingRequest::default();
        let clock = ManualClock::new(Timestamp::from_ms(0));
        let mut told = Vec::new();
        let mut meter = Meter::new(request, &clock, |progress| told.push(progress));
        for stage in Stage::ALL {
            if stage.weight(&request) > 0 {
                meter.begin(stage, false);
                clock.advance_ms(7);
                meter.within(0.5);
                meter.within(1.0);
            }
        }
        let times = meter.finish();
        assert!(times.iter().all(|time| time.duration_ms == 7) && times.len() == 7);
        assert!(told.is_sorted_by(|a, b| a.done <= b.done), "{told:?}");
        let named: Vec<_> = told.iter().map(|one| Stage::at(&request, *one)).collect();
        let stages = Stage::ALL.iter().filter(|stage| stage.weight(&request) > 0);
        let wanted = stages.flat_map(|stage| [Some(*stage); 3]).chain([None]);
        assert_eq!(named, wanted.collect::<Vec<_>>());
    }

    #[test]
    fn a_stage_that_is_not_asked_for_costs_nothing() {
        let brief = TrainingRequest::default();
        let full = TrainingRequest {
            report: ReportDepth::Full,
            ..brief
        };
        let progress = |request: &TrainingRequest| Progress {
            done: Stage::Measure.begin(request),
            total: 0,
        };
        assert_eq!(Stage::at(&brief, progress(&brief)), Some(Stage::Register));
        assert_eq!(Stage::at(&full, progress(&full)), Some(Stage::Measure));
    }
}
