//! What of the log metrics are made of: small rows by listener.

use std::collections::HashMap;

use leitmotif_domain::bucket::murmur3_32;
use leitmotif_domain::event::{
    CatalogueChange, EventPayload, Exposure, Listen, ListenOutcome, Opinion, RecordedEvent,
};
use leitmotif_domain::zone::LocalHour;
use leitmotif_domain::{RequestId, Rung, Timestamp, TrackId};

use super::rows::{Answer, Judged, ListenerFacts, Play, Shown};
use crate::definition::{Field, Scalar, text_id};

/// Most rows in memory, of some 80 bytes with the room that lists keep: about 160 MB. Beyond it every second listener is
/// left out, and then every second of those that stay.
pub const FACTS_MAX: usize = 2_000_000;
/// What a listener without rows counts as, for the places of its lists.
const FACTS_PER_LISTENER: usize = 4;
/// Different texts that are told apart (devices, sources and the like); later ones count as unknown. Their numbers
/// have 16 bits.
const TEXTS_MAX: usize = u16::MAX as usize;
/// Different settings that are told apart: senders name placements as they like. Later ones count as unknown.
const SETTINGS_MAX: usize = 65_536;
/// The number of a setting that is not told apart.
const NO_SETTING: u32 = u32::MAX;
/// The number of a text that is not said.
const NO_TEXT: u16 = u16::MAX;
/// Salt of the hash that deals listeners.
const DEAL_SEED: u32 = 0x6d65_7472;

/// A share of the listeners: those whose hash begins with these bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// How many bits.
    pub bits: u32,
    /// The bits.
    pub index: u32,
}

impl Part {
    /// Whether a listener belongs to it.
    pub fn holds(self, listener: u128) -> bool {
        let hash = u64::from(deal(listener));
        hash >> (32 - self.bits.min(32)) == u64::from(self.index)
    }

    /// Its share of all listeners.
    pub fn share(self) -> f64 {
        0.5_f64.powi(self.bits as i32)
    }
}

/// The hash that deals listeners to parts, by its first bits, and to groups, by its last.
pub fn deal(listener: u128) -> u32 {
    murmur3_32(&listener.to_be_bytes(), DEAL_SEED)
}

/// Where and by what something was shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting {
    /// The placement.
    pub placement: String,
    /// How personal the answer was.
    pub rung: Rung,
    /// The model that answered.
    pub model: Option<String>,
    /// The name and the version of what chose; none for what is built in.
    pub assignment: Option<(String, u32)>,
    /// The layout of the page it was a part of.
    pub layout: Option<String>,
}

/// Numbers in the place of ids.
#[derive(Debug, Clone, Default)]
struct Numbers {
    by_id: HashMap<u128, u32>,
    ids: Vec<u128>,
}

impl Numbers {
    fn of(&mut self, id: u128) -> u32 {
        *self.by_id.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.ids.len() as u32 - 1
        })
    }
}

/// The rows of a tenant, or of a part of its listeners.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The last event in them.
    pub offset: u64,
    /// Whose rows they are.
    pub part: Part,
    listeners: HashMap<u128, ListenerFacts>,
    settings: Vec<Setting>,
    setting_numbers: HashMap<Setting, u32>,
    tracks: Numbers,
    texts: Numbers,
    /// By track, whether the catalogue holds it and who it is credited to.
    catalogue: Vec<(bool, Option<u128>)>,
    count: usize,
}

