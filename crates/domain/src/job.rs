//! Queued work.

use serde::{Deserialize, Serialize};

use crate::asked::AnswerSelection;
use crate::clock::Timestamp;
use crate::ids::{JobId, RequestId, TrackId};
use crate::training::TrainingRequest;

const SCAN_KIND: &str = "scan_folder";
/// The kind of [`JobTask::ImportTracks`].
pub const IMPORT_KIND: &str = "import_tracks";
/// Kinds of which a tenant has one running at a time. Imports look which tracks are there and then write theirs:
/// two beside each other would decide by what the other is about to change.
pub const ONE_AT_A_TIME: [&str; 2] = [SCAN_KIND, IMPORT_KIND];

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobTask {
    /// Analyse a track's audio and lyrics.
    AnalyzeTrack {
        /// The track.
        track: TrackId,
    },
    /// Read a folder of the server's disk into the catalogue.
    ScanFolder {
        /// The folder.
        path: String,
    },
    /// Write the tracks of a table, which a client reads and sends. No worker takes it: whoever began it
    /// holds it, and when that one is gone it is over.
    ImportTracks {
        /// What is read, as a person would call it.
        source: String,
    },
    /// Fit the models on the log.
    Train(TrainingRequest),
    /// Group the tracks that hold one recording.
    FindDuplicates,
    /// Learn to tell the tenant's labels.
    TrainHeads,
    /// Learn an embedding from the tenant's lyrics, and embed them.
    LearnLyrics,
    /// Embed the tenant's lyrics by the encoder of the settings.
    EncodeLyrics,
    /// Recommend to many listeners at once, as the stored request says.
    RecommendBatch,
    /// Give answers of the past again and compare them with what was shown.
    ReplayAnswers(AnswerSelection),
    /// Read lyrics that belong to no track.
    AnalyzeTexts {
        /// The batch, under which they are kept.
        batch: RequestId,
        /// How many there are.
        count: u32,
    },
    /// Queue the tracks that plugins have not been run on yet, or were by another version.
    SpreadPlugins,
}

impl JobTask {
    /// The stable name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AnalyzeTrack { .. } => "analyze_track",
            Self::ScanFolder { .. } => SCAN_KIND,
            Self::ImportTracks { .. } => IMPORT_KIND,
            Self::Train(_) => "train",
            Self::FindDuplicates => "find_duplicates",
            Self::TrainHeads => "train_heads",
            Self::LearnLyrics => "learn_lyrics",
            Self::EncodeLyrics => "encode_lyrics",
            Self::RecommendBatch => "recommend_batch",
            Self::ReplayAnswers(_) => "replay_answers",
            Self::AnalyzeTexts { .. } => "analyze_texts",
            Self::SpreadPlugins => "spread_plugins",
        }
    }

    /// Whether a job that was asked for while it runs must run once more: it may have read its input
    /// before the change that the asking is about.
    pub fn follows_input(&self) -> bool {
        match self {
            Self::AnalyzeTrack { .. } | Self::SpreadPlugins => true,
            Self::ScanFolder { .. }
            | Self::ImportTracks { .. }
            | Self::Train(_)
            | Self::FindDuplicates
            | Self::TrainHeads
            | Self::LearnLyrics
            | Self::EncodeLyrics
            | Self::RecommendBatch
            | Self::ReplayAnswers(_)
            | Self::AnalyzeTexts { .. } => false,
        }
    }
}

/// Work to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What to do.
    pub task: JobTask,
    /// While a job with this key waits or runs, another is not queued; see
    /// [`JobTask::follows_input`] for one that runs.
    pub dedupe_key: String,
}

impl NewJob {
    /// Work of which a tenant never needs two: its kind is its key.
    pub fn alone(task: JobTask) -> Self {
        Self {
            dedupe_key: task.kind().to_owned(),
            task,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waiting for a worker, perhaps after a failed attempt.
    Waiting,
    /// Leased by a worker.
    Running,
    /// Finished.
    Done,
    /// Failed for good; kept for a person to look at.
    Dead,
}

impl JobState {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// A job as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub task: JobTask,
    /// Where it stands.
    pub state: JobState,
    /// Attempts begun.
    pub attempts: u32,
    /// Steps finished and steps known, for the progress bar.
    pub progress: Progress,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Steps finished of steps known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Finished.
    pub done: u64,
    /// Known so far.
    pub total: u64,
}

/// How many jobs stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    /// Waiting.
    pub waiting: u64,
    /// Running.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Dead.
    pub dead: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::{Promotion, SearchBudget};

    #[test]
    fn a_training_queued_before_it_had_settings_still_reads() {
        let read = |text: &str| serde_json::from_str::<JobTask>(text);
        let plain = JobTask::Train(TrainingRequest::default());
        assert_eq!(read(r#"{"kind":"train"}"#).ok(), Some(plain));
        let asked = JobTask::Train(TrainingRequest {
            promotion: Promotion::Always,
            search: Some(SearchBudget::Seconds(60)),
            ..TrainingRequest::default()
        });
        let text = serde_json::to_string(&asked).unwrap_or_default();
        assert_eq!(read(&text).ok(), Some(asked), "{text}");
    }
}
