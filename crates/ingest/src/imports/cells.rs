//! Cells as values: what JSON types and what a table only spells.

use serde_json::{Map, Value};

/// Text without control characters but line feeds and tabs, trimmed; `None` when nothing is left.
pub fn text_at(row: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match row.get(name)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let cleaned: String = text.chars().filter(is_kept).collect();
    let trimmed = cleaned.trim();
    let is_nothing = trimmed.is_empty() || matches!(trimmed, "null" | "None" | "nan" | "NaN");
    (!is_nothing).then(|| trimmed.to_owned())
}

/// A whole number, typed or spelled (`12`, `12.0`).
pub fn whole_at(row: &Map<String, Value>, name: &str) -> Option<i64> {
    match row.get(name)? {
        Value::Number(number) => number.as_i64().or_else(|| whole_of(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            let spelled = text.parse().ok();
            spelled.or_else(|| whole_of(text.parse().ok()?))
        }
        _ => None,
    }
}

fn whole_of(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A finite number, typed or spelled.
pub fn number_at(row: &Map<String, Value>, name: &str) -> Option<f64> {
    number_of(row.get(name)?)
}

/// A finite number, typed or spelled.
pub fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A truth value, typed or spelled.
pub fn truth_at(row: &Map<String, Value>, name: &str) -> Option<bool> {
    match row.get(name)? {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "t" | "yes" | "1" => Some(true),
            "false" | "f" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The day at the beginning of a time (`2024-05-06T07:08:09Z`), if there is one.
pub fn day_of(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    day.parse::<leitmotif_domain::track::ReleaseDate>().ok()?;
    Some(day.to_owned())
}

/// A vector, as a list of numbers or as text that holds one. `None` for none, `Err` for anything
/// else.
pub fn vector_at(row: &Map<String, Value>, name: &str) -> Result<Option<Vec<f32>>, String> {
    let items = match row.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items.clone(),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|error| format!("`{name}` is no list of numbers: {error}"))?,
        Some(_) => return Err(format!("`{name}` is no list of numbers")),
    };
    let numbers = items.iter().map(|item| item.as_f64().map(|x| x as f32));
    let vector: Option<Vec<f32>> = numbers.collect();
    let vector = vector.ok_or_else(|| format!("`{name}` holds something that is no number"))?;
    let length: f32 = vector.iter().map(|x| x * x).sum();
    if vector.is_empty() || vector.len() > leitmotif_domain::limits::VECTOR_DIMENSION_MAX {
        return Err(format!("`{name}` has {} components", vector.len()));
    }
    if !length.is_normal() {
        return Err(format!("`{name}` has no direction"));
    }
    Ok(Some(vector))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_read_typed_or_spelled() {
        let row = json!({"a": " x\u{0}\r ", "b": "null", "c": "12.0", "d": 3, "e": "True",
            "f": [1, 2.5], "g": "[0.5, 1]", "h": "[0, 0]", "i": "oops", "j": 1.5, "k": ["x"]});
        let row = row.as_object().unwrap();
        assert_eq!(text_at(row, "a").as_deref(), Some("x"));
        assert_eq!((text_at(row, "b"), text_at(row, "z")), (None, None));
        assert_eq!(
            (whole_at(row, "c"), whole_at(row, "d")),
            (Some(12), Some(3))
        );
        assert_eq!((whole_at(row, "j"), number_at(row, "j")), (None, Some(1.5)));
        assert_eq!(truth_at(row, "e"), Some(true));
        assert_eq!(vector_at(row, "f"), Ok(Some(vec![1.0, 2.5])));
        assert_eq!(vector_at(row, "g"), Ok(Some(vec![0.5, 1.0])));
        assert_eq!(vector_at(row, "z"), Ok(None));
        for name in ["h", "i", "d", "k"] {
            assert!(vector_at(row, name).is_err(), "{name}");
        }
        assert_eq!(
            day_of("2024-05-06T07:08:09Z").as_deref(),
            Some("2024-05-06")
        );
        assert_eq!((day_of("2024"), day_of("2024-99-99T")), (None, None));
    }
}
