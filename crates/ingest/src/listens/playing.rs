//! What plays now, and the skips that follow from what was replaced.

use leitmotif_domain::event::{EventPayload, INFERRED_SKIP_SOURCE, Listen, ListenOutcome};
use leitmotif_domain::{EventId, ListenerId, RecordingId, TenantScope, Timestamp};

use super::announcements::{Announcement, InferredSkip};
use super::scrobbles::{ReportedListen, ScrobbleLog, event, recording_id, scrobble_of};
use crate::error::Result;

impl ScrobbleLog {
    /// Notes what a listener's player has started; not what plays in private, which nobody is told and of which
    /// no skip follows. Kept in memory only.
    pub async fn announce(
        &self,
        scope: &TenantScope,
        listener: &str,
        reported: ReportedListen,
    ) -> Result<RecordingId> {
        let (id, slot) = self.enter(scope, listener).await?;
        let is_private = reported.ending.is_private;
        let scrobble = scrobble_of(reported);
        let recording = scrobble.recording;
        let sources = self.sources(scope);
        let track = {
            let mut follower = slot.follower.lock().await;
            self.open(&sources, &mut follower).await?;
            follower.follow(&sources).await?;
            follower.find(&sources, &scrobble).await?
        };
        let length_ms = match (scrobble.duration_ms, track) {
            (None, Some(track)) => {
                let found = self.store.tracks(scope, &[track]).await?.pop();
                found.and_then(|track| track.details.duration_ms)
            }
            (told, _) => told,
        };
        let now = self.clock.now();
        let announced = Announcement::new(scrobble, now, track, length_ms);
        let skips = {
            let mut announcements = slot.announcements.lock();
            if !is_private {
                announcements.announce(id, announced);
            }
            announcements.settle(id, now)
        };
        self.write_skips(scope, id, skips).await?;
        Ok(recording)
    }

    /// Notes that a track was heard, told by other ways than a scrobble, so that it is no skip.
    pub fn heard(
        &self,
        scope: &TenantScope,
        listener: &str,
        title: &str,
        artist: &str,
        at: Timestamp,
    ) {
        let id = ListenerId::of_name(scope.tenant(), listener);
        let recording = recording_id(title, artist);
        let slot = self.slot(scope);
        slot.announcements.lock().hear(id, recording, at);
    }

    /// What a listener's player plays.
    pub fn playing(&self, scope: &TenantScope, listener: ListenerId) -> Option<Announcement> {
        let slot = self.slot(scope);
        let announcements = slot.announcements.lock();
        announcements.playing(listener, self.clock.now()).cloned()
    }

    /// Writes skips that were inferred.
    pub(super) async fn write_skips(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        skips: Vec<InferredSkip>,
    ) -> Result<()> {
        if skips.is_empty() {
            return Ok(());
        }
        let skip_event = |skip: InferredSkip| {
            let id = EventId::derive(&[
                b"inferred skip",
                &scope.tenant().as_u128().to_be_bytes(),
                &listener.as_u128().to_be_bytes(),
                &skip.at.as_ms().to_be_bytes(),
                &skip.recording.as_u128().to_be_bytes(),
            ]);
            let listen = Listen {
                track: skip.track,
                played_ms: Some(skip.played_ms),
                track_ms: Some(skip.track_ms),
                outcome: ListenOutcome::Skipped,
                source: Some(INFERRED_SKIP_SOURCE.to_owned()),
                request_id: None,
                device: None,
                activity: None,
                zone: None,
                cell: None,
                reason: None,
                private: false,
            };
            event(id, skip.at, listener, EventPayload::Listen(listen))
        };
        let events = skips.into_iter().map(skip_event).collect();
        self.log.append(scope, events).await?;
        Ok(())
    }
}
