//! The audit of a plain table of tracks.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use serde_json::{Map, Value};

use super::column_agreement::ColumnAgreements;
use super::document::AuditDocument;
use super::findings::{SeenTrack, TrackCounter, rhyme_detectors};
use super::profile::TableProfile;
use super::reanalysis::Reanalyzer;
use crate::imports::claims::RowClaims;
use crate::imports::lines::Fault;
use crate::imports::table::{TableTrack, map_row};

/// Takes the rows of a table as they are read: each becomes a track or is counted for what is wrong
/// with it.
///
/// - Memory: that of its parts, and 16 bytes a row to know it again.
pub struct TableAuditor {
    profile: TableProfile,
    tracks: TrackCounter,
    reanalyzer: Reanalyzer,
    seen: HashSet<u128>,
    not_imported: BTreeSet<String>,
    claims: RowClaims,
    agreements: ColumnAgreements,
}

impl TableAuditor {
    /// Begins the audit of a file.
    pub fn new(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            profile: TableProfile::new(&name),
            tracks: TrackCounter::default(),
            reanalyzer: Reanalyzer::default(),
            seen: HashSet::new(),
            not_imported: BTreeSet::new(),
            claims: RowClaims::default(),
            agreements: ColumnAgreements::default(),
        }
    }

    /// Counts what is no row.
    pub fn broken(&mut self, fault: Fault) {
        self.profile.broken(fault.line, fault.reason);
    }

    /// Counts a row with all its columns and answers the track that it is; `None` for one that cannot
    /// be used or that a row before has said word for word.
    pub fn take(&mut self, line: u64, row: Map<String, Value>) -> Option<TableTrack> {
        self.profile.row(&row);
        self.agreements.take(&row);
        let mut track = match map_row(&row, &mut self.not_imported) {
            Ok(track) => track,
            Err(reason) => {
                self.profile.reject(line, reason);
                return None;
            }
        };
        if !self.seen.insert(print_of(&track)) {
            self.profile.counts.duplicate_rows += 1;
            return None;
        }
        let spotify = track.details.external_ids.get("spotify");
        let ids: Vec<_> = spotify
            .map(|id| ("spotify", id.clone()))
            .into_iter()
            .collect();
        let claimed = self.claims.settle(line, &mut track);
        match claimed.is_renewal {
            true => self.profile.counts.renewing_rows += 1,
            false => self.profile.counts.rows_out += 1,
        }
        for reason in claimed.refused {
            self.profile.damaged(line, reason);
        }
        self.tracks.take(&SeenTrack {
            row_id: &line.to_string(),
            artist: &track.details.artist,
            lyrics: track.lyrics.as_deref(),
            release_date: track.details.release_date.as_ref(),
            has_unreadable_date: false,
            ids: &ids,
        });
        if let Some(lyrics) = &track.lyrics {
            let number = i64::try_from(line).unwrap_or(i64::MAX);
            let row = Value::Object(row);
            if Reanalyzer::is_comparable(&row) {
                self.reanalyzer.offer(number, &track.details.title, lyrics);
                self.reanalyzer.take(number, "table", &row);
            } else {
                self.reanalyzer.pass();
            }
        }
        Some(track)
    }

    /// Counts a row whose track the catalogue did not take.
    pub fn refused(&mut self, line: u64, reason: String) {
        let counts = &mut self.profile.counts;
        counts.rows_out = counts.rows_out.saturating_sub(1);
        self.profile.reject(line, reason);
    }

    /// Counts a row with ids, `namespace:id`, under which another song was in the catalogue before.
    pub fn clashed(&mut self, line: u64, ids: &[String]) {
        self.profile.clashed(line, ids);
    }

    /// Ends the audit; `changed` is how many tracks are new or changed.
    pub fn finish(mut self, changed: u64) -> AuditDocument {
        self.profile.counts.changed = changed;
        self.profile.counts.columns_not_imported = self.not_imported.into_iter().collect();
        let tracks = self.tracks.finish();
        let rhyme_detectors = match tracks.with_lyrics {
            0 => Vec::new(),
            _ => rhyme_detectors(),
        };
        AuditDocument {
            source: "table".to_owned(),
            tables: vec![self.profile.finish()],
            tracks,
            reanalysis: self.reanalyzer.finish(),
            rhyme_detectors,
            agreements: self.agreements.compare(),
            ..AuditDocument::default()
        }
    }
}

