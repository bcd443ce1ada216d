//! Rows as Feast's client sends them: columns of a data frame.

use std::collections::BTreeMap;

use leitmotif_domain::Timestamp;
use serde_json::Value;

use crate::native::features::pushes::Pushed;
use crate::problem::Problem;

/// Columns that say when a row held, and when it was made.
const AT: &str = "event_timestamp";
const MADE: [&str; 2] = ["created", "created_timestamp"];

/// Reads a data frame. A row without a moment holds from `now`; columns that are no features of the view
/// are of other consumers of the frame.
///
/// - Errors: 400 for columns of several lengths, or a moment that does not read.
pub fn pushed_of(df: &BTreeMap<String, Vec<Value>>, now: Timestamp) -> Result<Pushed, Problem> {
    let mut lengths = df.values().map(Vec::len);
    let Some(count) = lengths.next() else {
        return Err(Problem::invalid("/df", "has no columns"));
    };
    if lengths.any(|length| length != count) {
        return Err(Problem::invalid("/df", "its columns have several lengths"));
    }
    let at = match df.get(AT) {
        None => vec![now; count],
        Some(moments) => moments.iter().map(moment_of).collect::<Result<_, _>>()?,
    };
    let made = MADE.iter().find_map(|name| df.get(*name));
    let created_at = match made {
        None => vec![None; count],
        Some(moments) => {
            let read = |value: &Value| match value {
                Value::Null => Ok(None),
                given => moment_of(given).map(Some),
            };
            moments.iter().map(read).collect::<Result<_, _>>()?
        }
    };
    Ok(Pushed {
        columns: df.clone(),
        at,
        created_at,
    })
}

/// Reads a moment: ISO 8601, in UTC when it names no offset, or seconds or milliseconds since 1970.
pub fn moment_of(value: &Value) -> Result<Timestamp, Problem> {
    let wrong = || Problem::invalid("/df", format!("{value} is no moment"));
    match value {
        Value::Number(number) => {
            let number = number.as_i64().ok_or_else(wrong)?;
            // Milliseconds have had eleven digits since 1973, and seconds will not before 5138.
            let is_seconds = number.abs() < 100_000_000_000;
            Ok(Timestamp::from_ms(if is_seconds {
                number * 1_000
            } else {
                number
            }))
        }
        Value::String(text) => {
            let text = text.trim().replacen(' ', "T", 1);
            let time = text.split_once('T').map(|(_, time)| time);
            let has_zone = time.is_some_and(|time| time.contains(['Z', 'z', '+', '-']));
            let whole = match (time, has_zone) {
                (None, _) => format!("{text}T00:00:00Z"),
                (Some(_), true) => text,
                (Some(_), false) => format!("{text}Z"),
            };
            Timestamp::parse(&whole).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_read_as_the_client_writes_them() {
        let expected = Timestamp::from_ms(1_714_557_600_000);
        for value in [
            json!("2024-05-01T10:00:00"),
            json!("2024-05-01 10:00:00"),
            json!("2024-05-01T10:00:00.000000Z"),
            json!("2024-05-01T12:00:00+02:00"),
            json!(1_714_557_600),
            json!(1_714_557_600_000_i64),
        ] {
            assert_eq!(moment_of(&value).unwrap(), expected, "{value}");
        }
        assert_eq!(moment_of(&json!("1970-01-02")).unwrap().as_ms(), 86_400_000);
        for wrong in [json!("soon"), json!(null), json!(1.5), json!([])] {
            assert!(moment_of(&wrong).is_err(), "{wrong}");
        }
    }
}
