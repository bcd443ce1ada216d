//! The definition of a metric, as a text file.

use serde::Deserialize;
use toml::Spanned;

use crate::definition::read::{Source, duration_ms};
use crate::definition::{DefinitionError, EventKind, Field, Filter};

/// Parts of one that a weight is kept in.
pub const WEIGHT_SCALE: i64 = 1_000;
/// Parts of one that values are summed in: parts of a weight times those of the finest field.
pub const VALUE_SCALE: i64 = 1_000_000;
/// Terms of a numerator or a denominator.
const TERMS_MAX: usize = 16;
/// Largest weight of a term: sums of squares then stay within 128 bits for any log that fits a disk.
const WEIGHT_MAX: f64 = 1_000.0;
/// Longest attribution window: outcomes later than that follow from something else.
const WINDOW_MS_MAX: i64 = 60 * 86_400_000;

/// What is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Observation {
    /// A track shown to a listener, at its place of an answer.
    ExposedTrack,
    /// An answer shown to a listener.
    Answer,
    /// A listener on a day on which they played or judged something.
    ListenerDay,
    /// A play.
    Play,
    /// A track of the catalogue, shown to somebody at least once or not.
    CatalogueTrack,
}

impl Observation {
    /// Every observation.
    pub const ALL: [Self; 5] = [
        Self::ExposedTrack,
        Self::Answer,
        Self::ListenerDay,
        Self::Play,
        Self::CatalogueTrack,
    ];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExposedTrack => "exposed_track",
            Self::Answer => "answer",
            Self::ListenerDay => "listener_day",
            Self::Play => "play",
            Self::CatalogueTrack => "catalogue_track",
        }
    }

    /// Whether outcomes are attributed to it.
    pub fn is_shown(self) -> bool {
        matches!(self, Self::ExposedTrack | Self::Answer)
    }

    /// Whose fields the filter of the metric reads; none where there is nothing to read.
    fn filtered(self) -> Option<EventKind> {
        match self {
            Self::ExposedTrack | Self::Answer | Self::CatalogueTrack => Some(EventKind::Exposure),
            Self::Play => Some(EventKind::Listen),
            Self::ListenerDay => None,
        }
    }
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither by itself.
    Neither,
}

impl Better {
    const ALL: [Self; 3] = [Self::Higher, Self::Lower, Self::Neither];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Neither => "neither",
        }
    }
}

/// What an observation's outcomes add to a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// 1 for each.
    Each,
    /// 1, however many there are.
    Any,
    /// The sum of a number; an outcome that does not say it adds nothing.
    Sum(Field),
    /// 1 for each play of an artist that the listener had not played before.
    NewArtist,
    /// 1 for each play whose artist is known.
    KnownArtist,
}

/// A part of a numerator or a denominator.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// `Listen` or `Feedback`.
    pub event: EventKind,
    /// Which of the outcomes count.
    pub filter: Filter,
    /// What they add.
    pub measure: Measure,
    /// The weight in thousandths.
    pub weight_milli: i64,
}

/// A metric: a ratio of sums over observations.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricDefinition {
    /// Its name.
    pub name: String,
    /// What it says, for people.
    pub description: String,
    /// What is counted once.
    pub observation: Observation,
    /// Which observations count.
    pub filter: Filter,
    /// How long after an exposure an outcome may follow from it, that moment included; 0 where nothing is
    /// attributed.
    pub window_ms: i64,
    /// Which direction is better.
    pub better: Better,
    /// The unit of the value.
    pub unit: String,
    /// What is summed above.
    pub numerator: Vec<Term>,
    /// What is summed below; 1 for each observation where there are none.
    pub denominator: Vec<Term>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricText {
    name: Spanned<String>,
    description: String,
    observation: Spanned<String>,
    #[serde(default)]
    filter: Option<Spanned<String>>,
    #[serde(default)]
    window: Option<Spanned<String>>,
    better: Spanned<String>,
    unit: String,
    #[serde(default)]
    numerator: Vec<TermText>,
    #[serde(default)]
    denominator: Vec<TermText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermText {
    event: Spanned<String>,
    #[serde(default)]
    filter: Option<Spanned<String>>,
    count: Spanned<String>,
    #[serde(default)]
    field: Option<Spanned<String>>,
    #[serde(default)]
    weight: Option<Spanned<f64>>,
}

type Result<T> = std::result::Result<T, DefinitionError>;

impl MetricDefinition {
    /// Reads a definition.
    ///
    /// - Errors: [`DefinitionError`] with line and column: text that is not TOML, unknown keys, fields or words,
    ///   a window that is missing or not needed, and everything beyond its bound.
    pub fn parse(text: &str) -> Result<Self> {
        let source = Source(text);
        let read: MetricText = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            source.error(span.start, error.message().trim())
        })?;
        leitmotif_domain::definition::check_name(read.name.get_ref())
            .map_err(|error| source.error_on(&read.name, format!("`name` {}", error.reason)))?;
        let all = &Observation::ALL;
        let observation = source.one_of(&read.observation, "observation", all, |o| o.name())?;
        let better = source.one_of(&read.better, "better", &Better::ALL, |b| b.name())?;
        let filter = observation_filter(source, observation, read.filter.as_ref())?;
        let window_ms = window(source, observation, &read)?;
        let terms = |terms: &[TermText]| -> Result<Vec<Term>> {
            terms.iter().map(|text| term(source, text)).collect()
        };
        let (numerator, denominator) = (terms(&read.numerator)?, terms(&read.denominator)?);
        let is_catalogue = observation == Observation::CatalogueTrack;
        if is_catalogue != numerator.is_empty() || is_catalogue && !denominator.is_empty() {
            let reason = "`catalogue_track` counts by itself and has no terms, every other observation has a numerator";
            return Err(source.error_on(&read.observation, reason));
        }
        let judgements = read.numerator.iter().chain(&read.denominator);
        let mut judgements = judgements.filter(|text| text.event.get_ref() == "feedback");
        if let Some(text) = judgements
            .next()
            .filter(|_| observation == Observation::Play)
        {
            return Err(source.error_on(&text.event, "a `play` has no judgements"));
        }
        if numerator.len().max(denominator.len()) > TERMS_MAX {
            return Err(source.error(0, format!("at most {TERMS_MAX} terms")));
        }
        Ok(Self {
            name: read.name.into_inner(),
            description: read.description,
            observation,
            filter,
            window_ms,
            better,
            unit: read.unit,
            numerator,
            denominator,
        })
    }

    /// How many terms there are.
    pub fn term_count(&self) -> usize {
        self.numerator.len() + self.denominator.len()
    }
}

