//! What tracks must satisfy, as parameters and as answers.

use std::collections::BTreeMap;

use leitmotif_domain::error::InvalidValue;
use leitmotif_recommend::search::{
    Constraint, ConstraintName, Constraints, KeyMatch, MusicalKey, Shortfall, genre_key,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// Ranges of descriptors in one question.
const RANGES_MAX: usize = 8;
/// Tempi that can be asked for, beats a minute.
const BPM: (f32, f32) = (1.0, 1_000.0);

/// What tracks must satisfy; a track of which the asked is unknown does not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct ConstraintQuery {
    /// Slowest tempo in beats a minute.
    #[param(minimum = 1, maximum = 1000)]
    pub bpm_min: Option<f32>,
    /// Fastest tempo in beats a minute.
    #[param(minimum = 1, maximum = 1000)]
    pub bpm_max: Option<f32>,
    /// Whether half and double of a tempo count as it; they do when left out.
    pub bpm_octaves: Option<bool>,
    /// A key such as `A minor` or `F# major`.
    pub key: Option<String>,
    /// Which keys go with it: `same`, `relative`, or `wheel` (those, dominant and subdominant); the
    /// same when left out.
    pub key_match: Option<String>,
    /// Least energy.
    #[param(minimum = 0, maximum = 1)]
    pub energy_min: Option<f32>,
    /// Most energy.
    #[param(minimum = 0, maximum = 1)]
    pub energy_max: Option<f32>,
    /// Shortest length in milliseconds.
    pub duration_min_ms: Option<u32>,
    /// Longest length in milliseconds.
    pub duration_max_ms: Option<u32>,
    /// First year of release.
    pub year_min: Option<u16>,
    /// Last year of release.
    pub year_max: Option<u16>,
    /// The genre, but for case and accents.
    pub genre: Option<String>,
    /// Least popularity: per cent of the catalogue that is played less.
    #[param(minimum = 0, maximum = 100)]
    pub popularity_min: Option<f32>,
    /// Most popularity: `20` leaves the deep cuts.
    #[param(minimum = 0, maximum = 100)]
    pub popularity_max: Option<f32>,
    /// Words that title, artist, release, genre or lyrics must hold, all of them.
    pub text: Option<String>,
    /// Ranges of any number that analyses tell, ours or a plugin's, with commas between: `NAME:FROM..TO`, either
    /// end left out for none: `line-length.mean:8..12,loudness_range_lu:..6`.
    pub descriptors: Option<String>,
}

/// Reads constraints of a body, where a name that is none would pass silently.
pub fn only_known<'de, D: Deserializer<'de>>(given: D) -> Result<ConstraintQuery, D::Error> {
    let given = Map::deserialize(given)?;
    let known = serde_json::to_value(ConstraintQuery::default()).map_err(D::Error::custom)?;
    if let Some(name) = given.keys().find(|name| known.get(name.as_str()).is_none()) {
        let names: Vec<&str> = known
            .as_object()
            .into_iter()
            .flatten()
            .map(|(n, _)| n.as_str())
            .collect();
        let detail = format!(
            "there is no constraint `{name}`; there are {}",
            names.join(", ")
        );
        return Err(D::Error::custom(detail));
    }
    serde_json::from_value(Value::Object(given)).map_err(D::Error::custom)
}

