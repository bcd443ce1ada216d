//! Which events count: `outcome == completed and device != phone`.

use super::fields::{EventKind, Field, FieldKind, Scalar, text_id};

/// Conditions that must all hold; none of them holds of what an event does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    field: Field,
    comparison: Comparison,
    value: Scalar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    /// Longer ones first, so that `<=` is not read as `<`.
    const ALL: [(&str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Below),
        (">", Self::Above),
    ];
}

impl Condition {
    fn text(&self) -> String {
        let is_sign = |(_, comparison): &&(&str, Comparison)| *comparison == self.comparison;
        let sign = Comparison::ALL.iter().find(is_sign);
        let value = match self.value {
            Scalar::Number(number) => number.to_string(),
            Scalar::Id(id) => format!("#{id:x}"),
        };
        format!(
            "{} {} {value}",
            self.field.name(),
            sign.map_or("", |(sign, _)| sign)
        )
    }
}

/// What is wrong with a filter, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Bytes before the place.
    pub at: usize,
    /// What is wrong.
    pub reason: String,
}

impl Filter {
    /// Reads conditions joined by `and`.
    ///
    /// - Errors: [`FilterError`] for an unknown field, a comparison that its values do not have, or
    ///   words that are no condition.
    pub fn parse(event: EventKind, text: &str) -> Result<Self, FilterError> {
        let mut conditions = Vec::new();
        let mut at = 0;
        // ` and ` stands in no value: texts of events with blanks are quoted, and quotes hold none.
        for part in text.split(" and ") {
            let start = at + (part.len() - part.trim_start().len());
            conditions.push(
                condition_of(event, part.trim()).map_err(|(within, reason)| FilterError {
                    at: start + within,
                    reason,
                })?,
            );
            at += part.len() + " and ".len();
        }
        Ok(Self { conditions })
    }

    /// Whether every condition holds of what is read.
    pub fn holds(&self, read: impl Fn(Field) -> Option<Scalar>) -> bool {
        self.conditions.iter().all(|condition| {
            let Some(value) = read(condition.field) else {
                return false;
            };
            match condition.comparison {
                Comparison::Equal => value == condition.value,
                Comparison::Unequal => value != condition.value,
                Comparison::Below => value < condition.value,
                Comparison::AtMost => value <= condition.value,
                Comparison::Above => value > condition.value,
                Comparison::AtLeast => value >= condition.value,
            }
        })
    }

    /// The fields it reads.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.conditions.iter().map(|condition| condition.field)
    }

    /// The same text for conditions that hold of the same events, whatever their order.
    pub(super) fn text(&self) -> String {
        let mut texts: Vec<String> = self.conditions.iter().map(Condition::text).collect();
        texts.sort_unstable();
        texts.join(" and ")
    }

    /// Whether everything counts.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }
}

type Wrong = (usize, String);

fn condition_of(event: EventKind, text: &str) -> Result<Condition, Wrong> {
    let found = Comparison::ALL
        .iter()
        .filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, *comparison)))
        .min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
    let Some((place, sign, comparison)) = found else {
        let reason = format!("`{text}` is no condition: write `field == value`");
        return Err((0, reason));
    };
    let (name, rest) = text.split_at(place);
    let field = Field::find(event, name.trim()).map_err(|reason| (0, reason))?;
    let value_text = rest.get(sign.len()..).unwrap_or_default();
    let blanks = value_text.len() - value_text.trim_start().len();
    let value_at = place + sign.len() + blanks;
    let value = value_of(field, comparison, value_text.trim());
    let value = value.map_err(|reason| (value_at, reason))?;
    Ok(Condition {
        field,
        comparison,
        value,
    })
}

fn value_of(field: Field, comparison: Comparison, text: &str) -> Result<Scalar, String> {
    let name = field.name();
    let quoted = [('"', '"'), ('\'', '\'')]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    match field.kind() {
        FieldKind::Id => Err(format!("`{name}` is an id and cannot be compared here")),
        FieldKind::Number { scale } => {
            let number: f64 = text
                .parse()
                .map_err(|_| format!("`{name}` is a number, `{text}` is not"))?;
            if !number.is_finite() || number.abs() > 1e12 {
                return Err(format!("`{name}` never is {text}"));
            }
            Ok(Scalar::Number((number * scale as f64).round() as i64))
        }
        FieldKind::Text => {
            let is_order = !matches!(comparison, Comparison::Equal | Comparison::Unequal);
            if is_order {
                return Err(format!("`{name}` is a text: compare it by == or !="));
            }
            let plain = quoted.unwrap_or(text);
            let is_word = !plain.is_empty() && (quoted.is_some() || !plain.contains(' '));
            if !is_word || plain.contains(['"', '\'']) {
                return Err(format!("`{text}` is no word: quote a text with blanks"));
            }
            Ok(Scalar::Id(text_id(plain)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_joined_by_and() {
        let filter = Filter::parse(
            EventKind::Listen,
            "outcome == completed and hour>=22 and share < 0.5",
        );
        let filter = filter.unwrap();
        let read = |hour: i64, share: i64| {
            filter.holds(|field| match field {
                Field::Outcome => Some(Scalar::Id(text_id("completed"))),
                Field::Hour => Some(Scalar::Number(hour)),
                Field::Share => Some(Scalar::Number(share)),
                _ => None,
            })
        };
        assert!(read(22, 499) && !read(21, 499) && !read(22, 500));
        assert!(
            !filter.holds(|_| None),
            "what is not said satisfies nothing"
        );
    }

    #[test]
    fn quoted_texts_may_have_blanks() {
        let filter = Filter::parse(EventKind::Listen, "device != 'Living Room'").unwrap();
        let at = |device: &str| filter.holds(|_| Some(Scalar::Id(text_id(device))));
        assert!(at("phone") && !at("living room"));
    }

    #[test]
    fn errors_name_their_place() {
        for (text, at, part) in [
            ("colour == red", 0, "no field `colour`"),
            ("hour >= 22 and  mood == sad", 16, "no field `mood`"),
            ("outcome", 0, "is no condition"),
            ("outcome > completed", 10, "by == or !="),
            ("hour == late", 8, "is a number"),
            ("share < inf", 8, "never is"),
            ("track == 1", 9, "is an id"),
            ("device == living room", 10, "quote a text"),
            ("", 0, "is no condition"),
            ("device ==", 9, "is no word"),
        ] {
            let error = Filter::parse(EventKind::Listen, text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error:?}");
            assert!(error.reason.contains(part), "{text}: {error:?}");
        }
    }
}