/// Two hashes, because one of 64 bits would take a row of ten million for another's once in a while.
fn print_of(track: &TableTrack) -> u128 {
    let said = track.body().to_string();
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        (salt, &said).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(auditor: &mut TableAuditor, line: u64, row: Value) -> bool {
        let Value::Object(row) = row else {
            panic!("no row: {row}");
        };
        auditor.take(line, row).is_some()
    }

    #[test]
    fn any_table_of_tracks_is_audited() {
        let mut auditor = TableAuditor::new(Path::new("/x/songs.csv"));
        for number in 0..4 {
            let row = json!({"title": format!("T{number}"), "artist": "A", "genre": "folk",
                "release_date": "1999", "lyrics": "one line", "external_ids": {"spotify": "s"},
                "quality": number, "complexity": format!("{number}.0"), "mood": "calm",
                "empty": null, "word_count": 2 + number});
            assert!(taken(&mut auditor, number + 2, row));
        }
        let found = auditor.finish(3);
        let table = found.table("songs").unwrap();
        assert_eq!((table.rows_in, table.rows_out, found.changes()), (4, 4, 3));
        for name in ["genre", "mood"] {
            assert!(table.constant_columns.contains(&name.to_owned()), "{name}");
        }
        assert_eq!(table.empty_columns, ["empty"]);
        let pair = ("complexity".to_owned(), "quality".to_owned());
        assert!(table.identical_columns.contains(&pair));
        assert_eq!(
            table.columns_not_imported,
            ["complexity", "mood", "quality", "word_count"]
        );
        assert_eq!(
            (found.tracks.shared_id_groups, found.tracks.artists),
            (1, 1)
        );
        assert_eq!(found.tracks.dates[0].name, "year");
        assert_eq!(found.rhyme_detectors, rhyme_detectors());
        let reanalysis = found.reanalysis.unwrap();
        assert_eq!(reanalysis.tracks, 4);
        assert_eq!(reanalysis.comparisons[0].field, "word_count");
    }

    #[test]
    fn what_is_out_is_what_the_catalogue_holds() {
        let mut auditor = TableAuditor::new(Path::new("songs.csv"));
        for number in 0..6 {
            let row = json!({"title": format!("T{}", number % 5), "artist": "A", "album": number,
                "external_ids": {"spotify": format!("s{}", number % 5 / 2)}});
            assert!(taken(&mut auditor, number + 2, row));
        }
        let found = auditor.finish(5);
        let table = found.table("songs").unwrap();
        assert_eq!((table.rows_in, table.rows_out), (6, 5));
        assert_eq!((table.renewing_rows, table.damaged_rows), (1, 2));
        assert_eq!(found.tracks.shared_id_groups, 2);
    }

    #[test]
    fn rows_that_bring_nothing_are_counted_for_what_they_are() {
        let mut auditor = TableAuditor::new(Path::new("songs.csv"));
        assert!(taken(&mut auditor, 2, json!({"title": "A", "number": 1})));
        assert!(!taken(&mut auditor, 3, json!({"title": "A", "number": 2})));
        assert!(!taken(&mut auditor, 4, json!({"title": null})));
        assert!(taken(&mut auditor, 5, json!({"title": "B"})));
        auditor.broken(Fault {
            line: 6,
            reason: "cut".to_owned(),
        });
        auditor.refused(5, "taken".to_owned());
        auditor.clashed(2, &["spotify:s1".to_owned()]);
        let found = auditor.finish(1);
        let table = found.table("songs").unwrap();
        assert_eq!((table.rows_in, table.rows_out), (5, 1));
        assert_eq!((table.duplicate_rows, table.rejected_rows), (1, 3));
        assert_eq!((table.clashing_rows, table.damaged_rows), (1, 1));
        let lines: Vec<u64> = table.faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 4, 5, 6]);
        assert!(table.faults[0].is_used && table.faults[0].reason.contains("`spotify:s1`"));
        assert!(found.rhyme_detectors.is_empty() && found.reanalysis.is_none());
    }
}
