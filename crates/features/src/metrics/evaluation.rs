//! The value of a metric over a stretch of time, as a whole and broken down.

use std::collections::{HashMap, HashSet};

use leitmotif_domain::Timestamp;
use leitmotif_domain::zone::Calendar;

use super::attribution::Attribution;
use super::definition::{Measure, MetricDefinition, Observation, Term, VALUE_SCALE, WEIGHT_SCALE};
use super::facts::{Facts, Part, Setting, deal};
use super::rows::{ListenerFacts, Play, Shown};
use super::tally::{DEALT, Evaluation, GroupKey, Tally};
use crate::definition::{EventKind, Field, Scalar};

/// Groups of one answer: three years of days, or a month of days for thirty placements.
pub const GROUPS_MAX: usize = 1_100;
/// What one counts in sums before its weight.
const ONE: i64 = VALUE_SCALE / WEIGHT_SCALE;

/// What a value is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakdown {
    /// The day of the observation.
    Day,
    /// Where it was shown.
    Placement,
    /// How personal the answer was.
    Rung,
    /// Which model answered.
    Model,
    /// Which version of a pipeline, or which variant, chose.
    Pipeline,
    /// The layout of the page it was a part of.
    Layout,
}

impl Breakdown {
    /// Every breakdown.
    pub const ALL: [Self; 6] = [
        Self::Day,
        Self::Placement,
        Self::Rung,
        Self::Model,
        Self::Pipeline,
        Self::Layout,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Placement => "placement",
            Self::Rung => "rung",
            Self::Model => "model",
            Self::Pipeline => "pipeline",
            Self::Layout => "layout",
        }
    }

    /// Whether observations of a kind have it.
    pub fn is_of(self, observation: Observation) -> bool {
        self == Self::Day || observation != Observation::ListenerDay
    }

    fn label(self, setting: &Setting) -> Option<String> {
        match self {
            Self::Day => None,
            Self::Placement => Some(setting.placement.clone()),
            Self::Rung => Some(setting.rung.name().to_owned()),
            Self::Model => setting.model.clone(),
            Self::Pipeline => {
                let (name, version) = setting.assignment.as_ref()?;
                Some(format!("{name} {version}"))
            }
            Self::Layout => setting.layout.clone(),
        }
    }
}

/// Which observations, and how they are broken down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// Broken down by these.
    pub by: Vec<Breakdown>,
    /// Which days there are.
    pub calendar: Calendar,
}

/// Evaluates a metric over the rows of those listeners that are in a part. The rows must be sorted.
///
/// - Errors: more than [`GROUPS_MAX`] groups; tells how many there are at least.
/// - Cost: O(rows log rows of a listener); memory for one listener, the groups, and of a `catalogue_track` for each
///   track of a group.
pub fn evaluate(
    definition: &MetricDefinition,
    facts: &Facts,
    query: &Query,
    part: Part,
) -> Result<Evaluation, usize> {
    let mut evaluator = Evaluator::new(definition, facts, query);
    for (listener, rows) in facts.listeners().filter(|(one, _)| part.holds(*one)) {
        evaluator.add(listener, rows);
        if evaluator.groups.len() > GROUPS_MAX {
            return Err(evaluator.groups.len());
        }
    }
    Ok(evaluator.finish())
}

/// A day and a number of labels.
type Group = (Option<i32>, u32);

struct Evaluator<'f> {
    definition: &'f MetricDefinition,
    facts: &'f Facts,
    query: &'f Query,
    /// Of each setting, the number of its labels; the last one is of what has no setting.
    label_of_setting: Vec<u32>,
    labels: Vec<Vec<Option<String>>>,
    total: Tally,
    groups: HashMap<Group, Tally>,
}

/// What a listener's observations of a group come to.
#[derive(Default)]
struct Sums {
    observations: u64,
    x: i128,
    y: i128,
}

impl<'f> Evaluator<'f> {
    fn new(definition: &'f MetricDefinition, facts: &'f Facts, query: &'f Query) -> Self {
        let others = || query.by.iter().filter(|by| **by != Breakdown::Day);
        let mut numbers: HashMap<Vec<Option<String>>, u32> = HashMap::new();
        let mut labels: Vec<Vec<Option<String>>> = Vec::new();
        let mut number = |label: Vec<Option<String>>| {
            *numbers.entry(label).or_insert_with_key(|label| {
                labels.push(label.clone());
                labels.len() as u32 - 1
            })
        };
        let settings = (0..).map_while(|number| facts.setting_of(number));
        let own = |setting: &Setting| others().map(|by| by.label(setting)).collect();
        let mut label_of_setting: Vec<u32> = settings.map(|setting| number(own(setting))).collect();
        label_of_setting.push(number(others().map(|_| None).collect()));
        Self {
            definition,
            facts,
            query,
            label_of_setting,
            labels,
            total: Tally::default(),
            groups: HashMap::new(),
        }
    }

