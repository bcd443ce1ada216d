//! Where and when somebody listens: the clock on their wall, and a coarse place.

use jiff::tz::{Offset, TimeZone};

use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::limits;

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
