//! The form that narrows what is near.

use leitmotif_api::native::constraints::ConstraintQuery;
use leitmotif_api::native::similar::SimilarQuery;
use maud::{Markup, html};
use serde::Deserialize;

/// Near tracks shown.
const NEAR_SHOWN: usize = 12;
/// The name of our spaces of sound and lyrics, weighed.
pub const BOTH: &str = "both";
const MINUTE_MS: f64 = 60_000.0;

/// What near tracks must satisfy, as the form sends it. A field that is empty, and a slider at its end,
/// asks for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct NearForm {
    /// Per cent about the track's own tempo.
    pub bpm_near: String,
    /// Which keys go with the track's own.
    pub key_match: String,
    /// Least energy, per cent.
    pub energy_min: String,
    /// Most energy, per cent.
    pub energy_max: String,
    /// Most popularity, per cent.
    pub popularity_max: String,
    /// First year.
    pub year_min: String,
    /// Last year.
    pub year_max: String,
    /// Shortest length in minutes.
    pub minutes_min: String,
    /// Longest length in minutes.
    pub minutes_max: String,
    /// The genre.
    pub genre: String,
    /// Words.
    pub text: String,
    /// What the lyrics weigh beside the sound, per cent.
    pub lyrics_weight: String,
}

impl NearForm {
    /// The question to the API. What is no number asks for nothing, as browsers send none.
    pub fn asked(&self, space: Option<String>) -> (SimilarQuery, ConstraintQuery) {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let percent = |text: &str| number(text).map(|value| (value / 100.0) as f32);
        let ms = |text: &str| number(text).map(|minutes| (minutes * MINUTE_MS).round() as u32);
        let year = |text: &str| text.trim().parse().ok();
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let similar = SimilarQuery {
            limit: Some(NEAR_SHOWN),
            lyrics_weight: percent(&self.lyrics_weight).filter(|_| space.as_deref() == Some(BOTH)),
            space,
            bpm_near: number(&self.bpm_near).map(|percent| percent as f32),
        };
        let wanted = ConstraintQuery {
            key_match: filled(&self.key_match),
            energy_min: percent(&self.energy_min).filter(|share| *share > 0.0),
            energy_max: percent(&self.energy_max).filter(|share| *share < 1.0),
            popularity_max: (number(&self.popularity_max))
                .map(|percent| percent as f32)
                .filter(|percent| *percent < 100.0),
            year_min: year(&self.year_min),
            year_max: year(&self.year_max),
            duration_min_ms: ms(&self.minutes_min),
            duration_max_ms: ms(&self.minutes_max),
            genre: filled(&self.genre),
            text: filled(&self.text),
            ..ConstraintQuery::default()
        };
        (similar, wanted)
    }

    /// The fields as a query, with the space they are asked in.
    pub fn pairs<'f>(&'f self, space: &'f str) -> [(&'static str, Option<&'f str>); 13] {
        [
            ("space", Some(space)),
            ("bpm_near", Some(&self.bpm_near)),
            ("key_match", Some(&self.key_match)),
            ("energy_min", Some(&self.energy_min)),
            ("energy_max", Some(&self.energy_max)),
            ("popularity_max", Some(&self.popularity_max)),
            ("year_min", Some(&self.year_min)),
            ("year_max", Some(&self.year_max)),
            ("minutes_min", Some(&self.minutes_min)),
            ("minutes_max", Some(&self.minutes_max)),
            ("genre", Some(&self.genre)),
            ("text", Some(&self.text)),
            ("lyrics_weight", Some(&self.lyrics_weight)),
        ]
    }

    /// Draws the form.
    pub fn form(&self, page: &str, space: &str) -> Markup {
        let tempi = [
            ("", "any"),
            ("4", "within 4 %"),
            ("8", "within 8 %"),
            ("16", "within 16 %"),
        ];
        let keys = [
            ("", "any"),
            ("same", "the same"),
            ("relative", "same or relative"),
            ("wheel", "neighbours on the wheel"),
        ];
        html! {
            form.filters method="get" action={ (page) "#near" } {
                input type="hidden" name="space" value=(space);
                @if space == BOTH { (slider("lyrics_weight", "Lyrics weigh", &self.lyrics_weight, "50")) }
                (choice("bpm_near", "Tempo", &tempi, &self.bpm_near))
                (choice("key_match", "Key", &keys, &self.key_match))
                (slider("energy_min", "Energy from", &self.energy_min, "0"))
                (slider("energy_max", "Energy to", &self.energy_max, "100"))
                (slider("popularity_max", "Popularity to", &self.popularity_max, "100"))
                (number("year_min", "Year from", &self.year_min, "1"))
                (number("year_max", "Year to", &self.year_max, "1"))
                (number("minutes_min", "Minutes from", &self.minutes_min, "any"))
                (number("minutes_max", "Minutes to", &self.minutes_max, "any"))
                (words("genre", "Genre", &self.genre))
                (words("text", "Words", &self.text))
                div.field.field-buttons { button type="submit" { "Narrow" } }
            }
        }
    }
}

fn choice(name: &str, title: &str, choices: &[(&str, &str)], value: &str) -> Markup {
    html! {
        div.field {
            label for={ "near-" (name) } { (title) }
            select id={ "near-" (name) } name=(name) {
                @for (choice, words) in choices {
                    option value=(choice) selected[value == *choice] { (words) }
                }
            }
        }
    }
}

fn slider(name: &str, title: &str, value: &str, unset: &str) -> Markup {
    let value = if value.is_empty() { unset } else { value };
    html! {
        div.field {
            label for={ "near-" (name) } { (title) ", %" }
            input id={ "near-" (name) } type="range" name=(name) min="0" max="100" step="5" value=(value);
        }
    }
}

fn number(name: &str, title: &str, value: &str, step: &str) -> Markup {
    html! {
        div.field {
            label for={ "near-" (name) } { (title) }
            input id={ "near-" (name) } type="number" name=(name) min="0" step=(step) value=(value);
        }
    }
}

fn words(name: &str, title: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for={ "near-" (name) } { (title) }
            input id={ "near-" (name) } type="text" name=(name) value=(value) maxlength="200";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_alone_asks_for_nothing() {
        let untouched = NearForm {
            energy_min: "0".to_owned(),
            energy_max: "100".to_owned(),
            popularity_max: "100".to_owned(),
            ..NearForm::default()
        };
        assert_eq!(untouched.asked(None).1, ConstraintQuery::default());
        let asked = NearForm {
            bpm_near: "8".to_owned(),
            key_match: "wheel".to_owned(),
            popularity_max: "20".to_owned(),
            minutes_max: "3.5".to_owned(),
            year_min: "1990".to_owned(),
            ..NearForm::default()
        };
        let (similar, wanted) = asked.asked(Some("s".to_owned()));
        assert_eq!(similar.bpm_near, Some(8.0));
        assert_eq!(wanted.popularity_max, Some(20.0));
        assert_eq!(
            (wanted.duration_max_ms, wanted.year_min),
            (Some(210_000), Some(1990))
        );
    }
}