impl ConstraintQuery {
    /// Reads the parameters out of a form that holds others too.
    ///
    /// - Errors: 400 with the parameter that does not parse.
    pub fn of_form<'f>(get: impl Fn(&str) -> Option<&'f str>) -> Result<Self, Problem> {
        let text = |name: &str| get(name).map(str::to_owned);
        Ok(Self {
            bpm_min: parsed(&get, "bpm_min")?,
            bpm_max: parsed(&get, "bpm_max")?,
            bpm_octaves: parsed(&get, "bpm_octaves")?,
            key: text("key"),
            key_match: text("key_match"),
            energy_min: parsed(&get, "energy_min")?,
            energy_max: parsed(&get, "energy_max")?,
            duration_min_ms: parsed(&get, "duration_min_ms")?,
            duration_max_ms: parsed(&get, "duration_max_ms")?,
            year_min: parsed(&get, "year_min")?,
            year_max: parsed(&get, "year_max")?,
            genre: text("genre"),
            popularity_min: parsed(&get, "popularity_min")?,
            popularity_max: parsed(&get, "popularity_max")?,
            text: text("text"),
            descriptors: text("descriptors"),
        })
    }

    /// Checks the parameters. `own_key` stands in for `key` where only `key_match` is given.
    ///
    /// - Errors: 400 with the parameter that is wrong.
    pub fn read(&self, own_key: Option<MusicalKey>) -> Result<Constraints, Problem> {
        let mut found = Vec::new();
        let bpm = range(("bpm_min", self.bpm_min), ("bpm_max", self.bpm_max), BPM)?;
        found.extend(bpm.map(|(min, max)| Constraint::TempoBpm {
            min,
            max,
            with_octaves: self.bpm_octaves.unwrap_or(true),
        }));
        found.extend(self.keys(own_key)?.map(Constraint::Keys));
        let energy = (
            ("energy_min", self.energy_min),
            ("energy_max", self.energy_max),
        );
        let energy = range(energy.0, energy.1, (0.0, 1.0))?;
        found.extend(energy.map(|(min, max)| Constraint::Energy(min, max)));
        let duration = range(
            ("duration_min_ms", self.duration_min_ms),
            ("duration_max_ms", self.duration_max_ms),
            (0, u32::MAX),
        )?;
        found.extend(duration.map(|(min, max)| Constraint::DurationMs(min, max)));
        let year = (("year_min", self.year_min), ("year_max", self.year_max));
        let year = range(year.0, year.1, (0, u16::MAX))?;
        found.extend(year.map(|(min, max)| Constraint::Year(min, max)));
        if let Some(genre) = filled(self.genre.as_deref()) {
            leitmotif_domain::track::check_text("genre", genre)
                .map_err(|error| Problem::invalid("?genre", error.reason))?;
            found.push(Constraint::Genre(genre_key(genre), None));
        }
        let popularity = range(
            ("popularity_min", self.popularity_min),
            ("popularity_max", self.popularity_max),
            (0.0, 100.0),
        )?;
        found.extend(popularity.map(|(min, max)| Constraint::Popularity {
            min,
            max,
            played: Default::default(),
        }));
        if let Some(text) = filled(self.text.as_deref()) {
            leitmotif_domain::track::check_text("text", text)
                .map_err(|error| Problem::invalid("?text", error.reason))?;
            found.push(Constraint::Text(text.to_owned(), Default::default()));
        }
        if let Some(text) = filled(self.descriptors.as_deref()) {
            found.extend(descriptor_ranges(text)?);
        }
        Ok(Constraints(found))
    }

    fn keys(&self, own_key: Option<MusicalKey>) -> Result<Option<Vec<MusicalKey>>, Problem> {
        let wanted = match filled(self.key_match.as_deref()) {
            Some(text) => Some(
                text.parse::<KeyMatch>()
                    .map_err(|error| Problem::invalid("?key_match", error.reason))?,
            ),
            None => None,
        };
        let key = match filled(self.key.as_deref()) {
            Some(text) => text
                .parse::<MusicalKey>()
                .map_err(|error| Problem::invalid("?key", error.reason))?,
            None if wanted.is_none() => return Ok(None),
            None => own_key.ok_or_else(|| {
                let detail = "there is no key to match: name one with `key`";
                Problem::invalid("?key_match", detail)
            })?,
        };
        Ok(Some(key.matching(wanted.unwrap_or_default())))
    }
}

/// Reads `NAME:FROM..TO,…`; whether there are such descriptors is known when they are looked up.
fn descriptor_ranges(text: &str) -> Result<Vec<Constraint>, Problem> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() > RANGES_MAX {
        let detail = format!("{} ranges, at most {RANGES_MAX}", parts.len());
        return Err(Problem::invalid("?descriptors", detail));
    }
    let read = |part: &str| -> Option<Constraint> {
        let (name, range) = part.split_once(':')?;
        let (min, max) = range.split_once("..")?;
        let end = |text: &str, open: f32| match text.trim() {
            "" => Some(open),
            text => text.parse().ok().filter(|number: &f32| number.is_finite()),
        };
        Some(Constraint::Descriptor {
            name: name.trim().to_owned(),
            min: end(min, f32::NEG_INFINITY)?,
            max: end(max, f32::INFINITY)?,
            values: Default::default(),
        })
    };
    let wrong = |part: &str| {
        let shown: String = part.chars().take(80).collect();
        let detail = format!("`{shown}` is no `NAME:FROM..TO`");
        Problem::invalid("?descriptors", detail)
    };
    let ranges = parts.into_iter().map(|part| {
        let range = read(part).ok_or_else(|| wrong(part))?;
        let refused = |error: InvalidValue| Problem::invalid("?descriptors", error.reason);
        range.check().map_err(refused)?;
        Ok(range)
    });
    ranges.collect()
}

