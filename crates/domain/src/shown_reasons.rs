//! Reasons of shown tracks as the log keeps them: an answer has more than a hundred, and is written, read back
//! and skipped over far more often than anybody asks why. So they are one short text that nobody takes apart
//! before it is asked for.

use serde::{Deserialize, Serialize};

use crate::TrackId;
use crate::ids::encode_base62;

/// Steps of a contribution: four decimals.
const STEPS: f32 = 1e4;

/// The reasons of the tracks of a list, in its order.
///
/// - Shape: the reasons of each track with `|` between tracks, then `;` and the tracks that reasons follow from, then
///   `;` and the names of the sources. A reason is `SOURCE:STEPS` or `SOURCE:STEPS:PLACE`, with spaces between, largest
///   first: the source is its place among the names, a step is a ten-thousandth of the score, and the place is that
///   of the track it follows from. Texts of before have the name of each source in its reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShownReasons(String);

/// One of them: the stable name of the source, how much of the score it carries, and the track of the listener
/// that it follows from.
pub type ShownReason<'a> = (&'a str, f32, Option<TrackId>);

impl ShownReasons {
    /// Keeps the reasons of each track, their contributions to four decimals.
    ///
    /// - Shape: sources are names without any of `| ;:`.
    pub fn new<'a, R>(tracks: impl Iterator<Item = R>) -> Self
    where
        R: Iterator<Item = ShownReason<'a>>,
    {
        let mut kept: Vec<u8> = Vec::with_capacity(2_048);
        let mut causes: Vec<TrackId> = Vec::new();
        let mut sources: Vec<&str> = Vec::new();
        for reasons in tracks {
            for (source, contribution, because_of) in reasons {
                push_whole(&mut kept, place_in(&mut sources, source));
                kept.push(b':');
                // Out of range saturates, and no number is 0: neither comes from a ranker that works.
                push_whole(&mut kept, (contribution * STEPS).round() as i64);
                if let Some(cause) = because_of {
                    kept.push(b':');
                    push_whole(&mut kept, place_in(&mut causes, cause));
                }
                kept.push(b' ');
            }
            kept.push(b'|');
        }
        kept.push(b';');
        for cause in causes {
            kept.extend_from_slice(&encode_base62(cause.as_u128()));
            kept.push(b' ');
        }
        kept.push(b';');
        for source in sources {
            kept.extend_from_slice(source.as_bytes());
            kept.push(b' ');
        }
        Self(String::from_utf8(kept).unwrap_or_default())
    }

    /// Whether none were kept: of what was not ranked, and in events of before.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reasons of the track at a place of the list, from 0; what does not read as one is left out.
    pub fn of(&self, place: usize) -> Vec<ShownReason<'_>> {
        let (tracks, rest) = self.0.split_once(';').unwrap_or((&self.0, ""));
        let (causes, sources) = rest.split_once(';').unwrap_or((rest, ""));
        let sources: Vec<&str> = sources.split_ascii_whitespace().collect();
        let causes: Vec<Option<TrackId>> = causes
            .split_ascii_whitespace()
            .map(|cause| cause.parse().ok())
            .collect();
        let reasons = tracks.split('|').nth(place).unwrap_or_default();
        let read = |reason| {
            let (source, rest) = str::split_once(reason, ':')?;
            let (steps, cause) = rest.split_once(':').unwrap_or((rest, ""));
            let cause = cause
                .parse()
                .ok()
                .and_then(|place: usize| *causes.get(place)?);
            let source = match source.parse::<usize>() {
                Ok(place) => sources.get(place)?,
                Err(_) => source,
            };
            Some((source, steps.parse::<i64>().ok()? as f32 / STEPS, cause))
        };
        reasons.split_ascii_whitespace().filter_map(read).collect()
    }
}

/// The place of something in a list, at whose end it is put when it is new.
fn place_in<T: PartialEq>(list: &mut Vec<T>, one: T) -> i64 {
    let known = list.iter().position(|other| *other == one);
    let place = known.unwrap_or(list.len());
    if known.is_none() {
        list.push(one);
    }
    place as i64
}

/// Writes a whole number: what formats any number costs more than all else of a reason.
fn push_whole(kept: &mut Vec<u8>, number: i64) {
    if number < 0 {
        kept.push(b'-');
    }
    let mut digits = [b'0'; 20];
    let (mut rest, mut first) = (number.unsigned_abs(), digits.len() - 1);
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    kept.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(tracks: &[&[ShownReason<'static>]]) -> ShownReasons {
        ShownReasons::new(tracks.iter().map(|reasons| reasons.iter().copied()))
    }

    #[test]
    fn reasons_are_kept_to_four_decimals_with_each_cause_once() {
        let (one, other) = (TrackId::from_u128(7), TrackId::from_u128(9));
        let first = [("taste", 0.123_46, Some(one)), ("rule", -1.5, None)];
        let third = [("content", 0.02, Some(other)), ("taste", 0.01, Some(one))];
        let reasons = kept(&[&first, &[], &third]);
        let written = serde_json::to_string(&reasons).unwrap();
        let expected =
            format!("\"0:1235:0 1:-15000 ||2:200:1 0:100:0 |;{one} {other} ;taste rule content \"");
        assert_eq!(written, expected);
        assert_eq!(
            serde_json::from_str::<ShownReasons>(&written).unwrap(),
            reasons
        );
        let rounded = [("taste", 0.123_5, Some(one)), ("rule", -1.5, None)];
        assert_eq!(reasons.of(0), rounded);
        assert_eq!(reasons.of(2), third);
        assert!(reasons.of(1).is_empty() && reasons.of(3).is_empty() && !reasons.is_empty());
        assert!(ShownReasons::default().of(0).is_empty());
    }

    #[test]
    fn texts_of_before_name_the_source_of_each_reason() {
        let one = TrackId::from_u128(7);
        let text = format!("\"taste:1235:0 rule:-15000 ||content:200 |;{one} \"");
        let read: ShownReasons = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read.of(0),
            [("taste", 0.123_5, Some(one)), ("rule", -1.5, None)]
        );
        assert_eq!(read.of(2), [("content", 0.02, None)]);
    }

    #[test]
    fn what_is_no_reason_is_left_out() {
        for text in [
            "0:1|;;",
            "7:1|;;taste ",
            "",
            " ",
            "taste",
            "taste:x|",
            "taste:1:",
            ":",
            ";;",
            "é:é:é;é",
        ] {
            let read: ShownReasons = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            let known = read.of(0);
            assert!(
                known.iter().all(|(_, _, cause)| cause.is_none()),
                "{text:?}"
            );
        }
        let odd = kept(&[&[("taste", f32::NAN, None), ("taste", f32::MAX, None)]]);
        assert!(
            odd.of(0)
                .iter()
                .all(|(_, contribution, _)| contribution.is_finite())
        );
    }

    #[test]
    fn whole_numbers_are_written_as_usual() {
        for number in [0, 7, -7, 10, 1_234_567_890, i64::MAX, i64::MIN] {
            let mut written = Vec::new();
            push_whole(&mut written, number);
            assert_eq!(written, number.to_string().into_bytes());
        }
    }
}
