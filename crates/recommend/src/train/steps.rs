//! What steps from one track to the next cost: gathered from the log, learnt, judged beside the convention.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use leitmotif_domain::{TenantScope, Timestamp, TrackId};
use leitmotif_learn::sequencing::{
    PlayRates, SessionPlays, Step, StepColumns, StepListen, StepModel, StepParts, StepRow,
    TrackSound, TransitionWeights, steps_of,
};
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Play, RELEVANT_SIGNAL, Split};
use super::interval::{Interval, interval_of_mean, mean_of};
use super::ranker::SEED;
use super::table::sample;
use crate::error::Result;
use crate::playlists::sounds_of;
use crate::recent_sessions::SESSION_GAP_MS;
use crate::service::Stores;

/// Fewest steps that costs are learnt from: fewer say nothing surely about five parts.
const STEPS_MIN: usize = 500;
/// Most steps that are learnt from, and most that judge. Each weight is then known to a tenth of a logit or
/// better, and the sounds of at most twelve times as many tracks are held for a while: 140 MB where every
/// listener has one step and no track is heard twice.
const STEPS_MAX: usize = 20_000;
/// Plays of other sessions that stand for what a listener likes.
const HABIT: usize = 10;
/// Tracks whose analyses are read at once.
const READ_BATCH: usize = 500;

/// Steps of a stretch of time, each with what its listener played in other sessions.
#[derive(Default)]
pub struct Stretch {
    steps: Vec<(Step, Vec<u32>)>,
}

impl Stretch {
    /// Finds the steps from a moment on in plays, or so many of them, drawn. What was played in other
    /// sessions is of before and after the step, up to the end of the plays: it takes taste out and tells
    /// nothing of how the step ended.
    pub fn of(plays: &[Play], from: Timestamp) -> Self {
        let listens = || plays.iter().filter_map(step_listen);
        let steps = steps_of(listens(), SESSION_GAP_MS, from.as_ms());
        let drawn = sample(steps.len(), STEPS_MAX, SEED).into_iter();
        let steps: Vec<Step> = drawn
            .filter_map(|place| steps.get(place).copied())
            .collect();
        let listeners = steps.iter().map(|step| step.listener).collect();
        let plays = SessionPlays::of(listens(), SESSION_GAP_MS, &listeners);
        let beside = steps
            .into_iter()
            .map(|step| (step, plays.beside(&step, HABIT)));
        Self {
            // Of who has one session alone taste cannot be told from flow.
            steps: beside.filter(|(_, others)| !others.is_empty()).collect(),
        }
    }

    fn columns(&self) -> impl Iterator<Item = u32> + '_ {
        let steps = self.steps.iter();
        steps.flat_map(|(step, others)| others.iter().copied().chain([step.from, step.to]))
    }
}

/// Steps with the sounds of their tracks.
pub struct SoundedSteps {
    stretch: Stretch,
    /// By column of the dataset.
    sounds: HashMap<u32, TrackSound>,
}

impl SoundedSteps {
    /// Reads the sounds of the tracks in steps, each once.
    ///
    /// - Cost: one read of an analysis and a vector for each track, in batches.
    pub async fn read(
        stores: &Stores,
        scope: &TenantScope,
        items: &[TrackId],
        stretch: Stretch,
    ) -> Result<Self> {
        let columns: BTreeSet<u32> = stretch.columns().collect();
        let ids: Vec<(u32, TrackId)> = (columns.into_iter())
            .filter_map(|column| Some((column, *items.get(column as usize)?)))
            .collect();
        let mut sounds = HashMap::with_capacity(ids.len());
        for batch in ids.chunks(READ_BATCH) {
            let tracks: Vec<TrackId> = batch.iter().map(|(_, id)| *id).collect();
            let read = sounds_of(stores, scope, &tracks).await?;
            sounds.extend(batch.iter().map(|(column, _)| *column).zip(read));
        }
        Ok(Self { stretch, sounds })
    }

    fn parts(&self, from: u32, to: u32) -> StepParts {
        let sounds = self.sounds.get(&from).zip(self.sounds.get(&to));
        sounds.map_or_else(StepParts::default, |(from, to)| StepParts::of(from, to))
    }

    /// Mean parts of steps to the second track of a step from what its listener played: the first track,
    /// and those of other sessions.
    fn habit(&self, step: &Step, others: &[u32]) -> StepParts {
        let played = others.iter().chain([&step.from]);
        StepParts::mean(played.map(|item| self.parts(*item, step.to)))
    }
}

