//! What was known at a moment: the view that a request would have met then.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::event::{EventPayload, RecordedEvent};
use leitmotif_domain::{TenantScope, Timestamp};
use leitmotif_features::plays::RECENT_MAX;
use leitmotif_features::projection::READ_BATCH;
use leitmotif_features::{FeatureSet, ListeningState, LiveView};
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_learn::sequence::{SequentialRules, SequentialRulesOptions};
use parking_lot::Mutex;

use super::dataset::{Dataset, Play};
use crate::error::{Error, Result};
use crate::feature_source::FeatureSource;
use crate::recent_sessions::{RecentSessions, SESSION_GAP_MS};
use crate::service::Stores;

/// Followers kept per track.
const FOLLOWERS: usize = 100;

/// Applies every event up to an offset that occurred before `at`, by the code that follows the log
/// live.
///
/// - Cost: one read of the log.
pub async fn state_before(
    stores: &Stores,
    scope: &TenantScope,
    at: Timestamp,
    until: u64,
) -> Result<ListeningState> {
    let mut state = ListeningState::default();
    let mut offset = 0;
    while offset < until {
        let events = stores.log.read(scope, offset, READ_BATCH).await?;
        let Some(last) = events.last() else { break };
        offset = last.offset;
        let is_known =
            |recorded: &&RecordedEvent| recorded.event.occurred_at < at && recorded.offset <= until;
        (events.iter().filter(is_known)).for_each(|recorded| state.apply(recorded));
    }
    Ok(state)
}

/// What was known at a moment.
pub struct Past {
    /// What listeners had done.
    pub state: ListeningState,
    /// The features that are columns, where there are any.
    pub features: Option<FeatureSource>,
}

/// Counts every event up to an offset that occurred before `at` in feature views, by the code that follows the log live.
/// Who a track is credited to is no event of anybody's, and known whenever it was told: imported histories are older than
/// their catalogue.
///
/// - Cost: one read of the log.
pub async fn features_before(
    stores: &Stores,
    scope: &TenantScope,
    views: &[LiveView],
    at: Timestamp,
    until: u64,
) -> Result<FeatureSource> {
    let mut set = FeatureSet::new(views, at);
    let mut offset = 0;
    while offset < until {
        let mut events = stores.log.read(scope, offset, READ_BATCH).await?;
        let Some(last) = events.last() else { break };
        offset = last.offset;
        events.retain(|recorded| {
            let is_credit = matches!(recorded.event.payload, EventPayload::CatalogueChanged(_));
            recorded.offset <= until && (is_credit || recorded.event.occurred_at < at)
        });
        set.take_all(&events);
    }
    Ok(FeatureSource::Held(Arc::new(Mutex::new(set))))
}

/// The newest sessions of these plays, as far as the plays are among the newest of their listener, which are
/// what a request would have met.
///
/// - Cost: O(plays), and memory for the newest of each listener.
pub fn sessions(dataset: &Dataset, plays: &[Play]) -> Result<RecentSessions> {
    let mut newest: Vec<Vec<&Play>> = vec![Vec::new(); dataset.listeners.len()];
    for play in plays.iter().rev() {
        if let Some(own) = newest.get_mut(play.listener as usize)
            && own.len() < RECENT_MAX
        {
            own.push(play);
        }
    }
    let by_listener = dataset.listeners.iter().zip(newest);
    RecentSessions::of_plays(by_listener.map(|(id, own)| {
        let liked = own.into_iter().filter(|play| play.signal > 0.0);
        (*id, liked.map(|play| (play.at, play.item)))
    }))
}

/// What follows what in the sessions of these plays, as shares of all that followed; skipped tracks
/// neither lead nor follow.
///
/// - Cost: O(plays × steps).
pub fn transitions(plays: &[Play], item_count: usize) -> Result<ItemNeighbours> {
    let mut running: BTreeMap<u32, (Timestamp, Vec<u32>)> = BTreeMap::new();
    let mut rules = SequentialRules::empty(item_count, SequentialRulesOptions::default())?;
    for play in plays.iter().filter(|play| play.signal > 0.0) {
        let (last_at, session) = running
            .entry(play.listener)
            .or_insert((play.at, Vec::new()));
        if play.at.since_ms(*last_at) > SESSION_GAP_MS {
            rules.learn(session)?;
            session.clear();
        }
        *last_at = play.at;
        session.push(play.item);
    }
    for (_, session) in running.values() {
        rules.learn(session)?;
    }
    let lists = (0..item_count as u32).map(|item| {
        let followers = rules.followers(item);
        let total: f32 = followers.iter().map(|(_, weight)| weight).sum();
        let mut list: Vec<(u32, f32)> = (followers.iter())
            .filter(|(follower, _)| *follower != item)
            .map(|(follower, weight)| (*follower, weight / total))
            .collect();
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        list.truncate(FOLLOWERS);
        list
    });
    ItemNeighbours::from_lists(lists.collect()).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::UNKNOWN;

    #[test]
    fn a_long_pause_parts_sessions_and_a_skip_is_no_step() {
        let play = |listener, item, minute: i64, signal| Play {
            listener,
            item,
            at: Timestamp::from_ms(minute * 60_000),
            signal,
            offset: 0,
            listened_share: None,
            moment: UNKNOWN,
        };
        let plays = [
            play(0, 0, 0, 1.0),
            play(1, 3, 1, 1.0),
            play(0, 2, 3, -1.0),
            play(0, 1, 4, 1.0),
            play(0, 2, 60, 1.0),
        ];
        let found = transitions(&plays, 4).unwrap();
        assert_eq!(found.of(0).collect::<Vec<_>>(), [(1, 1.0)]);
        assert_eq!(found.of(1).len(), 0, "an hour lies between");
        assert_eq!(found.of(3).len(), 0, "somebody else's session");
    }
}
