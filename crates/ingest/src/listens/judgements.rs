//! Judgements of recordings: kept as they were told, the newest of each standing.

use std::collections::HashSet;

use leitmotif_domain::event::{EventPayload, Opinion, RecordingFeedback, Scrobble};
use leitmotif_domain::{EventId, ListenerId, RecordingId, TenantScope, Timestamp};
use leitmotif_storage::ports::EventWindow;

use super::scrobbles::{ScrobbleLog, event};
use crate::error::Result;

/// Judgements of one listener read at most; the newest count.
const JUDGEMENTS_MAX: usize = 50_000;

/// A judgement as a scrobbler tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedFeedback {
    /// The recording in MusicBrainz.
    pub recording_mbid: Option<String>,
    /// The recording by its words.
    pub recording: Option<RecordingId>,
    /// What the listener thinks.
    pub opinion: Opinion,
}

impl ScrobbleLog {
    /// Writes a judgement; it counts for the track now or when the track comes.
    pub async fn judge(
        &self,
        scope: &TenantScope,
        listener: &str,
        reported: ReportedFeedback,
    ) -> Result<()> {
        let (id, slot) = self.enter(scope, listener).await?;
        let now = self.clock.now();
        let said = RecordingFeedback {
            recording_mbid: reported.recording_mbid,
            recording: reported.recording,
            opinion: reported.opinion,
        };
        let event_id = EventId::derive(&[
            b"recording feedback",
            &scope.tenant().as_u128().to_be_bytes(),
            &id.as_u128().to_be_bytes(),
            &now.as_ms().to_be_bytes(),
            key_of(&said).as_bytes(),
        ]);
        let sources = self.sources(scope);
        let mut follower = slot.follower.lock().await;
        self.open(&sources, &mut follower).await?;
        let told = event(event_id, now, id, EventPayload::RecordingFeedback(said));
        self.log.append(scope, vec![told]).await?;
        follower.follow(&sources).await?;
        let becoming = [Scrobble::resolved_event_id(event_id)];
        follower.resolve(&sources, &becoming, None).await
    }

    /// The judgements of a listener that stand, the newest first.
    pub async fn judgements(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
    ) -> Result<Vec<(Timestamp, RecordingFeedback)>> {
        let window = EventWindow::of_kind("recording_feedback");
        let read = self.log.of_kind(scope, listener, &window, JUDGEMENTS_MAX);
        let mut seen = HashSet::new();
        let mut standing = Vec::new();
        for recorded in read.await? {
            let at = recorded.event.occurred_at;
            if let EventPayload::RecordingFeedback(said) = recorded.event.payload
                && seen.insert(key_of(&said))
                && said.opinion != Opinion::Cleared
            {
                standing.push((at, said));
            }
        }
        Ok(standing)
    }
}

/// What a judgement is about: a later one about the same takes its place.
fn key_of(said: &RecordingFeedback) -> String {
    match (&said.recording_mbid, said.recording) {
        (Some(mbid), _) => mbid.to_lowercase(),
        (None, Some(recording)) => recording.to_uuid(),
        (None, None) => String::new(),
    }
}
