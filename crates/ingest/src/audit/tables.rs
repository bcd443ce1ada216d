//! The audit of a plain table of tracks.

use std::path::Path;

use leitmotif_domain::track::ReleaseDate;
use serde_json::Value;

use super::document::AuditDocument;
use super::findings::{SeenTrack, TrackCounter};
use super::profile::TableProfile;
use super::reanalysis::Reanalyzer;

/// Counts the rows of a table as the track route takes them.
pub struct TableAuditor {
    profile: TableProfile,
    tracks: TrackCounter,
    reanalyzer: Reanalyzer,
}

impl TableAuditor {
    /// Begins the audit of a file.
    pub fn new(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            profile: TableProfile::new(&name),
            tracks: TrackCounter::default(),
            reanalyzer: Reanalyzer::default(),
        }
    }

    /// Counts a row.
    pub fn take(&mut self, row: &Value) {
        let Some(fields) = row.as_object() else {
            return;
        };
        self.profile.row(fields);
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let place = self.profile.counts.rows_in;
        let row_id = place.to_string();
        let date: Option<ReleaseDate> = text("release_date").parse().ok();
        let spotify = row.pointer("/external_ids/spotify").and_then(Value::as_str);
        let ids: Vec<_> = spotify
            .map(|id| ("spotify", id.to_owned()))
            .into_iter()
            .collect();
        let lyrics = Some(text("lyrics")).filter(|lyrics| !lyrics.trim().is_empty());
        self.tracks.take(&SeenTrack {
            row_id: &row_id,
            artist: text("artist"),
            lyrics,
            release_date: date.as_ref(),
            has_unreadable_date: date.is_none() && !text("release_date").is_empty(),
            ids: &ids,
        });
        if let Some(lyrics) = lyrics {
            let track = i64::try_from(place).unwrap_or(i64::MAX);
            self.reanalyzer.offer(track, text("title"), lyrics);
            self.reanalyzer.take(track, "table", row);
        }
    }

    /// Ends the audit; `changed` is how many tracks are new or changed.
    pub fn finish(mut self, changed: u64) -> AuditDocument {
        self.profile.counts.rows_out = self.profile.counts.rows_in;
        self.profile.counts.changed = changed;
        AuditDocument {
            source: "table".to_owned(),
            tables: vec![self.profile.finish()],
            tracks: self.tracks.finish(),
            reanalysis: self.reanalyzer.finish(),
            ..AuditDocument::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_table_of_tracks_is_audited() {
        let mut auditor = TableAuditor::new(Path::new("/x/songs.csv"));
        for number in 0..4 {
            auditor.take(
                &json!({"title": format!("T{number}"), "artist": "A", "genre": "folk",
                "release_date": "1999", "lyrics": "one line", "external_ids": {"spotify": "s"}}),
            );
        }
        let found = auditor.finish(3);
        let table = found.table("songs").unwrap();
        assert_eq!((table.rows_in, table.rows_out, found.changes()), (4, 4, 3));
        assert!(table.constant_columns.contains(&"genre".to_owned()));
        assert_eq!(
            (found.tracks.shared_id_groups, found.tracks.artists),
            (1, 1)
        );
        assert_eq!(found.tracks.dates[0].name, "year");
        assert_eq!(found.reanalysis.unwrap().tracks, 4);
    }
}
