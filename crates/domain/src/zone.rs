//! Where and when somebody listens: the clock on their wall, and a coarse place.

use jiff::tz::{Offset, TimeZone};

use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::limits;

const DAY_MS: i64 = 86_400_000;
/// Letters of a geohash.
const GEOHASH: &[u8] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// What a clock on the wall shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalHour {
    /// 0 to 23.
    pub hour: u8,
    /// 1 for Monday to 7 for Sunday.
    pub weekday: u8,
}

impl LocalHour {
    /// Reads the clock of a zone; UTC where the zone is not known or does not read.
    pub fn at(moment: Timestamp, zone: Option<&str>) -> Self {
        let Some(zone) = zone.and_then(zone_of) else {
            // Most events name no zone, and a division is a tenth of a look into the calendar.
            let hours = moment.as_ms().div_euclid(3_600_000);
            let days = hours.div_euclid(24);
            return Self {
                hour: hours.rem_euclid(24) as u8,
                // The first of January 1970 was a Thursday.
                weekday: ((days + 3).rem_euclid(7) + 1) as u8,
            };
        };
        let instant = jiff::Timestamp::from_millisecond(moment.as_ms()).unwrap_or_default();
        let local = instant.to_zoned(zone);
        Self {
            hour: local.hour().unsigned_abs(),
            weekday: local.weekday().to_monday_one_offset().unsigned_abs(),
        }
    }
}

impl LocalHour {
    /// Its part of the day.
    pub fn part(self) -> DayPart {
        DayPart::of_hour(self.hour)
    }

    /// Whether it lies on a Saturday or a Sunday.
    pub fn is_weekend(self) -> bool {
        is_weekend(self.weekday)
    }
}

/// Whether a day of the week, 1 for Monday, is a Saturday or a Sunday.
pub fn is_weekend(weekday: u8) -> bool {
    weekday >= 6
}

/// A part of the day, six hours long on the listener's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayPart {
    /// From midnight.
    Night,
    /// From six.
    Morning,
    /// From noon.
    Afternoon,
    /// From eighteen.
    Evening,
}

impl DayPart {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Night, Self::Morning, Self::Afternoon, Self::Evening];

    /// The part that an hour, 0 to 23, lies in.
    pub fn of_hour(hour: u8) -> Self {
        match hour {
            0..6 => Self::Night,
            6..12 => Self::Morning,
            12..18 => Self::Afternoon,
            _ => Self::Evening,
        }
    }

    /// The hours it reaches from and to; the second is not in it any more.
    pub fn hours(self) -> (u8, u8) {
        match self {
            Self::Night => (0, 6),
            Self::Morning => (6, 12),
            Self::Afternoon => (12, 18),
            Self::Evening => (18, 24),
        }
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Night => "night",
            Self::Morning => "morning",
            Self::Afternoon => "afternoon",
            Self::Evening => "evening",
        }
    }
}

/// The days of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: Option<TimeZone>,
}

impl Calendar {
    /// The days of a zone; of UTC where none is named.
    ///
    /// - Errors: as [`check_zone`].
    pub fn of(zone: Option<&str>) -> Result<Self, InvalidValue> {
        let Some(text) = zone.filter(|text| *text != "UTC") else {
            return Ok(Self { zone: None });
        };
        check_zone(text)?;
        Ok(Self {
            zone: zone_of(text),
        })
    }

    /// The day that a moment lies on, counted from the first of January 1970.
    pub fn day(&self, moment: Timestamp) -> i32 {
        let local_ms = moment.as_ms().saturating_add(self.offset_ms(moment));
        local_ms.div_euclid(DAY_MS) as i32
    }

    /// When a day begins.
    pub fn start_of(&self, day: i32) -> Timestamp {
        let local_ms = i64::from(day) * DAY_MS;
        // The offset at a guess, and then at the moment it leads to: zones change theirs some hours off midnight.
        let guess = Timestamp::from_ms(local_ms - self.offset_ms(Timestamp::from_ms(local_ms)));
        Timestamp::from_ms(local_ms - self.offset_ms(guess))
    }

    /// A day as `2026-11-30`.
    pub fn text(day: i32) -> String {
        let start = Timestamp::from_ms(i64::from(day) * DAY_MS).to_string();
        start.chars().take(10).collect()
    }

    /// Reads `2026-11-30` as a day.
    ///
    /// - Errors: [`InvalidValue`] naming the text.
    pub fn parse_day(text: &str) -> Result<i32, InvalidValue> {
        let start = Timestamp::parse(&format!("{text}T00:00:00Z"))?;
        Ok(start.as_ms().div_euclid(DAY_MS) as i32)
    }