/// A play as steps need it; a judgement is none.
fn step_listen(play: &Play) -> Option<StepListen> {
    let is_play = (-1.0..=1.0).contains(&play.signal);
    let is_played = match play.signal {
        signal if signal >= RELEVANT_SIGNAL => Some(true),
        // Stopped without a judgement, for example because the player was closed.
        signal if signal > 0.0 => None,
        signal if signal < 0.0 => Some(false),
        // A skip after half of the track says nothing of taste, and was one all the same.
        _ => play.listened_share.map(|_| false),
    };
    is_play.then_some(StepListen {
        listener: play.listener,
        item: play.item,
        at_ms: play.at.as_ms(),
        is_played,
    })
}

/// Steps as they are learnt from, and judge.
#[derive(Default)]
pub struct StepRows {
    rows: Vec<StepRow>,
    listeners: Vec<u32>,
}

impl StepRows {
    /// Makes the rows of steps after a split; how often listeners and tracks are played on is read before.
    ///
    /// - Cost: O(known plays + steps × dimension of the embedding).
    pub fn of(dataset: &Dataset, split: &Split<'_>, sounded: &SoundedSteps) -> Self {
        let known = split.train().iter().filter_map(step_listen);
        let rates = PlayRates::of(known, dataset.listeners.len(), dataset.items.len());
        let mut found = Self::default();
        for (step, others) in &sounded.stretch.steps {
            let parts = sounded.parts(step.from, step.to);
            // Of a step of which nothing is known nothing can be learnt.
            if parts == StepParts::default() {
                continue;
            }
            found.rows.push(StepRow {
                parts,
                habit: sounded.habit(step, others),
                rates: rates.columns(step.listener, step.to),
                is_played: step.is_played,
            });
            found.listeners.push(step.listener);
        }
        found
    }

    /// Learns what the parts of a step cost, and how much the convention's cost matters; none where there
    /// are too few steps, or all ended alike.
    pub fn learn(&self) -> Option<LearntSteps> {
        if self.rows.len() < STEPS_MIN {
            return None;
        }
        let convention = StepColumns::Cost(TransitionWeights::CONVENTION);
        Some(LearntSteps {
            steps: self.rows.len() as u64,
            parts: StepModel::fit(&self.rows, StepColumns::Parts)?,
            convention: StepModel::fit(&self.rows, convention)?,
        })
    }
}

/// What was learnt of steps.
#[derive(Clone, Serialize, Deserialize)]
pub struct LearntSteps {
    steps: u64,
    parts: StepModel,
    convention: StepModel,
}

impl LearntSteps {
    /// Judges what was learnt on later steps, beside the convention whose scale was learnt from the same.
    ///
    /// The interval resamples listeners with all their steps, and every step counts the same.
    pub fn judge(&self, held_out: &StepRows) -> StepReport {
        let mut by_listener: BTreeMap<u32, f64> = BTreeMap::new();
        let (mut loss, mut convention_loss) = (0.0, 0.0);
        for (row, listener) in held_out.rows.iter().zip(&held_out.listeners) {
            let (learnt, convention) = (self.parts.log_loss(row), self.convention.log_loss(row));
            *by_listener.entry(*listener).or_default() += convention - learnt;
            loss += learnt;
            convention_loss += convention;
        }
        let judged = held_out.rows.len().max(1) as f64;
        let each = by_listener.len() as f64 / judged;
        let gains: Vec<f64> = by_listener.values().map(|gain| gain * each).collect();
        let (gain, interval) = (mean_of(&gains), interval_of_mean(&gains));
        let weights = self.parts.weights();
        let is_sure = interval.is_some_and(|interval| interval.low > 0.0);
        let is_in_use = weights.is_some() && is_sure;
        StepReport {
            steps: self.steps,
            steps_judged: held_out.rows.len() as u64,
            listeners: gains.len() as u64,
            weights,
            worst_logits: self.parts.worst(),
            convention: TransitionWeights::CONVENTION,
            log_loss: loss / judged,
            convention_log_loss: convention_loss / judged,
            gain,
            interval,
            is_in_use,
            reason: reason(weights.is_some(), is_in_use, gain, interval),
        }
    }
}

/// Why playlists are ordered by what was learnt, or are not.
fn reason(has_weights: bool, is_in_use: bool, gain: f64, interval: Option<Interval>) -> String {
    let Some(interval) = interval else {
        return "playlists are ordered by the convention: steps of fewer than two listeners judge"
            .to_owned();
    };
    if !has_weights {
        return "playlists are ordered by the convention: no part of a step was found to matter"
            .to_owned();
    }
    let (order, why) = if is_in_use {
        ("what was learnt", "it tells")
    } else {
        ("the convention", "what was learnt does not surely tell")
    };
    format!(
        "playlists are ordered by {order}: {why} better where listeners play on, by {gain:.5} nats a step \
         (95 % interval {:.5} to {:.5})",
        interval.low, interval.high
    )
}

