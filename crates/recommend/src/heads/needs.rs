//! How many labels there are, are asked for and are missing: of what was trained, and before any training.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use leitmotif_learn::heads::{GROUPS_MIN, POSITIVES_MIN, Shortage, VALUE_GROUPS_MIN, VALUES_MIN};

use super::document::{HeadRow, Standing};
use super::labels::{Label, LabelKind, labels_of};
use super::training::ROWS_MAX;
use super::values::{ValueKind, ValueRow, ValueStanding, values_of};
use crate::catalogue::CatalogueView;

/// How many there are, how many are asked for, and how many of those are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// There are.
    pub have: usize,
    /// Are asked for.
    pub need: usize,
    /// Are missing.
    pub missing: usize,
}

/// What a label needs until it is learnt, or until another training is worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Tracks with the label.
    pub tracks: Need,
    /// Their artists.
    pub artists: Need,
    /// Tracks with another label of the kind and their artists, counted up to what is needed; none for values.
    pub others: Option<(Need, Need)>,
}

impl Needs {
    fn of(counts: (usize, usize), asked: (usize, usize), missing: &Shortage) -> Self {
        let own = |have, need, missing| Need {
            have,
            need,
            missing,
        };
        Self {
            tracks: own(counts.0, asked.0, missing.tracks),
            artists: own(counts.1, asked.1, missing.artists),
            others: None,
        }
    }

    fn with_others(mut self, missing: &Shortage) -> Self {
        let other = |need: usize, missing: usize| Need {
            have: need.saturating_sub(missing),
            need,
            missing,
        };
        let tracks = other(POSITIVES_MIN, missing.other_tracks);
        self.others = Some((tracks, other(GROUPS_MIN, missing.other_artists)));
        self
    }

    /// `12 of 20 tracks, 3 of 5 artists`.
    pub(super) fn counts_text(&self) -> String {
        counts_text(self.tracks, self.artists)
    }

    /// The same of those that are labelled otherwise.
    pub(super) fn other_counts_text(&self) -> String {
        let text = |(tracks, artists)| counts_text(tracks, artists);
        self.others.map(text).unwrap_or_default()
    }
}

fn counts_text(tracks: Need, artists: Need) -> String {
    format!(
        "{} of {} tracks, {} of {} artists",
        tracks.have, tracks.need, artists.have, artists.need
    )
}

impl HeadRow {
    /// How many labels there are, are asked for and are missing; `None` where the head speaks, or where too
    /// many others have more.
    pub fn needs(&self) -> Option<Needs> {
        let counts = (self.tracks, self.artists);
        match &self.standing {
            Standing::Shown(_) | Standing::TooMany => None,
            Standing::TooFew(missing) | Standing::NotTrained(missing) => {
                let needs = Needs::of(counts, (POSITIVES_MIN, GROUPS_MIN), missing);
                Some(needs.with_others(missing))
            }
            Standing::BelowBar(_, more) => {
                let missing = Shortage {
                    tracks: *more,
                    ..Shortage::default()
                };
                let asked = (self.tracks + more, GROUPS_MIN);
                Some(Needs::of(counts, asked, &missing).with_others(&missing))
            }
        }
    }
}

impl ValueRow {
    /// How many tracks with the value there are, are asked for and are missing; `None` where it is told.
    pub fn needs(&self) -> Option<Needs> {
        let counts = (self.tracks, self.artists);
        let asked = (VALUES_MIN, VALUE_GROUPS_MIN);
        match &self.standing {
            ValueStanding::Shown(_) => None,
            ValueStanding::TooFew(missing) | ValueStanding::NotTrained(missing) => {
                Some(Needs::of(counts, asked, missing))
            }
            ValueStanding::BelowBar(_, more) => {
                let missing = Shortage {
                    tracks: *more,
                    ..Shortage::default()
                };
                let asked = (self.tracks + more, VALUE_GROUPS_MIN);
                Some(Needs::of(counts, asked, &missing))
            }
        }
    }
}