/// A parameter of a form as what it should be.
fn parsed<'f, T: std::str::FromStr>(
    get: &impl Fn(&str) -> Option<&'f str>,
    name: &str,
) -> Result<Option<T>, Problem> {
    let Some(text) = get(name) else {
        return Ok(None);
    };
    let shown: String = text.chars().take(80).collect();
    let refused = |_| {
        Problem::invalid(
            format!("?{name}"),
            format!("`{shown}` is no value of {name}"),
        )
    };
    text.trim().parse().map(Some).map_err(refused)
}

/// Text that says something.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Reads a range of which either end may be left out.
fn range<T: PartialOrd + Copy + std::fmt::Display>(
    (min_name, min): (&str, Option<T>),
    (max_name, max): (&str, Option<T>),
    (least, most): (T, T),
) -> Result<Option<(T, T)>, Problem> {
    for (name, value) in [(min_name, min), (max_name, max)] {
        if let Some(value) = value
            && !(value >= least && value <= most)
        {
            let detail = format!("{value} is not in {least}..={most}");
            return Err(Problem::invalid(format!("?{name}"), detail));
        }
    }
    if min.is_none() && max.is_none() {
        return Ok(None);
    }
    let (min, max) = (min.unwrap_or(least), max.unwrap_or(most));
    if min > max {
        let detail = format!("{min} is above `{max_name}`, {max}");
        return Err(Problem::invalid(format!("?{min_name}"), detail));
    }
    Ok(Some((min, max)))
}

/// A constraint that words of the query became.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FilterAnswer {
    /// The words.
    pub text: String,
    /// What they ask: `tempo_bpm`, `key`, `year`, `duration_ms` or `genre`.
    pub name: &'static str,
    /// From, where it is a range with a lower bound.
    pub min: Option<f64>,
    /// To, where it is a range with an upper bound.
    pub max: Option<f64>,
    /// The values, where it is a choice.
    pub values: Vec<String>,
}

impl FilterAnswer {
    /// Tells a constraint.
    pub fn of(text: String, constraint: &Constraint) -> Self {
        let (mut min, mut max, mut values) = (None, None, Vec::new());
        let mut between = |from: f64, to: f64| (min, max) = (Some(from), Some(to));
        match constraint {
            Constraint::TempoBpm { min, max, .. }
            | Constraint::Energy(min, max)
            | Constraint::Popularity { min, max, .. } => between((*min).into(), (*max).into()),
            Constraint::Descriptor {
                name,
                min: from,
                max: to,
                ..
            } => {
                min = from.is_finite().then_some((*from).into());
                max = to.is_finite().then_some((*to).into());
                values.push(name.clone());
            }
            Constraint::Year(from, to) => between((*from).into(), (*to).into()),
            Constraint::DurationMs(from, to) => {
                min = (*from > 0).then_some((*from).into());
                max = (*to < u32::MAX).then_some((*to).into());
            }
            Constraint::Keys(keys) => values.extend(keys.iter().map(ToString::to_string)),
            Constraint::Genre(genre, _) => values.push(genre.clone()),
            Constraint::Text(words, _) => values.push(words.clone()),
        }
        let name = constraint.name().name();
        Self {
            text,
            name,
            min,
            max,
            values,
        }
    }
}

/// Why fewer tracks came back than were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShortfallAnswer {
    /// In words.
    pub reason: String,
    /// Other tracks of the catalogue.
    pub tracks: u64,
    /// Those that satisfy everything; the ones without an embedding in the space among them.
    pub admitted: u64,
    /// By constraint, tracks of which the asked is unknown.
    pub lacking: BTreeMap<&'static str, u64>,
    /// By constraint, tracks that are known not to satisfy it.
    pub outside: BTreeMap<&'static str, u64>,
}

