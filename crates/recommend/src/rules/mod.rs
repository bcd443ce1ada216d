//! Rules: what the owner of a placement wants of its lists, in one line each.
//!
//! ```text
//! filter track.explicit == false or not track.explicit is known
//! boost 0.2 when track.genre == "jazz" and request.hour >= 20
//! pin 1 when track.tags contains "campaign"
//! cap 2 per artist
//! cap 5 when track.year < 1990
//! ```
//!
//! A condition compares fields with numbers, texts and `true`/`false`; texts compare without case.
//! A field that is not known fits no comparison, so `not track.year > 2000` is true of a track
//! without a year; `is known` asks. Conditions end in bounded time, read nothing but the request and
//! the candidate, and change nothing.

mod evaluate;
mod fields;
mod lexer;
mod parser;

use std::fmt;

pub use evaluate::Facts;
pub use fields::{Field, FieldType, Value};

use evaluate::{Comparison, Condition, Operand};

/// A rule that does not read: where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct RuleError {
    /// Place of the first character that is wrong, from 1.
    pub column: usize,
    /// What is wrong and what was expected.
    pub reason: String,
}

impl RuleError {
    fn at(column: usize, reason: impl Into<String>) -> Self {
        Self {
            column,
            reason: reason.into(),
        }
    }
}

/// What a rule does with the tracks its condition fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Keeps them and drops all others.
    Filter,
    /// Adds to their score, in units of the distance from the worst candidate to the best.
    Boost(f32),
    /// Puts the best of them at a place, from 1.
    Pin(usize),
    /// Lets at most so many into the list.
    Cap(usize),
    /// Lets at most so many of one artist, album or genre into the list.
    CapPer(usize, Group),
}

/// What a cap counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The artist.
    Artist,
    /// The release.
    Album,
    /// The genre as the sender calls it.
    Genre,
}

/// A rule that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    text: String,
    action: Action,
    condition: Option<Condition>,
}