    fn finish(self) -> Evaluation {
        let labels = &self.labels;
        let named = self.groups.into_iter().map(|((day, label), tally)| {
            let labels = labels.get(label as usize).cloned().unwrap_or_default();
            (GroupKey { day, labels }, tally)
        });
        Evaluation {
            total: self.total,
            groups: named.collect(),
            catalogue_size: self.facts.catalogue_size(),
        }
    }

    fn add(&mut self, listener: u128, rows: &ListenerFacts) {
        if self.definition.observation == Observation::CatalogueTrack {
            return self.add_shown_tracks(listener, rows);
        }
        let attribution = Attribution::new(rows, self.definition.window_ms);
        let days = self.days(rows);
        let observed = self.observed(rows, &attribution, &days);
        if observed.iter().all(Option::is_none) {
            return;
        }
        let values = self.values(rows, &attribution, &days, observed.len());
        let mut total = Sums::default();
        let mut groups: HashMap<Group, Sums> = HashMap::new();
        let width = self.definition.term_count();
        for (place, group) in observed.iter().enumerate() {
            let Some(group) = group else { continue };
            let own = values
                .get(place * width..(place + 1) * width)
                .unwrap_or_default();
            let (x, y) = self.weighed(own);
            for sums in [&mut total, groups.entry(*group).or_default()] {
                sums.observations += 1;
                sums.x += x;
                sums.y += y;
            }
        }
        self.total.moments.add(total.observations, total.x, total.y);
        if !self.query.by.is_empty() {
            for (group, sums) in groups {
                let tally = self.groups.entry(group).or_default();
                tally.moments.add(sums.observations, sums.x, sums.y);
            }
        }
    }

    fn add_shown_tracks(&mut self, listener: u128, rows: &ListenerFacts) {
        let dealt = 1_u64 << (deal(listener) % DEALT);
        let mut counts: HashMap<Option<Group>, u64> = HashMap::new();
        for (shown, group) in rows.shown.iter().zip(self.observed_tracks(rows)) {
            let (Some(group), Some(track)) = (group, self.facts.catalogued(shown.track)) else {
                continue;
            };
            *self.total.tracks.entry(track).or_default() |= dealt;
            *counts.entry(None).or_default() += 1;
            if !self.query.by.is_empty() {
                let tally = self.groups.entry(group).or_default();
                *tally.tracks.entry(track).or_default() |= dealt;
                *counts.entry(Some(group)).or_default() += 1;
            }
        }
        for (group, count) in counts {
            let tally = match group {
                None => &mut self.total,
                Some(group) => self.groups.entry(group).or_default(),
            };
            tally.moments.add(count, 0, 0);
        }
    }

