//! What the values of a column follow from, as a number: who learnt from a column can tell that it means something
//! else now.

use super::{Aggregate, Combination, Feature, Field, ViewDefinition, Window, text_id};

impl ViewDefinition {
    /// A number that changes with whatever the values of a column follow from, and with nothing else: not with words for
    /// people, not with other columns. `None` where there is no such column.
    ///
    /// - Cost: O(features it is made of).
    pub fn meaning(&self, column: usize) -> Option<u32> {
        let id = text_id(&self.meaning_text(column)?);
        Some((id ^ (id >> 32) ^ (id >> 64) ^ (id >> 96)) as u32)
    }

    fn meaning_text(&self, column: usize) -> Option<String> {
        let values = self.values_text(column)?;
        let kept = self.ttl_ms.unwrap_or(-1);
        Some(format!("{} kept {kept}: {values}", self.entity.name()))
    }

    fn values_text(&self, column: usize) -> Option<String> {
        let Some(made) = column.checked_sub(self.features.len()) else {
            return self.features.get(column).map(Feature::values_text);
        };
        let derived = self.derived.get(made)?;
        let combination = match derived.combination {
            Combination::Ratio => "ratio",
            Combination::Difference => "difference",
        };
        let [a, b] = derived.inputs;
        // Reading a file refuses features that are made of each other.
        let (a, b) = (self.values_text(a)?, self.values_text(b)?);
        Some(format!("{combination} of ({a}) and ({b})"))
    }
}

impl Feature {
    fn values_text(&self) -> String {
        let window = match self.window {
            Window::AllTime => "all".to_owned(),
            Window::Sliding { length_ms, tile_ms } => format!("sliding {length_ms} {tile_ms}"),
            Window::Tumbling { length_ms } => format!("tumbling {length_ms}"),
            Window::Session { gap_ms } => format!("session {gap_ms}"),
        };
        let (event, filter) = (self.event.name(), self.filter.text());
        format!("{} of {event} [{filter}] {window}", self.aggregate.text())
    }
}

impl Aggregate {
    fn text(&self) -> String {
        let named = |field: &Option<Field>| field.map_or("moment", Field::name);
        match self {
            Self::Count => "count".to_owned(),
            Self::Sum(field) => format!("sum {}", field.name()),
            Self::Mean(field) => format!("mean {}", field.name()),
            Self::Rate {
                when,
                prior,
                prior_weight,
            } => format!("rate [{}] {prior} {prior_weight}", when.text()),
            Self::Distinct(field) => format!("distinct {}", field.name()),
            Self::Last(field) => format!("last {}", named(field)),
            Self::First(field) => format!("first {}", named(field)),
            Self::TopK { field, k } => format!("top {k} {}", field.name()),
            Self::DecayedSum {
                field,
                half_life_ms,
            } => format!("decayed {half_life_ms} {}", named(field)),
            Self::EmbeddingMean { space } => format!("embedding {space}"),
            Self::Pushed => "pushed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = r#"
name = "habits"
entity = "listener"

[[features]]
name = "plays"
event = "listen"
aggregate = "count"
window = "7d"
filter = "outcome == completed and device == phone"

[[features]]
name = "all"
event = "listen"
aggregate = "count"

[[derived]]
name = "lately"
ratio = ["plays", "all"]
"#;

    fn meanings(text: &str) -> [u32; 3] {
        let view = ViewDefinition::parse(text).unwrap();
        [0, 1, 2].map(|column| view.meaning(column).unwrap())
    }

    #[test]
    fn words_for_people_and_other_columns_change_no_meaning() {
        let written = VIEW
            .replace(
                "name = \"habits\"",
                "name = \"habits\"\ndescription = \"said\"",
            )
            .replace(
                "outcome == completed and device == phone",
                "device == phone and outcome == completed",
            );
        assert_eq!(meanings(&written), meanings(VIEW));
        let more =
            format!("{VIEW}\n[[derived]]\nname = \"more\"\ndifference = [\"all\", \"plays\"]\n");
        assert_eq!(meanings(&more), meanings(VIEW));
        assert_eq!(ViewDefinition::parse(VIEW).unwrap().meaning(3), None);
    }

    #[test]
    fn what_values_follow_from_changes_the_column_and_what_is_made_of_it() {
        let before = meanings(VIEW);
        let changes = [
            ("window = \"7d\"", "window = \"8d\""),
            ("device == phone", "device != phone"),
            (
                "event = \"listen\"\naggregate = \"count\"\nwindow",
                "event = \"listen\"\naggregate = \"distinct\"\nfield = \"track\"\nwindow",
            ),
        ];
        for (from, to) in changes {
            let [plays, all, lately] = meanings(&VIEW.replace(from, to));
            assert!(plays != before[0] && lately != before[2], "{to}");
            assert_eq!(all, before[1], "{to}");
        }
        let by_ratio = meanings(&VIEW.replace("ratio =", "difference ="));
        assert!(by_ratio[2] != before[2] && by_ratio[..2] == before[..2]);
        let of_tracks = meanings(&VIEW.replace("\"listener\"", "\"track\""));
        assert!(
            of_tracks
                .iter()
                .zip(before)
                .all(|(one, other)| *one != other)
        );
        let kept = meanings(&VIEW.replace("entity =", "ttl = \"30d\"\nentity ="));
        assert!(kept.iter().zip(before).all(|(one, other)| *one != other));
    }

    #[test]
    fn meanings_stay_between_versions() {
        // A change here leaves every learnt order out that reads features, until the next training.
        assert_eq!(meanings(VIEW), [3_949_018_841, 484_575_269, 2_388_033_897]);
    }
}
