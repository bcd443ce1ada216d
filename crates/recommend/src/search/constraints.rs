//! What an answer must satisfy, whatever else speaks for a track.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use leitmotif_domain::TrackId;
use leitmotif_domain::asked::AskedConstraint;
use leitmotif_domain::error::InvalidValue;

use super::facts::TrackFacts;
use super::keys::MusicalKey;

/// Octaves of tempo that count as one: half, the same, double.
const TEMPO_OCTAVES: [f32; 3] = [0.5, 1.0, 2.0];

/// The kinds of constraints, as answers name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConstraintName {
    /// Tempo.
    TempoBpm,
    /// Key.
    Key,
    /// Energy.
    Energy,
    /// Length.
    DurationMs,
    /// Year of release.
    Year,
    /// Genre.
    Genre,
    /// How much a track is played.
    Popularity,
    /// Words.
    Text,
    /// A number of any descriptor.
    Descriptor,
}

impl ConstraintName {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::TempoBpm => "tempo_bpm",
            Self::Key => "key",
            Self::Energy => "energy",
            Self::DurationMs => "duration_ms",
            Self::Year => "year",
            Self::Genre => "genre",
            Self::Popularity => "popularity",
            Self::Text => "text",
            Self::Descriptor => "descriptors",
        }
    }
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Tempo from to; with octaves half and double of it hold as well.
    TempoBpm {
        /// From.
        min: f32,
        /// To.
        max: f32,
        /// Whether half and double count.
        with_octaves: bool,
    },
    /// One of these keys.
    Keys(Vec<MusicalKey>),
    /// Energy from to, 0 to 1.
    Energy(f32, f32),
    /// Length from to.
    DurationMs(u32, u32),
    /// Year from to.
    Year(u16, u16),
    /// The genre, folded, and its number in the catalogue; none holds for a genre that it lacks.
    Genre(String, Option<u32>),
    /// Popularity from to: per cent of the catalogue that is played less.
    Popularity {
        /// From.
        min: f32,
        /// To.
        max: f32,
        /// Of the tracks that are played at all.
        played: Arc<HashMap<TrackId, f32>>,
    },
    /// One of the tracks that hold all of these words.
    Text(String, Arc<HashSet<TrackId>>),
    /// A number of any descriptor, ours or a plugin's, from to.
    Descriptor {
        /// The descriptor.
        name: String,
        /// From.
        min: f32,
        /// To.
        max: f32,
        /// Of the tracks of which it is known.
        values: Arc<HashMap<TrackId, f32>>,
    },
}

impl Constraint {
    /// Which kind it is.
    pub fn name(&self) -> ConstraintName {
        match self {
            Self::TempoBpm { .. } => ConstraintName::TempoBpm,
            Self::Keys(_) => ConstraintName::Key,
            Self::Energy(..) => ConstraintName::Energy,
            Self::DurationMs(..) => ConstraintName::DurationMs,
            Self::Year(..) => ConstraintName::Year,
            Self::Genre(..) => ConstraintName::Genre,
            Self::Popularity { .. } => ConstraintName::Popularity,
            Self::Text(..) => ConstraintName::Text,
            Self::Descriptor { .. } => ConstraintName::Descriptor,
        }
    }

    /// What was asked, to be kept.
    pub fn asked(&self) -> AskedConstraint {
        match self {
            Self::TempoBpm {
                min,
                max,
                with_octaves,
            } => AskedConstraint::TempoBpm(*min, *max, *with_octaves),
            Self::Keys(keys) => {
                AskedConstraint::Keys(keys.iter().map(|key| (key.tonic, key.is_minor)).collect())
            }
            Self::Energy(min, max) => AskedConstraint::Energy(*min, *max),
            Self::DurationMs(min, max) => AskedConstraint::DurationMs(*min, *max),
            Self::Year(min, max) => AskedConstraint::Year(*min, *max),
            Self::Genre(genre, _) => AskedConstraint::Genre(genre.clone()),
            Self::Popularity { min, max, .. } => AskedConstraint::Popularity(*min, *max),
            Self::Text(words, _) => AskedConstraint::Text(words.clone()),
            Self::Descriptor { name, min, max, .. } => {
                let end = |end: f32| end.is_finite().then_some(end);
                AskedConstraint::Descriptor(name.clone(), end(*min), end(*max))
            }
        }
    }

