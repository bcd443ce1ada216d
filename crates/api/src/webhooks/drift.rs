//! The daily look for drift: a consumer of the log that counts days, and tells when one differed from those before.

use leitmotif_domain::webhook::{NoticeKind, notice};
use leitmotif_domain::{EventId, TenantScope, Timestamp};
use leitmotif_recommend::drift::{Days, Drifted, FALSE_SHARE, REFERENCE_DAYS};
use leitmotif_storage::ports::{Checkpoint, EventLog};
use serde_json::{Value, json};

use crate::middleware::daily::{DAY_MS, day_text};
use crate::problem::Problem;

/// Name of the consumer with the version of its state.
pub const CONSUMER: &str = "drift-2";
/// Events of the log that the first look reads, from the newest back: some seconds, and enough for a week of most.
const FIRST_EVENTS: u64 = 500_000;
/// Events read at once.
const READ_BATCH: usize = 5_000;
/// Events after which the position is written down: what the next look reads again.
const EVENTS_PER_CHECKPOINT: u64 = 5_000;

/// Looks for drift in what a tenant's listeners do.
pub struct Drift<'d> {
    /// Where events are read, and notices appended.
    pub log: &'d dyn EventLog,
    /// Whose.
    pub scope: &'d TenantScope,
}

impl Drift<'_> {
    /// Reads what came, and once a day is over, tells when it differed from the week before.
    ///
    /// - Errors: those of the log; the next call goes on where this one came to.
    /// - Cost: what came since the last call is read; the first call reads at most the newest 500,000 events.
    pub async fn follow(&self, now: Timestamp) -> Result<(), Problem> {
        let head = self.log.head(self.scope).await?;
        let stored = self.log.checkpoint(self.scope, CONSUMER).await?;
        let is_new = stored.is_none();
        let (mut offset, mut days) = match stored {
            Some(stored) => {
                let read = serde_json::from_slice(&stored.state);
                (stored.offset, read.map_err(|error| Problem::bug(&error))?)
            }
            None => (head.saturating_sub(FIRST_EVENTS), Days::default()),
        };
        let (begun, former_day) = (offset, days.today());
        while offset < head {
            let events = self.log.read(self.scope, offset, READ_BATCH).await?;
            let Some(last) = events.last() else { break };
            offset = last.offset;
            for recorded in &events {
                // What ended before the first look is told of by nobody: it is long ago.
                let ended = days.turn_to(recorded.recorded_at);
                self.tell(ended.filter(|_| !is_new), now).await?;
                days.count(recorded);
            }
        }
        let ended = days.turn_to(now);
        self.tell(ended.filter(|_| !is_new), now).await?;
        if is_new || days.today() != former_day || offset - begun >= EVENTS_PER_CHECKPOINT {
            let state = serde_json::to_vec(&days).map_err(|error| Problem::bug(&error))?;
            let checkpoint = Checkpoint { offset, state };
            (self.log.save_checkpoint(self.scope, CONSUMER, checkpoint)).await?;
        }
        Ok(())
    }

    /// Tells of a day that ended and differed.
    async fn tell(
        &self,
        ended: Option<(i64, Vec<Drifted>)>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let Some((ended, found)) = ended.filter(|(_, found)| !found.is_empty()) else {
            return Ok(());
        };
        let id = EventId::derive(&[
            b"drift noticed",
            &self.scope.tenant().as_u128().to_be_bytes(),
            &ended.to_be_bytes(),
        ]);
        let date = day_text(Timestamp::from_ms(ended * DAY_MS));
        let names: Vec<&str> = found.iter().map(|one| one.counted.name()).collect();
        let conclusion = format!("{} differed from the week before", names.join(", "));
        let told: Vec<Value> = found.iter().map(told).collect();
        let detail = json!({
            "day": date, "reference_days": REFERENCE_DAYS, "false_share": FALSE_SHARE, "drifts": told,
        });
        let event = notice(NoticeKind::DriftNoticed, id, now, conclusion, detail);
        self.log.append(self.scope, vec![event]).await?;
        Ok(())
    }
}

fn told(one: &Drifted) -> Value {
    let [by_chance, by_habit] = one.probabilities;
    json!({
        "what": one.counted.name(),
        "population_stability_index": one.index,
        "probability_by_chance": by_chance,
        "probability_by_habit": by_habit,
        "count": one.bins.iter().sum::<u64>(),
        "reference_count": one.reference.iter().sum::<u64>(),
        "bins": one.bins,
        "reference_bins": one.reference,
    })
}
