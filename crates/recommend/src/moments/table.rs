//! Moments as far as they are told apart, by number.

use std::borrow::Cow;
use std::collections::HashMap;

use leitmotif_domain::event::Moment;
use leitmotif_domain::zone::{DayPart, is_weekend};
use serde::{Deserialize, Serialize};

/// Most values of an aspect that a log is read with; later ones are as good as none.
const VALUES_KNOWN_MAX: usize = 255;
/// The number of the moment that nothing is known of.
pub const UNKNOWN: u16 = 0;

/// What of a moment is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Night, morning, afternoon or evening.
    PartOfDay,
    /// Weekday or weekend.
    KindOfDay,
    /// The device class.
    Device,
    /// What the listener does meanwhile.
    Activity,
    /// Where on earth the listener is, coarsely.
    Cell,
}

impl Aspect {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::PartOfDay,
        Self::KindOfDay,
        Self::Device,
        Self::Activity,
        Self::Cell,
    ];
    pub(super) const COUNT: usize = Self::ALL.len();
}

/// What is said of each aspect, as definitions of features name it.
pub(super) type Said<'m> = [Option<Cow<'m, str>>; Aspect::COUNT];

pub(super) fn said(moment: &Moment) -> Said<'_> {
    let part = moment.hour.map(|hour| DayPart::of_hour(hour).name());
    let kind = moment.weekday.map(|day| match is_weekend(day) {
        true => "weekend",
        false => "weekday",
    });
    let text = |text: &'_ Option<String>| {
        let text = text.as_deref()?.trim();
        (!text.is_empty()).then(|| Cow::Owned(text.to_lowercase()))
    };
    [
        part.map(Cow::Borrowed),
        kind.map(Cow::Borrowed),
        text(&moment.device),
        text(&moment.activity),
        text(&moment.cell),
    ]
}

/// The moments of a log by number, so that a play names its own in two bytes.
#[derive(Debug, Default)]
pub struct MomentTable {
    /// The values of each aspect, in the order in which they came.
    values: [Vec<String>; Aspect::COUNT],
    /// The moments after [`UNKNOWN`]: of each aspect one more than the place of its value, 0 for none.
    moments: Vec<[u16; Aspect::COUNT]>,
    numbers: HashMap<[u16; Aspect::COUNT], u16>,
}

impl MomentTable {
    /// The number of a moment; [`UNKNOWN`] where nothing is said, or where a log has more moments than
    /// there are numbers.
    pub fn number(&mut self, moment: &Moment) -> u16 {
        if moment.is_unknown() {
            return UNKNOWN;
        }
        let mut key = [0; Aspect::COUNT];
        for ((place, value), values) in key.iter_mut().zip(said(moment)).zip(&mut self.values) {
            let Some(value) = value else { continue };
            let found = match values.iter().position(|one| *one == value) {
                Some(found) => found,
                None if values.len() < VALUES_KNOWN_MAX => {
                    values.push(value.into_owned());
                    values.len() - 1
                }
                None => continue,
            };
            *place = found as u16 + 1;
        }
        if key == [0; Aspect::COUNT] {
            return UNKNOWN;
        }
        let next = u16::try_from(self.moments.len() + 1).unwrap_or(UNKNOWN);
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next && next != UNKNOWN {
            self.moments.push(key);
        }
        number
    }

    /// Whether no moment was told.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// The values of an aspect, in the order in which they came.
    pub(super) fn values(&self, aspect: Aspect) -> &[String] {
        &self.values[aspect as usize]
    }

    /// A moment by its number.
    pub fn moment(&self, number: u16) -> Moment {
        let value = |aspect: Aspect| {
            let place = self.place(number, aspect)?;
            self.values[aspect as usize].get(place).cloned()
        };
        let part = value(Aspect::PartOfDay);
        let part = part.and_then(|name| DayPart::ALL.iter().position(|one| one.name() == name));
        Moment {
            device: value(Aspect::Device),
            activity: value(Aspect::Activity),
            cell: value(Aspect::Cell),
            hour: part.map(|part| 6 * part as u8),
            weekday: value(Aspect::KindOfDay).map(|kind| if kind == "weekend" { 6 } else { 1 }),
        }
    }

    /// The place of what a moment says of an aspect among the values of that aspect.
    pub(super) fn place(&self, number: u16, aspect: Aspect) -> Option<usize> {
        let key = self.moments.get(usize::from(number).checked_sub(1)?)?;
        usize::from(key[aspect as usize]).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(hour: u8, activity: Option<&str>) -> Moment {
        Moment {
            hour: Some(hour),
            activity: activity.map(str::to_owned),
            ..Moment::default()
        }
    }

    #[test]
    fn a_moment_is_read_back_by_its_number() {
        let mut table = MomentTable::default();
        assert_eq!(table.number(&Moment::default()), UNKNOWN);
        let running = Moment {
            device: Some(" Phone ".to_owned()),
            activity: Some("running".to_owned()),
            hour: Some(8),
            weekday: Some(7),
            cell: Some("u33d".to_owned()),
        };
        let number = table.number(&running);
        assert_eq!(table.number(&running), number);
        assert_ne!(table.number(&moment(8, Some("running"))), number);
        let read = table.moment(number);
        assert_eq!(read.device.as_deref(), Some("phone"));
        assert_eq!(read.cell.as_deref(), Some("u33d"));
        assert_eq!((read.hour, read.weekday), (Some(6), Some(6)));
        assert_eq!(table.number(&read), number);
        assert_eq!(table.moment(UNKNOWN), Moment::default());
    }

    #[test]
    fn values_beyond_the_bound_are_as_good_as_none() {
        let mut table = MomentTable::default();
        for number in 0..300 {
            let said = table.number(&moment(3, Some(&format!("activity {number}"))));
            assert_eq!(
                table.moment(said).activity.is_some(),
                number < 255,
                "{number}"
            );
        }
        assert_eq!(table.values[Aspect::Activity as usize].len(), 255);
    }
}