impl Facts {
    /// No rows yet, of a part of the listeners.
    pub fn of_part(part: Part) -> Self {
        Self {
            offset: 0,
            part,
            listeners: HashMap::new(),
            settings: Vec::new(),
            setting_numbers: HashMap::new(),
            tracks: Numbers::default(),
            texts: Numbers::default(),
            catalogue: Vec::new(),
            count: 0,
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.count + self.listeners.len() * FACTS_PER_LISTENER
    }

    /// Leaves out every second listener. Whoever stays, stays whole.
    pub fn halve(&mut self) {
        self.part = Part {
            bits: self.part.bits + 1,
            index: self.part.index << 1,
        };
        let part = self.part;
        self.listeners.retain(|listener, _| part.holds(*listener));
        self.listeners.shrink_to_fit();
        let rows = self.listeners.values();
        self.count = rows
            .map(|one| one.shown.len() + one.plays.len() + one.judged.len())
            .sum();
    }

    /// Takes the next event of the log in, whenever it happened; one that is in already is passed over. Private plays and
    /// inferred skips are in no metric.
    pub fn take(&mut self, recorded: &RecordedEvent) {
        if recorded.offset <= self.offset {
            return;
        }
        self.offset = recorded.offset;
        let (event, at) = (&recorded.event, recorded.event.occurred_at);
        if let EventPayload::CatalogueChanged(changed) = &event.payload {
            let track = self.track(changed.track);
            if let Some((is_there, artist)) = self.catalogue.get_mut(track as usize) {
                *is_there = changed.change != CatalogueChange::Removed;
                if let Some(name) = &changed.artist {
                    *artist = Some(text_id(name));
                }
            }
            return;
        }
        let Some(listener) = event.listener.map(|listener| listener.as_u128()) else {
            return;
        };
        if !self.part.holds(listener) {
            return;
        }
        let counts = |listen: &Listen| !(listen.private || listen.is_inferred_skip());
        match &event.payload {
            EventPayload::Listen(listen) if counts(listen) => {
                let play = self.play(at, listen);
                self.rows(listener, 1).plays.push(play);
            }
            EventPayload::ScrobbleDeleted(deleted) => {
                if let Some(listen) = deleted.listen.as_ref().filter(|listen| counts(listen)) {
                    let track = self.track(listen.track);
                    self.rows(listener, 0).taken_back.push((at, track));
                }
            }
            EventPayload::Feedback(feedback) => {
                let judged = Judged {
                    track: self.track(feedback.track),
                    at,
                    offset: recorded.offset,
                    opinion: feedback.opinion as u8,
                };
                self.rows(listener, 1).judged.push(judged);
            }
            EventPayload::Exposure(exposure) => self.take_exposure(listener, at, exposure),
            _ => {}
        }
    }

    fn take_exposure(&mut self, listener: u128, at: Timestamp, exposure: &Exposure) {
        let local = LocalHour::at(at, None);
        let setting = self.setting(exposure);
        let moment = &exposure.moment;
        let answer = Answer {
            at,
            request: exposure.request_id.as_u128(),
            setting,
            hour: moment.hour.unwrap_or(local.hour),
            weekday: moment.weekday.unwrap_or(local.weekday),
            device: self.text(moment.device.as_deref()),
            activity: self.text(moment.activity.as_deref()),
        };
        let tracks: Vec<u32> = (exposure.tracks.iter())
            .map(|shown| self.track(shown.track))
            .collect();
        let rows = self.rows(listener, tracks.len());
        let number = rows.answers.len() as u32;
        rows.answers.push(answer);
        let shown = tracks.into_iter().enumerate();
        rows.shown.extend(shown.map(|(position, track)| Shown {
            track,
            at,
            answer: number,
            position: u16::try_from(position).unwrap_or(u16::MAX),
        }));
    }

    fn play(&mut self, at: Timestamp, listen: &Listen) -> Play {
        let local = LocalHour::at(at, listen.zone.as_deref());
        let share = match (listen.played_ms, listen.track_ms) {
            (Some(played), Some(length)) if length > 0 => {
                Some((i64::from(played) * 1_000 / i64::from(length)).min(1_000) as i16)
            }
            _ => None,
        };
        Play {
            at,
            track: self.track(listen.track),
            request: listen.request_id.map_or(0, RequestId::as_u128),
            played_ms: listen.played_ms,
            track_ms: listen.track_ms,
            share_milli: share,
            signal_milli: (listen.signal() * 1_000.0).round() as i16,
            outcome: listen.outcome as u8,
            hour: local.hour,
            weekday: local.weekday,
            source: self.text(listen.source.as_deref()),
            reason: self.text(listen.reason.as_deref()),
            device: self.text(listen.device.as_deref()),
            activity: self.text(listen.activity.as_deref()),
        }
    }

    fn rows(&mut self, listener: u128, count: usize) -> &mut ListenerFacts {
        self.count += count;
        let rows = self.listeners.entry(listener).or_default();
        rows.is_sorted = false;
        rows
    }

    fn track(&mut self, track: TrackId) -> u32 {
        let number = self.tracks.of(track.as_u128());
        if self.catalogue.len() <= number as usize {
            self.catalogue.resize(number as usize + 1, (false, None));
        }
        number
    }

    fn text(&mut self, text: Option<&str>) -> u16 {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return NO_TEXT;
        };
        let id = text_id(text);
        if self.texts.ids.len() >= TEXTS_MAX && !self.texts.by_id.contains_key(&id) {
            return NO_TEXT;
        }
        self.texts.of(id) as u16
    }

