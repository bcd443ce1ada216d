//! An event as features see it: once for each track it tells of.

use leitmotif_domain::event::{
    EventPayload, FeaturesPushed, Listen, ListenOutcome, Moment, Opinion, RecordedEvent, Scrobble,
};
use leitmotif_domain::zone::LocalHour;
use leitmotif_domain::{Timestamp, TrackId};

use crate::aggregate::EdgeKey;
use crate::definition::{Entity, EventKind, Field, Scalar, text_id};
use crate::entity::{EntityKey, context_cell, context_cell_id};

/// One countable fact.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a> {
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// When it is known of: what is far later than it happened is late.
    pub known_at: Timestamp,
    /// The event.
    pub event: u128,
    /// The place in the event.
    pub place: u32,
    /// 1, or −1 where a counted play is taken back.
    pub sign: i64,
    /// Who.
    pub listener: Option<u128>,
    /// What.
    pub track: Option<u128>,
    /// Whose, as the catalogue had it when the event came.
    pub artist: Option<u128>,
    /// The rest.
    pub rest: Rest<'a>,
}

/// What only one kind of event says.
#[derive(Debug, Clone, Copy)]
pub enum Rest<'a> {
    /// Of a play.
    Listen(&'a Listen),
    /// Of a judgement.
    Opinion(Opinion),
    /// Of a track shown.
    Shown {
        /// Where.
        placement: &'a str,
        /// How personal the answer was.
        rung: &'static str,
        /// The answer.
        request: u128,
        /// What the player said of the moment.
        moment: &'a Moment,
    },
    /// Of a search.
    ResultCount(u32),
    /// Of pushed values.
    Pushed(&'a FeaturesPushed),
}

/// Takes an event apart; private plays and inferred skips are in no feature.
pub fn occurrences<'a>(
    recorded: &'a RecordedEvent,
    known_at: Timestamp,
    artist_of: impl Fn(u128) -> Option<u128>,
    mut each: impl FnMut(Occurrence<'a>),
) {
    let event = &recorded.event;
    let of = |kind, track: Option<TrackId>, rest| Occurrence {
        kind,
        at: event.occurred_at,
        known_at,
        event: event.event_id.as_u128(),
        place: 0,
        sign: 1,
        listener: event.listener.map(|listener| listener.as_u128()),
        track: track.map(|track| track.as_u128()),
        artist: track.and_then(|track| artist_of(track.as_u128())),
        rest,
    };
    let listen_of = |listen: &Listen| !(listen.private || listen.is_inferred_skip());
    match &event.payload {
        EventPayload::Listen(listen) if listen_of(listen) => {
            each(of(
                EventKind::Listen,
                Some(listen.track),
                Rest::Listen(listen),
            ));
        }
        EventPayload::ScrobbleDeleted(deleted) => {
            let Some(listen) = deleted.listen.as_ref().filter(|listen| listen_of(listen)) else {
                return;
            };
            each(Occurrence {
                event: Scrobble::resolved_event_id(deleted.scrobble).as_u128(),
                sign: -1,
                ..of(EventKind::Listen, Some(listen.track), Rest::Listen(listen))
            });
        }
        EventPayload::Feedback(feedback) => {
            let rest = Rest::Opinion(feedback.opinion);
            each(of(EventKind::Feedback, Some(feedback.track), rest));
        }
        EventPayload::Exposure(exposure) => {
            for (place, shown) in exposure.tracks.iter().enumerate() {
                let rest = Rest::Shown {
                    placement: &exposure.placement,
                    rung: exposure.rung.name(),
                    request: exposure.request_id.as_u128(),
                    moment: &exposure.moment,
                };
                each(Occurrence {
                    place: place as u32,
                    ..of(EventKind::Exposure, Some(shown.track), rest)
                });
            }
        }
        EventPayload::Search(search) => {
            each(of(
                EventKind::Search,
                None,
                Rest::ResultCount(search.result_count),
            ));
        }
        EventPayload::FeaturesPushed(pushed) => {
            each(of(EventKind::Push, None, Rest::Pushed(pushed)));
        }
        _ => {}
    }
}

impl<'a> Occurrence<'a> {
    /// Reads a field; `None` where the event does not say it.
    pub fn read(&self, field: Field) -> Option<Scalar> {
        let number = |value: i64| Some(Scalar::Number(value));
        match field {
            Field::Track => self.track.map(Scalar::Id),
            Field::Artist => self.artist.map(Scalar::Id),
            Field::Listener => self.listener.map(Scalar::Id),
            Field::Hour => number(i64::from(self.local().hour)),
            Field::Weekday => number(i64::from(self.local().weekday)),
            Field::Position => number(i64::from(self.place)),
            Field::Request => self.request().map(Scalar::Id),
            _ => match &self.rest {
                Rest::Listen(listen) => match field {
                    Field::PlayedMs => number(i64::from(listen.played_ms?)),
                    Field::TrackMs => number(i64::from(listen.track_ms?)),
                    Field::Share => number(share_milli(listen)?),
                    Field::Signal => number((listen.signal() * 1_000.0).round() as i64),
                    _ => self.text(field).map(|text| Scalar::Id(text_id(text))),
                },
                Rest::ResultCount(count) if field == Field::ResultCount => {
                    number(i64::from(*count))
                }
                _ => self.text(field).map(|text| Scalar::Id(text_id(text))),
            },
        }
    }

    /// The words of a field that has words.
    pub fn text(&self, field: Field) -> Option<&'a str> {
        let said = |text: &'a Option<String>| text.as_deref().filter(|text| !text.is_empty());
        match (&self.rest, field) {
            (Rest::Listen(listen), Field::Outcome) => Some(match listen.outcome {
                ListenOutcome::Completed => "completed",
                ListenOutcome::Skipped => "skipped",
                ListenOutcome::Partial => "partial",
            }),
            (Rest::Listen(listen), Field::Source) => said(&listen.source),
            (Rest::Listen(listen), Field::Reason) => said(&listen.reason),
            (Rest::Listen(listen), Field::Device) => said(&listen.device),
            (Rest::Listen(listen), Field::Activity) => said(&listen.activity),
            (Rest::Listen(listen), Field::Cell) => said(&listen.cell),
            (Rest::Opinion(opinion), Field::Opinion) => Some(match opinion {
                Opinion::Like => "like",
                Opinion::Dislike => "dislike",
                Opinion::Cleared => "cleared",
            }),
            (Rest::Shown { moment, .. }, Field::Device) => said(&moment.device),
            (Rest::Shown { moment, .. }, Field::Activity) => said(&moment.activity),
            (Rest::Shown { placement, .. }, Field::Placement) => Some(placement),
            (Rest::Shown { rung, .. }, Field::Rung) => Some(rung),
            _ => None,
        }
    }

    /// Whom a view of an entity counts it for.
    pub fn key(&self, entity: Entity) -> Option<EntityKey> {
        match entity {
            Entity::Listener => self.listener.map(EntityKey::of),
            Entity::Track => self.track.map(EntityKey::of),
            Entity::Artist => self.artist.map(EntityKey::of),
            Entity::ListenerArtist => Some(EntityKey::pair(self.listener?, self.artist?)),
            Entity::ContextCell => match &self.rest {
                Rest::Listen(listen) => Some(EntityKey::of(context_cell_id(listen, self.at))),
                _ => None,
            },
            Entity::Request => self.request().map(EntityKey::of),
            Entity::Named => None,
        }
    }

    /// The context of a play.
    pub fn cell_name(&self) -> Option<String> {
        match &self.rest {
            Rest::Listen(listen) => Some(context_cell(listen, self.at)),
            _ => None,
        }
    }

    /// Where it stands among the events of an entity.
    pub fn edge_key(&self) -> EdgeKey {
        let made = match &self.rest {
            Rest::Pushed(pushed) => pushed.created_at,
            _ => None,
        };
        EdgeKey {
            at_ms: self.at.as_ms(),
            made_ms: made.map_or(i64::MIN, Timestamp::as_ms),
            event: self.event,
            place: self.place,
        }
    }

    fn request(&self) -> Option<u128> {
        match &self.rest {
            Rest::Listen(listen) => listen.request_id.map(|request| request.as_u128()),
            Rest::Shown { request, .. } => Some(*request),
            _ => None,
        }
    }

    fn local(&self) -> LocalHour {
        let zone = match &self.rest {
            Rest::Listen(listen) => listen.zone.as_deref(),
            _ => None,
        };
        let utc_or_zone = LocalHour::at(self.at, zone);
        match &self.rest {
            Rest::Shown { moment, .. } => LocalHour {
                hour: moment.hour.unwrap_or(utc_or_zone.hour),
                weekday: moment.weekday.unwrap_or(utc_or_zone.weekday),
            },
            _ => utc_or_zone,
        }
    }
}

fn share_milli(listen: &Listen) -> Option<i64> {
    let (played, length) = (
        listen.played_ms?,
        listen.track_ms.filter(|length| *length > 0)?,
    );
    Some((i64::from(played) * 1_000 / i64::from(length)).min(1_000))
}