fn observation_filter(
    source: Source<'_>,
    observation: Observation,
    given: Option<&Spanned<String>>,
) -> Result<Filter> {
    let Some(given) = given else {
        return Ok(Filter::default());
    };
    let Some(event) = observation.filtered() else {
        let reason = format!("a `{}` has no fields to filter by", observation.name());
        return Err(source.error_on(given, reason));
    };
    let filter = filter(source, event, given)?;
    if observation == Observation::Answer && filter.fields().any(|field| field == Field::Position) {
        let reason = "an `answer` has no `position`: write `exposed_track`";
        return Err(source.error_on(given, reason));
    }
    Ok(filter)
}

fn filter(source: Source<'_>, event: EventKind, given: &Spanned<String>) -> Result<Filter> {
    let filter = Filter::parse(event, given.get_ref())
        .map_err(|error| source.error_within(given, error.at, error.reason))?;
    // Facts keep neither of them: one field that nothing asks would be a tenth of their memory.
    let is_unkept = |field: &Field| matches!(field, Field::Artist | Field::Cell);
    let unkept = filter.fields().find(is_unkept);
    match unkept {
        Some(field) => {
            let reason = format!("metrics cannot be filtered by `{}`", field.name());
            Err(source.error_on(given, reason))
        }
        None => Ok(filter),
    }
}

fn window(source: Source<'_>, observation: Observation, read: &MetricText) -> Result<i64> {
    let needs = observation.is_shown();
    match &read.window {
        None if needs => {
            let reason = format!(
                "`{}` needs a `window`: how long after it an outcome may follow from it",
                observation.name()
            );
            Err(source.error_on(&read.observation, reason))
        }
        None => Ok(0),
        // A play is given to an exposure to be broken down by it.
        Some(given) if needs || observation == Observation::Play => {
            let length = duration_ms("window", given.get_ref())
                .map_err(|reason| source.error_on(given, reason))?;
            if length > WINDOW_MS_MAX {
                return Err(source.error_on(given, "`window` must be at most 60d"));
            }
            Ok(length)
        }
        Some(given) => {
            let reason = format!("nothing is attributed to a `{}`", observation.name());
            Err(source.error_on(given, reason))
        }
    }
}

fn term(source: Source<'_>, text: &TermText) -> Result<Term> {
    let kinds = [EventKind::Listen, EventKind::Feedback];
    let event = source.one_of(&text.event, "event", &kinds, |kind| kind.name())?;
    let filter = match &text.filter {
        Some(given) => filter(source, event, given)?,
        None => Filter::default(),
    };
    let measure = measure(source, event, text)?;
    let weight = text.weight.as_ref().map_or(1.0, |weight| *weight.get_ref());
    let weight_milli = (weight * WEIGHT_SCALE as f64).round();
    let is_whole = (weight * WEIGHT_SCALE as f64 - weight_milli).abs() < 1e-6;
    if !(weight.abs() <= WEIGHT_MAX && is_whole) {
        let reason =
            format!("`weight` is {weight}, must be within ±1000 with at most three decimals");
        return Err(match &text.weight {
            Some(given) => source.error_on(given, reason),
            None => source.error_on(&text.event, reason),
        });
    }
    Ok(Term {
        event,
        filter,
        measure,
        weight_milli: weight_milli as i64,
    })
}

fn measure(source: Source<'_>, event: EventKind, text: &TermText) -> Result<Measure> {
    const NAMES: [&str; 5] = ["each", "any", "sum", "new_artist", "known_artist"];
    let name = source.one_of(&text.count, "count", &NAMES, |name| name)?;
    if let Some(field) = text.field.as_ref().filter(|_| name != "sum") {
        return Err(source.error_on(field, "`field` stands beside `count = \"sum\"` alone"));
    }
    match name {
        "each" => Ok(Measure::Each),
        "any" => Ok(Measure::Any),
        "sum" => {
            let Some(given) = &text.field else {
                return Err(source.error_on(&text.count, "`sum` needs a `field`"));
            };
            let field = Field::find(event, given.get_ref())
                .map_err(|reason| source.error_on(given, reason))?;
            if !field.is_number() {
                let reason = format!("`{}` is no number", field.name());
                return Err(source.error_on(given, reason));
            }
            Ok(Measure::Sum(field))
        }
        _ if event != EventKind::Listen => {
            Err(source.error_on(&text.count, "only a `listen` has an artist"))
        }
        "new_artist" => Ok(Measure::NewArtist),
        _ => Ok(Measure::KnownArtist),
    }
}