/// The labels of a catalogue before any training, analysed or not.
#[derive(Debug, Default)]
pub struct Untrained {
    /// Every label, by kind and name, those of most tracks.
    pub rows: Vec<HeadRow>,
    /// Every value.
    pub values: Vec<ValueRow>,
    /// Labels that were left out because there are too many; they are the rarest.
    pub left_out: usize,
}

/// Tracks and artists of one label or kind.
#[derive(Default)]
struct Carriers {
    tracks: usize,
    by_artist: HashMap<u64, usize>,
}

impl Carriers {
    fn take(&mut self, artist: u64) {
        self.tracks += 1;
        *self.by_artist.entry(artist).or_default() += 1;
    }
}

impl Untrained {
    /// Counts the labels of a catalogue.
    ///
    /// - Cost: O(tracks), memory of the artists of each label while it counts.
    pub fn count(catalogue: &CatalogueView) -> Self {
        let mut labels: BTreeMap<Label, Carriers> = BTreeMap::new();
        let mut kinds: BTreeMap<LabelKind, Carriers> = BTreeMap::new();
        let mut values: BTreeMap<ValueKind, Carriers> = BTreeMap::new();
        for (_, card) in catalogue.cards() {
            let of_track = labels_of(card.genre.as_deref(), &card.tags);
            let of_kinds: BTreeSet<LabelKind> = of_track.iter().map(|label| label.kind).collect();
            for kind in of_kinds {
                kinds.entry(kind).or_default().take(card.artist_key);
            }
            for label in of_track {
                labels.entry(label).or_default().take(card.artist_key);
            }
            for kind in values_of(&card.tags).into_keys() {
                values.entry(kind).or_default().take(card.artist_key);
            }
        }
        let mut counted = Self::default();
        for kind in LabelKind::ALL {
            let mut of_kind: Vec<_> = labels.iter().filter(|(l, _)| l.kind == kind).collect();
            of_kind.sort_by(|a, b| b.1.tracks.cmp(&a.1.tracks).then(a.0.cmp(b.0)));
            counted.left_out += of_kind.len().saturating_sub(ROWS_MAX);
            let all = kinds.get(&kind);
            let rows = of_kind.into_iter().take(ROWS_MAX);
            let rows =
                rows.filter_map(|(label, carriers)| Some(row_of(label.clone(), carriers, all?)));
            counted.rows.extend(rows);
        }
        counted.rows.sort_by(|a, b| a.label.cmp(&b.label));
        let value = |kind| value_of(kind, values.get(&kind).unwrap_or(&Carriers::default()));
        counted.values = ValueKind::ALL.into_iter().map(value).collect();
        counted
    }

    /// Why nothing is told of a kind, with what its label of most tracks is missing.
    pub(super) fn why_silent(&self, kind: LabelKind) -> String {
        let of_kind = self.rows.iter().filter(|row| row.label.kind == kind);
        let most = of_kind.max_by_key(|row| (row.tracks, std::cmp::Reverse(&row.label.name)));
        match most {
            None => none_carries(kind),
            Some(row) => row.reason().unwrap_or_default(),
        }
    }

    /// Why a value is not told, with what is missing.
    pub(super) fn why_no_value(&self, kind: ValueKind) -> String {
        let row = self.values.iter().find(|row| row.kind == kind);
        row.and_then(ValueRow::reason).unwrap_or_default()
    }
}

/// What is missing where nothing has a label of a kind.
pub(super) fn none_carries(kind: LabelKind) -> String {
    let name = kind.name();
    format!(
        "no track with an analysis carries a {name} (0 of {POSITIVES_MIN} tracks, 0 of {GROUPS_MIN} artists); missing: \
         {POSITIVES_MIN} tracks of {GROUPS_MIN} artists with each {name} that is to be told"
    )
}

