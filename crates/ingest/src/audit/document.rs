//! The audit as it is stored and shown. Parts that an older release did not write are empty.

use serde::{Deserialize, Serialize};

/// Everything an audit found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditDocument {
    /// What was imported: `rap-scraper`, `table`.
    pub source: String,
    /// The tables, in the order they were read.
    pub tables: Vec<TableAudit>,
    /// What the tracks are like.
    pub tracks: TrackFindings,
    /// Who analysed them before, by name and version.
    pub analyzers: Vec<AnalyzerFindings>,
    /// Embedding spaces.
    pub spaces: Vec<SpaceFindings>,
    /// How far the analyzers agree, field by field.
    pub agreements: Vec<Agreement>,
    /// Our own analysis beside theirs; absent when there were no lyrics.
    pub reanalysis: Option<Reanalysis>,
    /// How well rhyme detectors do on annotated verse.
    pub rhyme_detectors: Vec<RhymeDetector>,
}

impl AuditDocument {
    /// Rows that an earlier analyzer left as stand-ins.
    pub fn fallback_rows(&self) -> u64 {
        self.analyzers.iter().map(|one| one.fallback_rows).sum()
    }

    /// Writes that changed something; 0 when everything was there already.
    pub fn changes(&self) -> u64 {
        self.tables.iter().map(|table| table.changed).sum()
    }

    /// A table by name.
    pub fn table(&self, name: &str) -> Option<&TableAudit> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableAudit {
    /// Its name.
    pub name: String,
    /// Rows read, broken ones included.
    pub rows_in: u64,
    /// Rows that are in the catalogue now.
    pub rows_out: u64,
    /// Rows that say what another row has said already.
    pub duplicate_rows: u64,
    /// Rows about the track of a row before: the same id elsewhere, title and artist.
    pub renewing_rows: u64,
    /// Rows about a track that is in no row.
    pub orphan_rows: u64,
    /// Rows that could not be used.
    pub rejected_rows: u64,
    /// Rows that were used although a part of them could not be read, or is another row's.
    pub damaged_rows: u64,
    /// Rows with an id elsewhere under which an earlier import brought another song: both are kept.
    pub clashing_rows: u64,
    /// Writes that changed something.
    pub changed: u64,
    /// The first of both, with their lines.
    pub faults: Vec<FaultFinding>,
    /// The columns, in the order they were met.
    pub columns: Vec<ColumnFindings>,
    /// Columns with one value in every row.
    pub constant_columns: Vec<String>,
    /// Columns with one value in the rows that have one, and rows without.
    pub constant_where_filled: Vec<String>,
    /// Columns without a value.
    pub empty_columns: Vec<String>,
    /// Pairs of columns that are the same in every row: one was made from the other.
    pub identical_columns: Vec<(String, String)>,
    /// Columns with values that were read, counted here, and not imported: nothing of a track is
    /// called so.
    pub columns_not_imported: Vec<String>,
    /// Why nothing of the table was imported, where that is so by design.
    pub left_out_because: Option<String>,
}

/// A row that is broken, or partly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultFinding {
    /// Its line.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
    /// Whether the row was used all the same.
    pub is_used: bool,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFindings {
    /// Its name.
    pub name: String,
    /// Rows with a value.
    pub filled: u64,
    /// Different values.
    pub distinct: u64,
    /// Whether there are more than were counted.
    pub is_distinct_at_bound: bool,
    /// The values of a column of labels, most frequent first; empty for other columns.
    pub labels: Vec<Tally>,
    /// Values that look like stand-ins of what was not known.
    #[serde(default)]
    pub stand_ins: Vec<StandIn>,
}

/// A value that looks like what a program writes where it does not know: a number that stands out among its
/// neighbours, or a word that says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandIn {
    /// The value; of words the lower-case form.
    pub value: String,
    /// Rows with it.
    pub count: u64,
    /// Share of the rows with a value.
    pub share: f64,
    /// Rows of the most frequent of the values next to a number; absent for words.
    pub neighbours_max: Option<u64>,
}