impl Rule {
    /// Reads a rule.
    ///
    /// - Errors: [`RuleError`] with the column, for anything that is not a rule, and beyond
    ///   [`leitmotif_domain::limits::RULE_BYTES_MAX`] or `RULE_DEPTH_MAX`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let (action, condition) = parser::parse(text)?;
        Ok(Self {
            text: text.trim().to_owned(),
            action,
            condition,
        })
    }

    /// Keeps the tracks of one genre, as the sender calls it, without case.
    pub fn of_genre(genre: &str) -> Self {
        let genre = genre.trim();
        let wanted = Operand::Text(genre.to_lowercase());
        Self {
            text: format!("filter track.genre == {genre:?}"),
            action: Action::Filter,
            condition: Some(Condition::Compare(Field::Genre, Comparison::Equal, wanted)),
        }
    }

    /// What it does.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether its condition fits a candidate; a rule without one fits all.
    pub fn fits(&self, facts: &impl Facts) -> bool {
        (self.condition.as_ref()).is_none_or(|condition| condition.holds(facts))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::limits;
    use proptest::prelude::*;

    use super::*;

    /// A jazz track of 1959 whose album is not known, at ten in the evening.
    struct Evening(Vec<String>);

    impl Facts for Evening {
        fn value(&self, field: Field) -> Value<'_> {
            match field {
                Field::Genre => Value::Text("Jazz"),
                Field::Year => Value::Number(1959.0),
                Field::Explicit => Value::Flag(false),
                Field::Tags => Value::List(&self.0),
                Field::Hour => Value::Number(22.0),
                _ => Value::Unknown,
            }
        }
    }

    fn fits(condition: &str) -> bool {
        let facts = Evening(vec!["Modal".to_owned()]);
        let rule = Rule::parse(&format!("filter {condition}"));
        rule.unwrap_or_else(|error| panic!("{condition}: {error}"))
            .fits(&facts)
    }

    #[test]
    fn a_rule_of_a_genre_is_the_one_that_reads() {
        let rule = Rule::of_genre(" JAZZ");
        assert_eq!(rule, Rule::parse("filter track.genre == \"JAZZ\"").unwrap());
        assert!(rule.fits(&Evening(Vec::new())));
        assert!(!Rule::of_genre("it's \"so\"").fits(&Evening(Vec::new())));
    }

    #[test]
    fn conditions_hold_as_written() {
        for (condition, holds) in [
            ("track.genre == \"jazz\"", true),
            ("track.genre != 'JAZZ'", false),
            ("track.genre in ['blues', 'jazz']", true),
            ("track.year < 1960 and request.hour >= 22", true),
            ("track.year > 1959 or track.year == 1959", true),
            ("not track.year <= 1959", false),
            ("track.explicit", false),
            ("not track.explicit and track.explicit is known", true),
            ("track.explicit == false", true),
            ("track.tags contains 'modal'", true),
            ("track.tags contains 'mod'", false),
            ("track.genre contains 'az'", true),
            ("track.album == 'x'", false),
            ("track.album != 'x'", false),
            ("not track.album == 'x'", true),
            ("track.album is known", false),
            // `and` binds more tightly than `or`.
            (
                "track.explicit and track.explicit or track.year == 1959",
                true,
            ),
            (
                "track.explicit and (track.explicit or track.year == 1959)",
                false,
            ),
        ] {
            assert_eq!(fits(condition), holds, "{condition}");
        }
    }

    #[test]
    fn actions_are_read() {
        for (text, action) in [
            ("filter track.explicit", Action::Filter),
            ("boost 0.5", Action::Boost(0.5)),
            ("boost -1 when track.year < 1990", Action::Boost(-1.0)),
            ("pin 3 when track.tags contains 'a'", Action::Pin(3)),
            ("cap 0 when track.explicit", Action::Cap(0)),
            ("cap 2 per artist", Action::CapPer(2, Group::Artist)),
            (" cap 1 per album ", Action::CapPer(1, Group::Album)),
        ] {
            let rule = Rule::parse(text).unwrap();
            assert_eq!(rule.action(), action, "{text}");
            assert_eq!(rule.to_string(), text.trim());
        }
    }

    #[test]
    fn errors_name_their_column() {
        for (text, column, part) in [
            ("", 1, "the rule ends"),
            (
                "drop track.explicit",
                1,
                "`filter`, `boost`, `pin` or `cap`",
            ),
            ("filter track.colour == 'red'", 8, "no field `track.colour`"),
            ("filter track.year == 'red'", 22, "`track.year` is a number"),
            (
                "filter track.genre < 'jazz'",
                22,
                "only numbers have an order",
            ),
            ("filter track.tags == 'jazz'", 22, "contains"),
            ("filter track.year", 8, "expected a comparison"),
            ("filter track.year ==", 21, "the rule ends"),
            ("filter (track.explicit", 23, "expected `)`"),
            ("filter track.explicit track.explicit", 23, "not expected"),
            ("filter track.genre == 'jazz", 23, "does not end"),
            ("filter track.genre is good", 23, "`known`"),
            ("filter é", 8, "means nothing"),
            ("filter track.genre == 'é' and x", 31, "no field `x`"),
            ("boost 11", 7, "-10 to 10"),
            ("boost 1-1", 7, "not a number"),
            ("pin 0 when track.explicit", 5, "whole number"),
            ("pin 1", 6, "`when`"),
            ("cap 1.5 per artist", 5, "whole number"),
            ("cap 2 per label", 11, "`artist`, `album` or `genre`"),
        ] {
            let error = Rule::parse(text).expect_err(text);
            assert_eq!(error.column, column, "{text}: {error}");
            assert!(error.reason.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn length_and_depth_have_bounds() {
        let deep = |depth: usize| {
            format!(
                "filter {}track.explicit{}",
                "(".repeat(depth),
                ")".repeat(depth)
            )
        };
        assert!(Rule::parse(&deep(limits::RULE_DEPTH_MAX - 1)).is_ok());
        let error = Rule::parse(&deep(limits::RULE_DEPTH_MAX)).unwrap_err();
        assert!(error.reason.contains("within each other"), "{error}");
        let nots = format!("filter {}track.explicit", "not ".repeat(300));
        assert!(Rule::parse(&nots).is_err());
        let long = format!(
            "filter track.genre == '{}'",
            "x".repeat(limits::RULE_BYTES_MAX)
        );
        assert!(Rule::parse(&long).unwrap_err().reason.contains("bytes"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error_inside_it(text in "\\PC{0,60}") {
            if let Err(error) = Rule::parse(&text) {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
            }
        }

        #[test]
        fn words_of_the_language_never_panic(words in prop::collection::vec(
            prop::sample::select(vec!["filter", "boost", "pin", "cap", "per", "when", "and", "or",
                "not", "(", ")", "[", "]", ",", "==", "<", "in", "contains", "is", "known", "'a'",
                "1", "track.year", "track.genre", "track.tags", "artist"]), 0..20)) {
            if let Ok(rule) = Rule::parse(&words.join(" ")) {
                rule.fits(&Evening(Vec::new()));
            }
        }
    }
}
