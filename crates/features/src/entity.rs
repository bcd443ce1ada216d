//! Whom a feature is about, and how they are named in events.

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::{Listen, Moment};
use leitmotif_domain::zone::LocalHour;
use serde::{Deserialize, Serialize};

use crate::definition::fields::ascii_text_id;
use crate::definition::text_id;

/// An entity of a view: one id, or two for a pair; what has no id goes by that of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    first: u128,
    second: u128,
}

impl EntityKey {
    /// An entity of one part.
    pub const fn of(id: u128) -> Self {
        Self {
            first: id,
            second: 0,
        }
    }

    /// An entity of two parts.
    pub const fn pair(first: u128, second: u128) -> Self {
        Self { first, second }
    }

    /// An entity that is named by texts.
    pub fn of_texts(texts: &[String]) -> Self {
        let mut ids = texts.iter().map(|text| text_id(text));
        Self::pair(ids.next().unwrap_or(0), ids.next().unwrap_or(0))
    }

    /// The ids of its parts.
    pub fn parts(self) -> [u128; 2] {
        [self.first, self.second]
    }
}

/// Names the context of a play: `weekend/evening/phone/running`, with `-` for what is not said.
///
/// The parts of the day are six hours long on the listener's own clock: night from midnight, then
/// morning, afternoon and evening. The coarse place is no part of it: cells would be as many as towns
/// and each nearly empty.
pub fn context_cell(listen: &Listen, at: Timestamp) -> String {
    let [day, part, device, activity] = cell_parts(listen, at);
    let (device, activity) = (device.to_lowercase(), activity.to_lowercase());
    format!("{day}/{part}/{device}/{activity}")
}

/// The id of the name of a play's context, without writing it where all of it is ASCII.
pub(crate) fn context_cell_id(listen: &Listen, at: Timestamp) -> u128 {
    id_of_parts(cell_parts(listen, at))
}

/// The id of the context of a request; none where the hour is not told, without which there is no cell.
pub fn moment_cell_id(moment: &Moment) -> Option<u128> {
    let local = LocalHour {
        hour: moment.hour?,
        weekday: moment.weekday?,
    };
    Some(id_of_parts(parts_of(
        local,
        &moment.device,
        &moment.activity,
    )))
}

fn id_of_parts(parts: [&str; 4]) -> u128 {
    if parts.iter().all(|part| part.is_ascii()) {
        ascii_text_id(&parts, b'/')
    } else {
        text_id(&parts.join("/"))
    }
}

fn cell_parts(listen: &Listen, at: Timestamp) -> [&str; 4] {
    let local = LocalHour::at(at, listen.zone.as_deref());
    parts_of(local, &listen.device, &listen.activity)
}

fn parts_of<'a>(
    local: LocalHour,
    device: &'a Option<String>,
    activity: &'a Option<String>,
) -> [&'a str; 4] {
    let day = if local.is_weekend() {
        "weekend"
    } else {
        "weekday"
    };
    [day, local.part().name(), said(device), said(activity)]
}

fn said(text: &Option<String>) -> &str {
    match text.as_deref().map(str::trim) {
        None | Some("") => "-",
        Some(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::TrackId;
    use leitmotif_domain::event::ListenOutcome;

    use super::*;

    #[test]
    fn the_id_of_a_context_is_that_of_its_name() {
        for (device, activity) in [
            (None, None),
            (Some(" Phone "), Some("")),
            (Some("TV"), Some("Slow Run ")),
            (Some("KÜCHE"), None),
        ] {
            let listen = Listen {
                device: device.map(str::to_owned),
                activity: activity.map(str::to_owned),
                ..Listen::of(TrackId::from_u128(1), ListenOutcome::Completed)
            };
            let at = Timestamp::from_ms(1_700_000_000_000);
            let name = context_cell(&listen, at);
            assert_eq!(context_cell_id(&listen, at), text_id(&name), "{name}");
            let mut moment = Moment::of_listen(&listen, at);
            assert_eq!(moment_cell_id(&moment), None, "a play without a zone");
            (moment.hour, moment.weekday) = (Some(22), Some(2));
            assert_eq!(moment_cell_id(&moment), Some(text_id(&name)), "{name}");
        }
    }
}