    /// Asks again what was kept.
    pub fn of_asked(asked: &AskedConstraint) -> Self {
        match asked {
            AskedConstraint::TempoBpm(min, max, with_octaves) => Self::TempoBpm {
                min: *min,
                max: *max,
                with_octaves: *with_octaves,
            },
            AskedConstraint::Keys(keys) => {
                let key = |(tonic, is_minor): &(u8, bool)| MusicalKey {
                    tonic: *tonic,
                    is_minor: *is_minor,
                };
                Self::Keys(keys.iter().map(key).collect())
            }
            AskedConstraint::Energy(min, max) => Self::Energy(*min, *max),
            AskedConstraint::DurationMs(min, max) => Self::DurationMs(*min, *max),
            AskedConstraint::Year(min, max) => Self::Year(*min, *max),
            AskedConstraint::Genre(genre) => Self::Genre(genre.clone(), None),
            AskedConstraint::Popularity(min, max) => Self::Popularity {
                min: *min,
                max: *max,
                played: Arc::default(),
            },
            AskedConstraint::Text(words) => Self::Text(words.clone(), Arc::default()),
            AskedConstraint::Descriptor(name, min, max) => Self::Descriptor {
                name: name.clone(),
                min: min.unwrap_or(f32::NEG_INFINITY),
                max: max.unwrap_or(f32::INFINITY),
                values: Arc::default(),
            },
        }
    }

    /// Whether it holds; `None` when what it asks is unknown of the track.
    pub fn holds(&self, track: TrackId, facts: &TrackFacts) -> Option<bool> {
        match self {
            Self::TempoBpm {
                min,
                max,
                with_octaves,
            } => {
                let octaves = if *with_octaves {
                    &TEMPO_OCTAVES[..]
                } else {
                    &TEMPO_OCTAVES[1..2]
                };
                let is_in = |bpm: f32| octaves.iter().any(|o| (*min..=*max).contains(&(bpm * o)));
                facts.tempo_bpm.map(is_in)
            }
            Self::Keys(keys) => facts.key.map(|key| keys.contains(&key)),
            Self::Energy(min, max) => facts.energy.map(|energy| (*min..=*max).contains(&energy)),
            Self::DurationMs(min, max) => facts.duration_ms.map(|ms| (*min..=*max).contains(&ms)),
            Self::Year(min, max) => facts.year.map(|year| (*min..=*max).contains(&year)),
            Self::Genre(_, wanted) => facts.genre.map(|genre| Some(genre) == *wanted),
            Self::Popularity { min, max, played } => {
                let popularity = played.get(&track).copied().unwrap_or(0.0);
                Some((*min..=*max).contains(&popularity))
            }
            Self::Text(_, tracks) => Some(tracks.contains(&track)),
            Self::Descriptor {
                min, max, values, ..
            } => {
                let value = values.get(&track)?;
                Some((*min..=*max).contains(value))
            }
        }
    }

    /// Checks the bounds.
    ///
    /// - Errors: [`InvalidValue`] for a range that is empty or not of numbers.
    pub fn check(&self) -> Result<(), InvalidValue> {
        let is_range = match self {
            Self::TempoBpm { min, max, .. } | Self::Energy(min, max) => min <= max,
            Self::Popularity { min, max, .. } | Self::Descriptor { min, max, .. } => min <= max,
            Self::DurationMs(min, max) => min <= max,
            Self::Year(min, max) => min <= max,
            Self::Keys(_) | Self::Genre(..) | Self::Text(..) => true,
        };
        if is_range {
            return Ok(());
        }
        let reason = "the lower bound is above the upper one";
        Err(InvalidValue::new(self.name().name(), reason))
    }
}

/// Everything that must hold, all of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Constraints(pub Vec<Constraint>);

impl Constraints {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a track may be shown. What is unknown does not hold.
    pub fn admit(&self, track: TrackId, facts: &TrackFacts) -> bool {
        (self.0.iter()).all(|constraint| constraint.holds(track, facts) == Some(true))
    }

    /// Whether an analysis is needed to decide.
    pub fn ask_for_measurements(&self) -> bool {
        (self.0.iter()).any(|constraint| {
            let name = constraint.name();
            matches!(
                name,
                ConstraintName::TempoBpm
                    | ConstraintName::Key
                    | ConstraintName::Energy
                    | ConstraintName::Descriptor
            )
        })
    }
}

/// Why fewer tracks came back than were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// Tracks of the catalogue.
    pub tracks: u64,
    /// Tracks for which everything holds.
    pub admitted: u64,
    /// By constraint: tracks of which the asked is unknown.
    pub lacking: BTreeMap<ConstraintName, u64>,
    /// By constraint: tracks for which it is known not to hold.
    pub outside: BTreeMap<ConstraintName, u64>,
}

