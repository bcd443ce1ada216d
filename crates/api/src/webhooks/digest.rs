//! The daily digest of new releases: a consumer of the log that collects the tracks of a day.

use leitmotif_domain::event::{CatalogueChange, EventPayload};
use leitmotif_domain::webhook::{NoticeKind, notice};
use leitmotif_domain::{EventId, TenantScope, Timestamp, TrackId};
use leitmotif_recommend::Recommender;
use leitmotif_recommend::releases::NewByArtist;
use leitmotif_storage::ports::{Checkpoint, EventLog, EventSelection};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::middleware::daily::{DAY_MS, day_text};
use crate::problem::Problem;

/// Name of the consumer with the version of its state.
pub const CONSUMER: &str = "releases-1";
/// Tracks remembered of one day: more are an import, of which a digest says only how many.
const TRACKS_MAX: usize = 20_000;
/// Artists in a digest, and tracks and listeners told of each: a message stays under 256 KiB.
const ARTISTS_TOLD: usize = 50;
const TRACKS_TOLD: usize = 20;
const LISTENERS_TOLD: usize = 100;
/// Events read at once.
const READ_BATCH: usize = 1_000;
/// Events without a new track after which the position is written down.
const EVENTS_PER_CHECKPOINT: u64 = 50_000;

/// The tracks that a day brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Collected {
    /// UTC day, counted from the epoch.
    day: i64,
    tracks: Vec<TrackId>,
    /// New tracks beyond the bound.
    surplus: u64,
}

/// Makes the digests of a tenant.
pub struct Digest<'d> {
    /// Where tracks are added, and digests appended.
    pub log: &'d dyn EventLog,
    /// Knows who plays what.
    pub recommender: &'d Recommender,
    /// Whose.
    pub scope: &'d TenantScope,
}

impl Digest<'_> {
    /// Reads what was added and, once a day is over, appends its digest. The first call only begins: what
    /// is there already is not new.
    ///
    /// - Errors: those of the log and of the recommender; the next call goes on where this one came to.
    pub async fn follow(&self, now: Timestamp) -> Result<(), Problem> {
        let today = day_of(now);
        let Some(stored) = self.log.checkpoint(self.scope, CONSUMER).await? else {
            let head = self.log.head(self.scope).await?;
            let begun = Collected {
                day: today,
                ..Collected::default()
            };
            return self.save(head, &begun).await;
        };
        let mut collected: Collected =
            serde_json::from_slice(&stored.state).map_err(|error| Problem::bug(&error))?;
        let (mut offset, before) = (stored.offset, collected.clone());
        let selection = EventSelection {
            kind: Some("catalogue_changed".to_owned()),
            ..EventSelection::default()
        };
        let head = self.log.head(self.scope).await?;
        while offset < head {
            let read = (self.log).select(self.scope, &selection, offset, READ_BATCH);
            let slice = read.await?;
            for recorded in &slice.events {
                let EventPayload::CatalogueChanged(changed) = &recorded.event.payload else {
                    continue;
                };
                self.turn_to(day_of(recorded.recorded_at), &mut collected, now)
                    .await?;
                if changed.change == CatalogueChange::Added {
                    collected.add(changed.track);
                }
            }
            offset = slice.reached;
        }
        self.turn_to(today, &mut collected, now).await?;
        if collected != before || offset - stored.offset >= EVENTS_PER_CHECKPOINT {
            self.save(offset, &collected).await?;
        }
        Ok(())
    }

    /// Ends the collected day when another begins.
    async fn turn_to(
        &self,
        day: i64,
        collected: &mut Collected,
        now: Timestamp,
    ) -> Result<(), Problem> {
        // A clock that was set back ends no day.
        if day <= collected.day {
            return Ok(());
        }
        let ended = std::mem::replace(
            collected,
            Collected {
                day,
                ..Collected::default()
            },
        );
        if ended.tracks.is_empty() {
            return Ok(());
        }
        let asked = (self.recommender).listeners_of_new(self.scope, ended.tracks);
        let found = asked.await?;
        if found.is_empty() {
            return Ok(());
        }
        let id = EventId::derive(&[
            b"releases digest",
            &self.scope.tenant().as_u128().to_be_bytes(),
            &ended.day.to_be_bytes(),
        ]);
        let date = day_text(Timestamp::from_ms(ended.day * DAY_MS));
        let conclusion = format!(
            "{} artists that are played often have new tracks",
            found.len()
        );
        let detail = json!({
            "day": date,
            "artist_count": found.len(),
            "artists": found.iter().take(ARTISTS_TOLD).map(told).collect::<Vec<_>>(),
            "surplus_tracks": ended.surplus,
        });
        let event = notice(NoticeKind::ReleasesDigest, id, now, conclusion, detail);
        self.log.append(self.scope, vec![event]).await?;
        Ok(())
    }

    async fn save(&self, offset: u64, collected: &Collected) -> Result<(), Problem> {
        let state = serde_json::to_vec(collected).map_err(|error| Problem::bug(&error))?;
        let checkpoint = Checkpoint { offset, state };
        Ok(self
            .log
            .save_checkpoint(self.scope, CONSUMER, checkpoint)
            .await?)
    }
}

impl Collected {
    fn add(&mut self, track: TrackId) {
        if self.tracks.len() < TRACKS_MAX {
            self.tracks.push(track);
        } else {
            self.surplus += 1;
        }
    }
}

fn told(one: &NewByArtist) -> serde_json::Value {
    json!({
        "artist": one.artist,
        "track_count": one.tracks.len(),
        "tracks": one.tracks.iter().take(TRACKS_TOLD).collect::<Vec<_>>(),
        "listener_count": one.listeners.len(),
        "listeners": one.listeners.iter().take(LISTENERS_TOLD).collect::<Vec<_>>(),
    })
}

fn day_of(at: Timestamp) -> i64 {
    at.as_ms().div_euclid(DAY_MS)
}