    /// The days on which a listener played or judged something, where they are what is observed.
    fn days(&self, rows: &ListenerFacts) -> Vec<i32> {
        if self.definition.observation != Observation::ListenerDay {
            return Vec::new();
        }
        let plays = rows.plays.iter().map(|play| play.at);
        let moments = plays.chain(rows.judged.iter().map(|judged| judged.at));
        let within = moments.filter(|at| self.is_within(*at));
        let mut days: Vec<i32> = within.map(|at| self.query.calendar.day(at)).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Of each thing that may be observed, the group it counts in; none where it does not count.
    fn observed(
        &self,
        rows: &ListenerFacts,
        attribution: &Attribution<'_>,
        days: &[i32],
    ) -> Vec<Option<Group>> {
        let filter = &self.definition.filter;
        match self.definition.observation {
            Observation::ExposedTrack | Observation::CatalogueTrack => self.observed_tracks(rows),
            Observation::Answer => (rows.answers.iter())
                .map(|answer| {
                    let read = |field| self.facts.read_shown(answer, None, field);
                    self.counted(answer.at, || filter.holds(read), Some(answer.setting))
                })
                .collect(),
            Observation::ListenerDay => {
                let label = self.label(None);
                let is_by_day = self.query.by.contains(&Breakdown::Day);
                let group = |day: &i32| Some((is_by_day.then_some(*day), label));
                days.iter().map(group).collect()
            }
            Observation::Play => (rows.plays.iter())
                .map(|play| {
                    let shown = self.setting_of_play(rows, attribution, play);
                    let read = |field| self.facts.read_play(play, field);
                    self.counted(play.at, || filter.holds(read), shown)
                })
                .collect(),
        }
    }

    fn observed_tracks(&self, rows: &ListenerFacts) -> Vec<Option<Group>> {
        let filter = &self.definition.filter;
        let group = |shown: &Shown| {
            let answer = rows.answers.get(shown.answer as usize)?;
            let read = |field| self.facts.read_shown(answer, Some(shown.position), field);
            self.counted(shown.at, || filter.holds(read), Some(answer.setting))
        };
        rows.shown.iter().map(group).collect()
    }

    /// The setting of what a play follows from, where it is asked for.
    fn setting_of_play(
        &self,
        rows: &ListenerFacts,
        attribution: &Attribution<'_>,
        play: &Play,
    ) -> Option<u32> {
        self.query.by.iter().find(|by| **by != Breakdown::Day)?;
        let shown = rows.shown.get(attribution.of_play(play)?)?;
        Some(rows.answers.get(shown.answer as usize)?.setting)
    }

    fn counted(
        &self,
        at: Timestamp,
        passes: impl Fn() -> bool,
        setting: Option<u32>,
    ) -> Option<Group> {
        if !self.is_within(at) || !passes() {
            return None;
        }
        let is_by_day = self.query.by.contains(&Breakdown::Day);
        let day = is_by_day.then(|| self.query.calendar.day(at));
        Some((day, self.label(setting)))
    }

    fn is_within(&self, at: Timestamp) -> bool {
        self.query.from.is_none_or(|from| at >= from) && self.query.to.is_none_or(|to| at < to)
    }

    fn label(&self, setting: Option<u32>) -> u32 {
        let known = setting.and_then(|setting| self.label_of_setting.get(setting as usize));
        let label = known.or(self.label_of_setting.last());
        label.copied().unwrap_or(0)
    }

    /// Of each observation the values of its terms, one after the other.
    fn values(
        &self,
        rows: &ListenerFacts,
        attribution: &Attribution<'_>,
        days: &[i32],
        count: usize,
    ) -> Vec<i64> {
        let terms = || (self.definition.numerator.iter()).chain(&self.definition.denominator);
        let width = self.definition.term_count();
        let mut values = vec![0_i64; count * width];
        let mut add = |observation: usize, outcome: &Outcome<'_>| {
            let own = values.get_mut(observation * width..(observation + 1) * width);
            for (value, term) in own.into_iter().flatten().zip(terms()) {
                outcome.add_to(value, term);
            }
        };
        let by_day = |at: Timestamp| {
            (self.is_within(at)).then(|| days.binary_search(&self.query.calendar.day(at)).ok())?
        };
        let wants_artists = terms().any(|term| term.measure == Measure::NewArtist);
        let mut artists = HashSet::new();
        for (place, play) in rows.plays.iter().enumerate() {
            let artist = self.facts.artist(play.track);
            let is_new = wants_artists && artist.is_some_and(|artist| artists.insert(artist));
            let observation = match self.definition.observation {
                Observation::ExposedTrack => attribution.of_play(play),
                Observation::Answer => (attribution.of_play(play))
                    .and_then(|at| Some(rows.shown.get(at)?.answer as usize)),
                Observation::ListenerDay => by_day(play.at),
                Observation::Play => Some(place),
                Observation::CatalogueTrack => None,
            };
            if let Some(observation) = observation {
                let read = |field| self.facts.read_play(play, field);
                let outcome = Outcome {
                    event: EventKind::Listen,
                    read: &read,
                    is_new_artist: is_new,
                    is_known_artist: artist.is_some(),
                };
                add(observation, &outcome);
            }
        }
        for judged in &rows.judged {
            let observation = match self.definition.observation {
                Observation::ExposedTrack => attribution.latest(judged.track, judged.at),
                Observation::Answer => (attribution.latest(judged.track, judged.at))
                    .and_then(|at| Some(rows.shown.get(at)?.answer as usize)),
                Observation::ListenerDay => by_day(judged.at),
                Observation::Play | Observation::CatalogueTrack => None,
            };
            if let Some(observation) = observation {
                let outcome = Outcome {
                    event: EventKind::Feedback,
                    read: &|field| Facts::read_judged(judged, field),
                    is_new_artist: false,
                    is_known_artist: false,
                };
                add(observation, &outcome);
            }
        }
        values
    }

    /// What an observation has above and below the line.
    fn weighed(&self, values: &[i64]) -> (i128, i128) {
        let (above, below) = values.split_at(self.definition.numerator.len().min(values.len()));
        let sum = |terms: &[Term], values: &[i64]| -> i128 {
            let each = terms.iter().zip(values);
            each.map(|(term, value)| i128::from(term.weight_milli) * i128::from(*value))
                .sum()
        };
        let y = if self.definition.denominator.is_empty() {
            i128::from(VALUE_SCALE)
        } else {
            sum(&self.definition.denominator, below)
        };
        (sum(&self.definition.numerator, above), y)
    }
}

/// Something that follows from an observation.
struct Outcome<'o> {
    event: EventKind,
    read: &'o dyn Fn(Field) -> Option<Scalar>,
    is_new_artist: bool,
    is_known_artist: bool,
}

impl Outcome<'_> {
    fn add_to(&self, value: &mut i64, term: &Term) {
        if term.event != self.event || !term.filter.holds(self.read) {
            return;
        }
        match term.measure {
            Measure::Each => *value += ONE,
            Measure::Any => *value = ONE,
            Measure::Sum(field) => {
                if let Some(Scalar::Number(number)) = (self.read)(field) {
                    *value = value.saturating_add(number.saturating_mul(ONE / field.scale()));
                }
            }
            Measure::NewArtist => *value += if self.is_new_artist { ONE } else { 0 },
            Measure::KnownArtist => *value += if self.is_known_artist { ONE } else { 0 },
        }
    }
}