/// How often something occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// What.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// What the tracks are like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackFindings {
    /// Tracks read.
    pub tracks: u64,
    /// Different artists as printed.
    pub artists: u64,
    /// Tracks whose printed artist was split, because Spotify confirms the parts.
    pub artists_split: u64,
    /// Tracks with lyrics.
    pub with_lyrics: u64,
    /// Lyrics that are one single line.
    pub lyrics_without_line_breaks: u64,
    /// Languages of the lyrics as we detect them, most frequent first.
    pub languages: Vec<Tally>,
    /// Release dates by precision: `day`, `month`, `year`, `none`, `unreadable`.
    pub dates: Vec<Tally>,
    /// Rows with Spotify data, by shape.
    pub spotify_shapes: Vec<Tally>,
    /// Different Spotify ids.
    pub spotify_ids: u64,
    /// Tracks with a preview to listen to.
    pub previews: u64,
    /// Tracks with Spotify's audio features.
    pub audio_features: u64,
    /// Tracks whose flag `explicit` was taken from Spotify.
    pub explicit_of_spotify: u64,
    /// Ids that several tracks have.
    pub shared_id_groups: u64,
    /// Tracks in such groups.
    pub shared_id_tracks: u64,
    /// The largest groups.
    pub shared_ids: Vec<SharedId>,
}

/// An id that several tracks have. They are not merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedId {
    /// The id, as `namespace:value`.
    pub id: String,
    /// How many tracks have it.
    pub track_count: u64,
    /// The first of them, by their ids over there.
    pub tracks: Vec<String>,
}

/// Who analysed the tracks before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalyzerFindings {
    /// The analyzer.
    pub author: String,
    /// Its version.
    pub version: String,
    /// `measured` or `opinion`.
    pub kind: String,
    /// Rows.
    pub rows: u64,
    /// Tracks they are about.
    pub tracks: u64,
    /// Rows that repeat another word for word.
    pub duplicate_rows: u64,
    /// Stand-ins of a failed analyzer; used nowhere.
    pub fallback_rows: u64,
    /// Rows that are not to be trusted; used nowhere.
    pub quarantined_rows: u64,
}

/// An embedding space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpaceFindings {
    /// Its name here.
    pub name: String,
    /// The column it came from.
    pub column: String,
    /// The model as the rows name it; absent when they do not.
    pub model: Option<String>,
    /// Components.
    pub dimension: u64,
    /// Vectors.
    pub vectors: u64,
}

/// How far two analyzers agree on one field, or two columns of a table on their labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The field.
    pub field: String,
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// Tracks that both judged.
    pub tracks: u64,
    /// Share of them on which they say the same.
    pub same_share: f64,
    /// Cohen's kappa; absent where chance alone explains everything.
    pub kappa: Option<f64>,
}

/// Our own analysis beside theirs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reanalysis {
    /// Lyrics analysed again.
    pub tracks: u64,
    /// Lyrics there are.
    pub tracks_available: u64,
    /// Version of our analyzer.
    pub version: String,
    /// Field by field.
    pub comparisons: Vec<Comparison>,
    /// Where both are furthest apart.
    pub disagreements: Vec<Disagreement>,
}

/// One field, theirs and ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Our descriptor.
    pub field: String,
    /// Who gave the other value.
    pub author: String,
    /// Tracks with both values.
    pub tracks: u64,
    /// Mean of theirs.
    pub theirs_mean: f64,
    /// Mean of ours.
    pub ours_mean: f64,
    /// Mean distance.
    pub difference_mean: f64,
    /// Pearson's correlation; absent where a side does not vary.
    pub correlation: Option<f64>,
}

/// A track on which both are far apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The track, by its id over there.
    pub track: String,
    /// Its title.
    pub title: String,
    /// Our descriptor.
    pub field: String,
    /// Who gave the other value.
    pub author: String,
    /// Their value.
    pub theirs: f64,
    /// Our value.
    pub ours: f64,
    /// Distance in standard deviations of both sides together.
    pub deviations: f64,
}

/// A rhyme detector on annotated verse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RhymeDetector {
    /// The detector.
    pub name: String,
    /// Pairwise F1 on authors that were held out.
    pub f1: f64,
    /// What was measured, and where.
    pub basis: String,
}