impl From<Shortfall> for ShortfallAnswer {
    fn from(shortfall: Shortfall) -> Self {
        let named = |counts: BTreeMap<ConstraintName, u64>| -> BTreeMap<&'static str, u64> {
            let counts = counts.into_iter();
            counts.map(|(name, count)| (name.name(), count)).collect()
        };
        Self {
            reason: shortfall.to_string(),
            tracks: shortfall.tracks,
            admitted: shortfall.admitted,
            lacking: named(shortfall.lacking),
            outside: named(shortfall.outside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_query_is() {
        let form = [
            ("count", "5"),
            ("bpm_min", "90"),
            ("bpm_octaves", "false"),
            ("year_max", "1999"),
            ("key_match", "wheel"),
            ("genre", "jazz"),
        ];
        let get = |name: &str| {
            form.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| *text)
        };
        let expected = ConstraintQuery {
            bpm_min: Some(90.0),
            bpm_octaves: Some(false),
            year_max: Some(1_999),
            key_match: Some("wheel".to_owned()),
            genre: Some("jazz".to_owned()),
            ..ConstraintQuery::default()
        };
        assert_eq!(ConstraintQuery::of_form(get).unwrap(), expected);
        let wrong = ConstraintQuery::of_form(|name| (name == "year_min").then_some("soon"));
        assert!(format!("{:?}", wrong.unwrap_err()).contains("`soon` is no value of year_min"));
    }

    #[test]
    fn ranges_of_descriptors_are_read() {
        let asked = |text: &str| {
            let query = ConstraintQuery {
                descriptors: Some(text.to_owned()),
                ..ConstraintQuery::default()
            };
            query.read(None).map(|read| read.0)
        };
        let found = asked("verse.length:8..12, loudness_range_lu:..6,x.y:-1.5..").unwrap();
        let ranges: Vec<_> = found
            .iter()
            .map(|one| match one {
                Constraint::Descriptor { name, min, max, .. } => (name.as_str(), *min, *max),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            ranges,
            [
                ("verse.length", 8.0, 12.0),
                ("loudness_range_lu", f32::NEG_INFINITY, 6.0),
                ("x.y", -1.5, f32::INFINITY)
            ]
        );
        for wrong in [
            "x",
            "x:1",
            "x:a..b",
            "x:2..1",
            "x:1..nan",
            ",",
            &"a:1..2,".repeat(9),
        ] {
            let problem = format!("{:?}", asked(wrong).unwrap_err());
            assert!(problem.contains("?descriptors"), "{wrong}: {problem}");
        }
        assert!(asked(" ").unwrap().is_empty());
    }

    #[test]
    fn parameters_are_checked_one_by_one() {
        let check = |query: ConstraintQuery, pointer: &str| {
            let problem = query.read(None).unwrap_err();
            let text = format!("{problem:?}");
            assert!(text.contains(pointer), "{pointer}: {text}");
        };
        let none = ConstraintQuery::default;
        check(
            ConstraintQuery {
                bpm_min: Some(0.0),
                ..none()
            },
            "?bpm_min",
        );
        check(
            ConstraintQuery {
                bpm_min: Some(f32::NAN),
                ..none()
            },
            "?bpm_min",
        );
        check(
            ConstraintQuery {
                bpm_min: Some(130.0),
                bpm_max: Some(120.0),
                ..none()
            },
            "?bpm_min",
        );
        check(
            ConstraintQuery {
                energy_max: Some(1.1),
                ..none()
            },
            "?energy_max",
        );
        check(
            ConstraintQuery {
                popularity_max: Some(101.0),
                ..none()
            },
            "?popularity_max",
        );
        check(
            ConstraintQuery {
                year_min: Some(2),
                year_max: Some(1),
                ..none()
            },
            "?year_min",
        );
        check(
            ConstraintQuery {
                key: Some("H2".into()),
                ..none()
            },
            "?key",
        );
        check(
            ConstraintQuery {
                key_match: Some("all".into()),
                ..none()
            },
            "?key_match",
        );
        check(
            ConstraintQuery {
                key_match: Some("same".into()),
                ..none()
            },
            "?key_match",
        );
        assert!(none().read(None).unwrap().is_empty());
        let own = "A minor".parse().unwrap();
        let asked = ConstraintQuery {
            key_match: Some("relative".into()),
            ..none()
        };
        let [Constraint::Keys(keys)] = &asked.read(Some(own)).unwrap().0[..] else {
            panic!("a key is asked");
        };
        assert_eq!(keys.len(), 2);
    }
}