fn row_of(label: Label, own: &Carriers, all: &Carriers) -> HeadRow {
    let has_only = |(artist, tracks): (&u64, &usize)| own.by_artist.get(artist) == Some(tracks);
    let alone = all.by_artist.iter().filter(|one| has_only(*one)).count();
    let missing = Shortage {
        tracks: POSITIVES_MIN.saturating_sub(own.tracks),
        artists: GROUPS_MIN.saturating_sub(own.by_artist.len()),
        other_tracks: POSITIVES_MIN.saturating_sub(all.tracks - own.tracks),
        other_artists: GROUPS_MIN.saturating_sub(all.by_artist.len() - alone),
    };
    HeadRow {
        label,
        tracks: own.tracks,
        artists: own.by_artist.len(),
        standing: Standing::NotTrained(missing),
        head: None,
    }
}

fn value_of(kind: ValueKind, own: &Carriers) -> ValueRow {
    let missing = Shortage {
        tracks: VALUES_MIN.saturating_sub(own.tracks),
        artists: VALUE_GROUPS_MIN.saturating_sub(own.by_artist.len()),
        ..Shortage::default()
    };
    ValueRow {
        kind,
        tracks: own.tracks,
        artists: own.by_artist.len(),
        standing: ValueStanding::NotTrained(missing),
        head: None,
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::track::{Track, TrackDetails};
    use leitmotif_domain::{Timestamp, TrackId};

    use super::*;

    fn catalogue() -> CatalogueView {
        let mut view = CatalogueView::default();
        // Artist 0 has drill alone, artists 1 and 2 both, others folk.
        for number in 0..40_u128 {
            let artist = number % 8;
            let is_drill = artist == 0 || artist < 3 && number < 16;
            view.put(&Track {
                id: TrackId::from_u128(number + 1),
                details: TrackDetails {
                    title: format!("T{number}"),
                    artist: format!("Artist {artist}"),
                    genre: Some(if is_drill { "drill" } else { "folk" }.to_owned()),
                    ..TrackDetails::default()
                },
                audio: None,
                has_lyrics: false,
                created_at: Timestamp::from_ms(0),
                updated_at: Timestamp::from_ms(0),
            });
        }
        view
    }

    #[test]
    fn labels_are_counted_before_any_training() {
        let counted = Untrained::count(&catalogue());
        let row = &counted.rows[0];
        // Artist 0 has 5 tracks, artists 1 and 2 have 2 each of drill.
        assert_eq!(
            (row.label.name.as_str(), row.tracks, row.artists),
            ("drill", 9, 3)
        );
        let needs = row.needs().unwrap();
        let need = |have, need, missing| Need {
            have,
            need,
            missing,
        };
        assert_eq!(needs.tracks, need(9, 20, 11));
        assert_eq!(needs.artists, need(3, 5, 2));
        assert_eq!(needs.others, Some((need(20, 20, 0), need(5, 5, 0))));
        assert_eq!(
            row.reason().unwrap(),
            "not trained yet; missing: 11 more tracks of 2 more artists labelled `drill` (9 of 20 tracks, 3 of 5 \
             artists)"
        );
        let folk = counted.rows[1].needs().unwrap();
        assert_eq!((folk.tracks.have, folk.artists.have), (31, 7));
        assert_eq!(folk.others, Some((need(9, 20, 11), need(3, 5, 2))));
        assert!(
            counted
                .why_silent(LabelKind::Genre)
                .contains("labelled otherwise")
        );
        assert!(
            counted
                .why_silent(LabelKind::Mood)
                .contains("missing: 20 tracks")
        );
        let valence = counted.why_no_value(ValueKind::Valence);
        assert!(
            valence.contains("(0 of 40 tracks, 0 of 10 artists)"),
            "{valence}"
        );
    }

    #[test]
    fn what_is_counted_follows_the_catalogue() {
        let mut view = catalogue();
        assert_eq!(view.untrained().rows[0].tracks, 9);
        view.remove(TrackId::from_u128(1));
        assert_eq!(view.untrained().rows[0].tracks, 8);
    }
}