    fn offset_ms(&self, moment: Timestamp) -> i64 {
        let Some(zone) = &self.zone else { return 0 };
        let instant = jiff::Timestamp::from_millisecond(moment.as_ms()).unwrap_or_default();
        i64::from(zone.to_offset(instant).seconds()) * 1_000
    }
}

/// Refuses a zone that is neither a name of the IANA database nor an offset such as `+02:00`.
///
/// - Errors: [`InvalidValue`] naming the text.
pub fn check_zone(text: &str) -> Result<(), InvalidValue> {
    if zone_of(text).is_some() {
        return Ok(());
    }
    let reason = format!("`{text}` is no zone: write `Europe/Lisbon` or `+02:00`");
    Err(InvalidValue::new("zone", reason))
}

/// Refuses a place that is no geohash, or too fine a one: nobody's home is kept.
///
/// - Errors: [`InvalidValue`] beyond [`limits::CELL_CHARACTERS_MAX`] characters.
pub fn check_cell(text: &str) -> Result<(), InvalidValue> {
    let is_coarse = (1..=limits::CELL_CHARACTERS_MAX).contains(&text.len());
    if is_coarse && text.bytes().all(|byte| GEOHASH.contains(&byte)) {
        return Ok(());
    }
    let reason = format!(
        "must be a geohash of 1..={} characters",
        limits::CELL_CHARACTERS_MAX
    );
    Err(InvalidValue::new("cell", reason))
}

fn zone_of(text: &str) -> Option<TimeZone> {
    let Some(sign @ (b'+' | b'-')) = text.bytes().next() else {
        return TimeZone::get(text).ok();
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |part: &str| {
        let is_plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| part.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    let offset = Offset::from_seconds(if sign == b'-' { -seconds } else { seconds });
    offset.ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_on_the_wall_follows_the_zone() {
        // A Tuesday, 22:13 UTC, in winter.
        let moment = Timestamp::from_ms(1_700_000_000_000);
        let check = |zone: Option<&str>, hour: u8, weekday: u8| {
            let local = LocalHour::at(moment, zone);
            assert_eq!((local.hour, local.weekday), (hour, weekday), "{zone:?}");
        };
        check(None, 22, 2);
        check(Some("Europe/Berlin"), 23, 2);
        check(Some("+02:00"), 0, 3);
        check(Some("-11:30"), 10, 2);
        check(Some("Nowhere/Land"), 22, 2);
        for days in 0..40 {
            let moment = moment.plus_ms(days * 90_000_000);
            assert_eq!(
                LocalHour::at(moment, None),
                LocalHour::at(moment, Some("UTC"))
            );
        }
        // In summer Berlin is two hours ahead.
        let summer = LocalHour::at(Timestamp::from_ms(1_690_000_000_000), Some("Europe/Berlin"));
        assert_eq!(summer.hour, 6);
    }

    #[test]
    fn days_begin_at_the_midnight_of_their_zone() {
        let day = Calendar::parse_day("2026-03-29").unwrap();
        assert_eq!(Calendar::text(day), "2026-03-29");
        assert!(Calendar::parse_day("29.3.2026").is_err() && Calendar::of(Some("x")).is_err());
        // Berlin changes to summer time on that day, which has 23 hours.
        for (zone, starts) in [
            (
                None,
                ["2026-03-29T00:00:00.000Z", "2026-03-30T00:00:00.000Z"],
            ),
            (
                Some("+05:45"),
                ["2026-03-28T18:15:00.000Z", "2026-03-29T18:15:00.000Z"],
            ),
            (
                Some("Europe/Berlin"),
                ["2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
            ),
        ] {
            let calendar = Calendar::of(zone).unwrap();
            for (day, start) in (day..).zip(starts) {
                let first = calendar.start_of(day);
                assert_eq!(first.to_string(), start, "{zone:?}");
                assert_eq!(calendar.day(first), day);
                assert_eq!(calendar.day(first.plus_ms(-1)), day - 1);
            }
        }
    }

    #[test]
    fn wrong_zones_and_fine_places_are_refused() {
        for (zone, is_good) in [
            ("Europe/Lisbon", true),
            ("UTC", true),
            ("+05:45", true),
            ("+5", false),
            ("+00:60", false),
            ("+99:00", false),
            ("Lisbon in spring", false),
            ("", false),
        ] {
            assert_eq!(check_zone(zone).is_ok(), is_good, "{zone:?}");
        }
        for (cell, is_good) in [
            ("u4pr", true),
            ("e", true),
            ("", false),
            ("u4pru", false),
            ("a", false),
        ] {
            assert_eq!(check_cell(cell).is_ok(), is_good, "{cell:?}");
        }
    }
}
