//! What the tracks of any table are like.

use std::collections::{BTreeMap, HashMap, HashSet};

use leitmotif_analysis::lyrics::identify_language;
use leitmotif_domain::track::ReleaseDate;

use super::document::{RhymeDetector, SharedId, TrackFindings};
use super::profile::tallies;
use crate::accuracy;

/// Groups of tracks with one id that are shown; the others are counted.
const GROUPS_SHOWN: usize = 50;
/// Tracks that are named of one group.
const GROUP_TRACKS_SHOWN: usize = 10;
/// Bytes of lyrics that the language is told from; more change nothing.
const LANGUAGE_BYTES: usize = 1_500;

/// One track on its way in.
#[derive(Default)]
pub struct SeenTrack<'t> {
    /// Its id over there.
    pub row_id: &'t str,
    /// Artist as printed.
    pub artist: &'t str,
    /// The words.
    pub lyrics: Option<&'t str>,
    /// When it was released.
    pub release_date: Option<&'t ReleaseDate>,
    /// Whether there was a date that could not be read.
    pub has_unreadable_date: bool,
    /// Ids that other tracks may have too.
    pub ids: &'t [(&'static str, String)],
}

/// Counts tracks.
///
/// - Memory: artists and external ids, O(tracks); no text is kept.
#[derive(Default)]
pub struct TrackCounter {
    /// Counts that the caller adds to.
    pub findings: TrackFindings,
    artists: HashSet<String>,
    languages: HashMap<String, u64>,
    dates: HashMap<String, u64>,
    /// Tracks by namespace and id.
    ids: HashMap<(&'static str, String), Group>,
}

#[derive(Default)]
struct Group {
    count: u64,
    tracks: Vec<String>,
}

impl TrackCounter {
    /// Counts one.
    pub fn take(&mut self, track: &SeenTrack<'_>) {
        let findings = &mut self.findings;
        findings.tracks += 1;
        if !track.artist.is_empty() && !self.artists.contains(track.artist) {
            self.artists.insert(track.artist.to_owned());
        }
        let precision = match track.release_date {
            Some(date) => date.precision(),
            None if track.has_unreadable_date => "unreadable",
            None => "none",
        };
        *self.dates.entry(precision.to_owned()).or_insert(0) += 1;
        if let Some(lyrics) = track.lyrics {
            findings.with_lyrics += 1;
            if !lyrics.trim().contains('\n') {
                findings.lyrics_without_line_breaks += 1;
            }
            *self.languages.entry(language_of(lyrics)).or_insert(0) += 1;
        }
        for (namespace, id) in track.ids {
            let group = self.ids.entry((*namespace, id.clone())).or_default();
            group.count += 1;
            if group.tracks.len() < GROUP_TRACKS_SHOWN {
                group.tracks.push(track.row_id.to_owned());
            }
        }
    }

    /// Ends the count.
    pub fn finish(mut self) -> TrackFindings {
        self.findings.artists = self.artists.len() as u64;
        self.findings.languages = tallies(self.languages);
        self.findings.dates = tallies(self.dates);
        let spotify = self
            .ids
            .keys()
            .filter(|(namespace, _)| *namespace == "spotify");
        self.findings.spotify_ids = spotify.count() as u64;
        let mut shared: Vec<SharedId> = self
            .ids
            .into_iter()
            .filter(|(_, group)| group.count > 1)
            .map(|((namespace, id), group)| SharedId {
                id: format!("{namespace}:{id}"),
                track_count: group.count,
                tracks: group.tracks,
            })
            .collect();
        self.findings.shared_id_groups = shared.len() as u64;
        self.findings.shared_id_tracks = shared.iter().map(|group| group.track_count).sum();
        shared
            .sort_by(|one, other| (other.track_count, &one.id).cmp(&(one.track_count, &other.id)));
        shared.truncate(GROUPS_SHOWN);
        self.findings.shared_ids = shared;
        self.findings
    }
}

fn language_of(lyrics: &str) -> String {
    let end = (0..=LANGUAGE_BYTES.min(lyrics.len()))
        .rev()
        .find(|at| lyrics.is_char_boundary(*at));
    let part = lyrics.get(..end.unwrap_or(0)).unwrap_or_default();
    identify_language(part).map_or_else(|| "unknown".to_owned(), |guess| guess.code)
}

/// How well the rhyme detectors of the seed do beside ours, on the same annotated verse, authors held
/// out: the numbers of the rhyme's accuracy card.
pub fn rhyme_detectors() -> Vec<RhymeDetector> {
    const METRIC: &str = "pair F1";
    let Some(card) = accuracy::card("rhyme") else {
        return Vec::new();
    };
    let peers = card.peers.iter().filter(|peer| peer.metric == METRIC);
    let ours = card.scores.iter().find(|score| score.metric == METRIC);
    let mut detectors: Vec<(&str, f64)> =
        peers.map(|peer| (peer.name.as_str(), peer.value)).collect();
    detectors.extend(ours.map(|score| ("Leitmotif", score.value)));
    detectors.sort_by(|one, other| one.1.total_cmp(&other.1));
    let basis = "rhyming pairs of end words, annotated verse, authors held out";
    detectors
        .into_iter()
        .map(|(name, f1)| RhymeDetector {
            name: name.to_owned(),
            f1,
            basis: basis.to_owned(),
        })
        .collect()
}

/// Adds one to a count by name.
pub fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    *counts.entry(name.to_owned()).or_insert(0) += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rhyme_detectors_are_those_of_the_card() {
        let detectors = rhyme_detectors();
        let names: Vec<&str> = detectors.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.first(), Some(&"simplified_features"));
        let ours = detectors.last().expect("ours is the best");
        assert_eq!(ours.name, "Leitmotif");
        assert_eq!(
            Some(ours.f1),
            accuracy::card("rhyme").map(|card| card.scores[0].value)
        );
    }

    #[test]
    fn tracks_are_counted_and_shared_ids_grouped() {
        let mut counter = TrackCounter::default();
        let (day, year) = ("2001-02-03".parse().unwrap(), "1999".parse().unwrap());
        let rows = [
            ("1", "A", Some("one line only"), Some(&day), "s1"),
            ("2", "A", Some("two\nlines"), Some(&year), "s1"),
            ("3", "B", None, None, "s2"),
            ("4", "", None, None, "s1"),
        ];
        for (row_id, artist, lyrics, release_date, id) in rows {
            counter.take(&SeenTrack {
                row_id,
                artist,
                lyrics,
                release_date,
                has_unreadable_date: row_id == "4",
                ids: &[("spotify", id.to_owned())],
            });
        }
        let found = counter.finish();
        assert_eq!((found.tracks, found.artists, found.spotify_ids), (4, 2, 2));
        assert_eq!(
            (found.with_lyrics, found.lyrics_without_line_breaks),
            (2, 1)
        );
        let dates: Vec<_> = found
            .dates
            .iter()
            .map(|tally| tally.name.as_str())
            .collect();
        assert_eq!(dates, ["day", "none", "unreadable", "year"]);
        assert_eq!((found.shared_id_groups, found.shared_id_tracks), (1, 3));
        assert_eq!(found.shared_ids[0].id, "spotify:s1");
        assert_eq!(found.shared_ids[0].tracks, ["1", "2", "4"]);
    }
}