/// What was learnt of steps from one track to the next, and how well it tells where listeners play on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Steps learnt from.
    pub steps: u64,
    /// Later steps that judged.
    pub steps_judged: u64,
    /// Listeners in them.
    pub listeners: u64,
    /// What each part of a step counts at its worst, as a share of the costliest step; none where no part
    /// was found to matter.
    pub weights: Option<TransitionWeights>,
    /// What the costliest step takes off the log-odds of playing on.
    pub worst_logits: f64,
    /// The convention beside it.
    pub convention: TransitionWeights,
    /// Mean log loss of what was learnt on the later steps, in nats.
    pub log_loss: f64,
    /// That of the convention's cost, with a learnt scale.
    pub convention_log_loss: f64,
    /// By how much the convention's is larger.
    pub gain: f64,
    /// Its 95% interval by listener.
    pub interval: Option<Interval>,
    /// Whether the interval lies above 0, and playlists are ordered by the weights.
    pub is_in_use: bool,
    /// Why, as a sentence.
    pub reason: String,
}

impl StepReport {
    /// The weights that a model keeps.
    pub fn kept(&self) -> Option<TransitionWeights> {
        self.weights.filter(|_| self.is_in_use)
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Timestamp;

    use super::*;
    use crate::moments::UNKNOWN;

    fn play(signal: f32, listened_share: Option<f32>) -> Play {
        Play {
            listener: 3,
            item: 4,
            at: Timestamp::from_ms(5),
            signal,
            offset: 0,
            listened_share,
            moment: UNKNOWN,
        }
    }

    #[test]
    fn what_a_play_says_of_a_step() {
        let said = |signal, share| step_listen(&play(signal, share)).map(|one| one.is_played);
        assert_eq!(said(1.0, None), Some(Some(true)));
        assert_eq!(said(0.75, Some(0.75)), Some(Some(true)));
        assert_eq!(said(0.25, Some(0.25)), Some(None), "stopped");
        assert_eq!(said(-0.5, Some(0.25)), Some(Some(false)));
        assert_eq!(said(0.0, Some(0.6)), Some(Some(false)), "a late skip");
        assert_eq!(said(0.0, None), Some(None));
        assert_eq!(said(3.0, None), None, "a like");
        assert_eq!(said(-3.0, None), None);
    }

    /// Rows in which falls of energy are minded, by so many logits.
    fn rows(count: u32, minded: f32) -> StepRows {
        let mut rows = StepRows::default();
        let mut generator = SEED.rng();
        for number in 0..count {
            let mut unit = || generator.next_f64() as f32;
            let (fall, tempo) = (unit(), unit());
            let chance = 1.0 / (1.0 + (minded * fall - 1.0).exp());
            rows.rows.push(StepRow {
                parts: StepParts {
                    tempo: Some(tempo),
                    energy_rise: Some(0.0),
                    energy_fall: Some(fall),
                    ..StepParts::default()
                },
                habit: StepParts::default(),
                rates: [0.0; 2],
                is_played: unit() < chance,
            });
            rows.listeners.push(number % 200);
        }
        rows
    }

    fn parted(rows: StepRows, at: usize) -> (StepRows, StepRows) {
        let (mut first, mut later) = (StepRows::default(), StepRows::default());
        for (number, (row, listener)) in rows.rows.into_iter().zip(rows.listeners).enumerate() {
            let part = if number < at { &mut first } else { &mut later };
            part.rows.push(row);
            part.listeners.push(listener);
        }
        (first, later)
    }

    #[test]
    fn learnt_costs_serve_where_order_matters() {
        let (first, later) = parted(rows(20_000, 2.0), 14_000);
        let report = first.learn().unwrap().judge(&later);
        assert!(report.is_in_use, "{report:?}");
        let weights = report.kept().unwrap();
        assert!(
            weights.energy_fall > 0.8 && weights.tempo < 0.2,
            "{weights:?}"
        );
        assert!(report.interval.unwrap().low > 0.0 && report.gain > 0.001);
        let sum = report.convention_log_loss - report.log_loss;
        assert!((sum - report.gain).abs() < 1e-9);
        assert!(
            report.reason.contains("by what was learnt"),
            "{}",
            report.reason
        );
    }

    #[test]
    fn the_convention_stays_where_order_does_not_matter() {
        let (first, later) = parted(rows(20_000, 0.0), 14_000);
        let report = first.learn().unwrap().judge(&later);
        assert!(!report.is_in_use && report.kept().is_none(), "{report:?}");
        assert!(
            report.reason.contains("by the convention"),
            "{}",
            report.reason
        );
        let nobody = first.learn().unwrap().judge(&StepRows::default());
        assert!(!nobody.is_in_use && nobody.reason.contains("fewer than two"));
    }

    #[test]
    fn few_steps_teach_nothing() {
        let few = rows(STEPS_MIN as u32 - 1, 2.0);
        assert!(few.learn().is_none());
        assert!(StepRows::default().learn().is_none());
    }
}