impl Shortfall {
    /// Counts over tracks.
    ///
    /// - Cost: O(tracks · constraints).
    pub fn count<'f>(
        constraints: &Constraints,
        tracks: impl Iterator<Item = (TrackId, &'f TrackFacts)>,
    ) -> Self {
        let mut shortfall = Self::default();
        for (track, facts) in tracks {
            shortfall.tracks += 1;
            let mut is_admitted = true;
            for constraint in &constraints.0 {
                let counts = match constraint.holds(track, facts) {
                    Some(true) => continue,
                    Some(false) => &mut shortfall.outside,
                    None => &mut shortfall.lacking,
                };
                is_admitted = false;
                *counts.entry(constraint.name()).or_default() += 1;
            }
            shortfall.admitted += u64::from(is_admitted);
        }
        shortfall
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            admitted, tracks, ..
        } = self;
        write!(f, "{admitted} of {tracks} tracks satisfy the constraints")?;
        for (why, counts) in [("unknown", &self.lacking), ("outside", &self.outside)] {
            let mut before = format!("; {why}: ");
            for (name, count) in counts {
                write!(f, "{before}{} of {count}", name.name())?;
                before = ", ".to_owned();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_asked_again() {
        let descriptor = |min, max| Constraint::Descriptor {
            name: "verse.length".to_owned(),
            min,
            max,
            values: Arc::default(),
        };
        let keys = vec![MusicalKey {
            tonic: 9,
            is_minor: true,
        }];
        for constraint in [
            Constraint::TempoBpm {
                min: 99.9,
                max: 1_000.0,
                with_octaves: true,
            },
            Constraint::Keys(keys),
            Constraint::Energy(0.1, 0.9),
            Constraint::DurationMs(0, u32::MAX),
            Constraint::Year(1990, u16::MAX),
            Constraint::Genre("folk".to_owned(), None),
            Constraint::Popularity {
                min: 0.0,
                max: 20.0,
                played: Arc::default(),
            },
            Constraint::Text("rain".to_owned(), Arc::default()),
            descriptor(1.5, f32::INFINITY),
            descriptor(f32::NEG_INFINITY, 6.0),
        ] {
            let kept = serde_json::to_string(&constraint.asked()).unwrap();
            let read: AskedConstraint = serde_json::from_str(&kept).unwrap();
            assert_eq!(Constraint::of_asked(&read), constraint, "{kept}");
        }
    }

    #[test]
    fn what_is_unknown_does_not_hold() {
        let track = TrackId::from_u128(1);
        let facts = TrackFacts {
            tempo_bpm: Some(70.0),
            year: Some(1994),
            ..TrackFacts::default()
        };
        let check = |constraint: Constraint, expected: Option<bool>| {
            assert_eq!(constraint.holds(track, &facts), expected, "{constraint:?}");
        };
        let tempo = |with_octaves| Constraint::TempoBpm {
            min: 138.0,
            max: 142.0,
            with_octaves,
        };
        check(tempo(true), Some(true));
        check(tempo(false), Some(false));
        check(Constraint::Year(1990, 1999), Some(true));
        check(Constraint::Energy(0.0, 1.0), None);
        check(Constraint::Genre("jazz".to_owned(), None), None);
        let played = Arc::new(HashMap::from([(TrackId::from_u128(2), 50.0)]));
        let popularity = |min, max| Constraint::Popularity {
            min,
            max,
            played: Arc::clone(&played),
        };
        check(popularity(0.0, 20.0), Some(true));
        check(popularity(20.0, 100.0), Some(false));
        let told = |min, max| Constraint::Descriptor {
            name: "verse.length".to_owned(),
            min,
            max,
            values: Arc::new(HashMap::from([(track, 7.5)])),
        };
        check(told(7.5, f32::INFINITY), Some(true));
        check(told(f32::NEG_INFINITY, 7.0), Some(false));
        assert_eq!(told(0.0, 9.0).holds(TrackId::from_u128(2), &facts), None);
        assert!(told(2.0, 1.0).check().is_err());
        assert!(Constraint::Year(2000, 1990).check().is_err());
        assert!(Constraint::Energy(f32::NAN, 1.0).check().is_err());
        let both = Constraints(vec![
            Constraint::Year(1990, 1999),
            Constraint::Energy(0.0, 1.0),
        ]);
        assert!(!both.admit(track, &facts));
        let shortfall = Shortfall::count(&both, [(track, &facts)].into_iter());
        assert_eq!(
            shortfall.lacking,
            BTreeMap::from([(ConstraintName::Energy, 1)])
        );
        assert_eq!((shortfall.tracks, shortfall.admitted), (1, 0));
    }
}