    fn setting(&mut self, exposure: &Exposure) -> u32 {
        let assignment = exposure.assignment.as_ref();
        let setting = Setting {
            placement: exposure.placement.clone(),
            rung: exposure.rung,
            model: exposure.model.map(|model| model.to_string()),
            assignment: assignment.and_then(|one| Some((one.name.clone(), one.version?))),
            layout: exposure.layout.clone(),
        };
        if let Some(number) = self.setting_numbers.get(&setting) {
            return *number;
        }
        if self.settings.len() >= SETTINGS_MAX {
            return NO_SETTING;
        }
        let number = self.settings.len() as u32;
        self.settings.push(setting.clone());
        self.setting_numbers.insert(setting, number);
        number
    }

    /// Puts the rows of every listener in their order.
    ///
    /// - Cost: O(r log r) over the rows of listeners that changed.
    pub fn sort(&mut self) {
        self.listeners.values_mut().for_each(ListenerFacts::sort);
    }

    /// The listeners with their rows, in no order.
    pub fn listeners(&self) -> impl Iterator<Item = (u128, &ListenerFacts)> {
        self.listeners
            .iter()
            .map(|(listener, rows)| (*listener, rows))
    }

    /// Where and by what an answer was shown.
    pub fn setting_of(&self, number: u32) -> Option<&Setting> {
        self.settings.get(number as usize)
    }

    /// Who a track is credited to, as the catalogue has it at the last event.
    pub fn artist(&self, track: u32) -> Option<u128> {
        self.catalogue.get(track as usize)?.1
    }

    /// The id of a track that the catalogue holds at the last event.
    pub fn catalogued(&self, track: u32) -> Option<u128> {
        let (is_there, _) = self.catalogue.get(track as usize)?;
        is_there.then(|| self.tracks.ids.get(track as usize).copied())?
    }

    /// How many tracks the catalogue holds.
    pub fn catalogue_size(&self) -> u64 {
        self.catalogue
            .iter()
            .filter(|(is_there, _)| *is_there)
            .count() as u64
    }

    /// Reads a field of an answer, or of a track shown at a position of it.
    pub fn read_shown(
        &self,
        answer: &Answer,
        position: Option<u16>,
        field: Field,
    ) -> Option<Scalar> {
        let setting = || self.setting_of(answer.setting);
        let number = |value: i64| Some(Scalar::Number(value));
        match field {
            Field::Placement => Some(Scalar::Id(text_id(&setting()?.placement))),
            Field::Rung => Some(Scalar::Id(text_id(setting()?.rung.name()))),
            Field::Position => number(i64::from(position?)),
            Field::Hour => number(i64::from(answer.hour)),
            Field::Weekday => number(i64::from(answer.weekday)),
            Field::Device => self.text_of(answer.device),
            Field::Activity => self.text_of(answer.activity),
            _ => None,
        }
    }

    /// Reads a field of a play.
    pub fn read_play(&self, play: &Play, field: Field) -> Option<Scalar> {
        let number = |value: i64| Some(Scalar::Number(value));
        match field {
            Field::Outcome => Some(Scalar::Id(text_id(match play.outcome {
                outcome if outcome == ListenOutcome::Completed as u8 => "completed",
                outcome if outcome == ListenOutcome::Skipped as u8 => "skipped",
                _ => "partial",
            }))),
            Field::PlayedMs => number(i64::from(play.played_ms?)),
            Field::TrackMs => number(i64::from(play.track_ms?)),
            Field::Share => number(i64::from(play.share_milli?)),
            Field::Signal => number(i64::from(play.signal_milli)),
            Field::Hour => number(i64::from(play.hour)),
            Field::Weekday => number(i64::from(play.weekday)),
            Field::Source => self.text_of(play.source),
            Field::Reason => self.text_of(play.reason),
            Field::Device => self.text_of(play.device),
            Field::Activity => self.text_of(play.activity),
            _ => None,
        }
    }

    /// Reads a field of a judgement.
    pub fn read_judged(judged: &Judged, field: Field) -> Option<Scalar> {
        let local = LocalHour::at(judged.at, None);
        match field {
            Field::Opinion => Some(Scalar::Id(text_id(match judged.opinion {
                opinion if opinion == Opinion::Like as u8 => "like",
                opinion if opinion == Opinion::Dislike as u8 => "dislike",
                _ => "cleared",
            }))),
            Field::Hour => Some(Scalar::Number(i64::from(local.hour))),
            Field::Weekday => Some(Scalar::Number(i64::from(local.weekday))),
            _ => None,
        }
    }

    fn text_of(&self, number: u16) -> Option<Scalar> {
        let id = self.texts.ids.get(usize::from(number))?;
        Some(Scalar::Id(*id))
    }
}
