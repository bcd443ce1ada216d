//! The audit of a `rap-scraper` catalogue, collected while it is imported.

use std::collections::{BTreeMap, HashMap, HashSet};

use leitmotif_domain::statement::StatementStatus;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::spotify::SpotifyShape;
use super::{MappedStatement, MappedTrack, SOURCE};
use crate::audit::AuditDocument;
use crate::audit::agreement::Judgements;
use crate::audit::document::{AnalyzerFindings, SpaceFindings};
use crate::audit::findings::{SeenTrack, TrackCounter, count, rhyme_detectors};
use crate::audit::profile::{TableProfile, tallies};
use crate::audit::reanalysis::Reanalyzer;

/// Collects everything but the columns, which belong to each table.
///
/// - Memory: O(rows) hashes and numbers; no text but that of the sample.
#[derive(Default)]
pub struct RapAudit {
    tracks: TrackCounter,
    shapes: BTreeMap<String, u64>,
    known: HashSet<i64>,
    spaces: BTreeMap<(String, &'static str), SpaceFindings>,
    analyzers: BTreeMap<(String, String), Analyzer>,
    judgements: Judgements,
    reanalyzer: Reanalyzer,
}

#[derive(Default)]
struct Analyzer {
    findings: AnalyzerFindings,
    tracks: HashSet<i64>,
    /// The first half of the hash of every row.
    seen: HashSet<u128>,
}

/// What becomes of an analysis row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFate {
    /// It is sent.
    Sent,
    /// Its analyzer has said the very same of the track before.
    Duplicate,
    /// Its track is in no row.
    Orphan,
}

impl RapAudit {
    /// Counts a track. Says whether its id is new: a second row with the same id is not sent.
    pub fn track(&mut self, track: &MappedTrack) -> bool {
        if !self.known.insert(track.row_id) {
            return false;
        }
        let row_id = track.row_id.to_string();
        self.tracks.take(&SeenTrack {
            row_id: &row_id,
            artist: &track.artist_printed,
            lyrics: track.lyrics.as_deref(),
            release_date: track.details.release_date.as_ref(),
            has_unreadable_date: track.has_unreadable_date,
            ids: &track.ids,
        });
        let findings = &mut self.tracks.findings;
        findings.artists_split += u64::from(track.details.artist != track.artist_printed);
        findings.explicit_of_spotify += u64::from(track.is_explicit_of_spotify);
        if let Some(data) = &track.spotify {
            findings.previews += u64::from(data.has_preview);
            findings.audio_features += u64::from(data.has_audio_features);
            let shape = match data.shape {
                SpotifyShape::A => "A",
                SpotifyShape::B => "B",
            };
            count(&mut self.shapes, shape);
        }
        for mapped in &track.vectors {
            let key = (mapped.space.clone(), mapped.column);
            let space = self.spaces.entry(key).or_insert_with(|| SpaceFindings {
                name: mapped.space.clone(),
                column: mapped.column.to_owned(),
                model: mapped.model.clone(),
                dimension: mapped.vector.len() as u64,
                vectors: 0,
            });
            space.vectors += 1;
        }
        if let Some(lyrics) = &track.lyrics {
            self.reanalyzer
                .offer(track.row_id, &track.details.title, lyrics);
        }
        for statement in &track.statements {
            self.reanalyzer
                .take(track.row_id, &statement.author, &statement.content);
        }
        true
    }

    /// Counts an analysis.
    pub fn analysis(&mut self, track: i64, statement: &MappedStatement) -> RowFate {
        let key = (statement.author.clone(), statement.version.clone());
        let analyzer = self.analyzers.entry(key).or_default();
        let findings = &mut analyzer.findings;
        findings.rows += 1;
        if findings.kind.is_empty() {
            findings.kind = statement.kind.name().to_owned();
        }
        match statement.status {
            StatementStatus::Good => {}
            StatementStatus::Fallback => findings.fallback_rows += 1,
            StatementStatus::Quarantined => findings.quarantined_rows += 1,
        }
        if !self.known.contains(&track) {
            return RowFate::Orphan;
        }
        analyzer.tracks.insert(track);
        if !analyzer.seen.insert(print_of(track, &statement.content)) {
            findings.duplicate_rows += 1;
            return RowFate::Duplicate;
        }
        if statement.status == StatementStatus::Good {
            self.judgements
                .take(track, &statement.author, &statement.content);
            self.reanalyzer
                .take(track, &statement.author, &statement.content);
        }
        RowFate::Sent
    }

    /// Ends the audit.
    pub fn finish(mut self, tables: Vec<TableProfile>) -> AuditDocument {
        self.tracks.findings.spotify_shapes = tallies(self.shapes);
        let analyzers = self.analyzers.into_iter();
        AuditDocument {
            source: SOURCE.to_owned(),
            tables: tables.into_iter().map(TableProfile::finish).collect(),
            tracks: self.tracks.finish(),
            analyzers: analyzers
                .map(|((author, version), analyzer)| AnalyzerFindings {
                    author,
                    version,
                    tracks: analyzer.tracks.len() as u64,
                    ..analyzer.findings
                })
                .collect(),
            spaces: self.spaces.into_values().collect(),
            agreements: self.judgements.compare(),
            reanalysis: self.reanalyzer.finish(),
            rhyme_detectors: rhyme_detectors(),
        }
    }
}

fn print_of(track: i64, content: &Value) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update(track.to_be_bytes());
    hasher.update(content.to_string());
    let hash: [u8; 32] = hasher.finalize().into();
    hash.iter()
        .take(16)
        .fold(0, |print, byte| print << 8 | u128::from(*byte))
}

/// Gives ids that several rows have to the first of them: an external id names one track, and the
/// others are no less tracks for sharing it.
#[derive(Default)]
pub struct IdClaims {
    owners: HashMap<(&'static str, String), i64>,
}

impl IdClaims {
    /// The ids that a track may carry.
    pub fn claim(&mut self, track: &MappedTrack) -> Vec<(&'static str, String)> {
        let claimed = track.ids.iter().filter(|id| {
            let owner = self.owners.entry((*id).clone()).or_insert(track.row_id);
            *owner == track.row_id
        });
        claimed.cloned().collect()
    }
}
