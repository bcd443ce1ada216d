//! What every track of the list must satisfy.

use leitmotif_api::Problem;
use leitmotif_api::native::constraints::ConstraintQuery;
use maud::{Markup, html};
use serde::Deserialize;

/// Constraints as the form sends them; an empty field asks for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct OnlyForm {
    /// Slowest tempo.
    pub bpm_min: String,
    /// Fastest tempo.
    pub bpm_max: String,
    /// A key.
    pub key: String,
    /// Least energy, 0 to 1.
    pub energy_min: String,
    /// Most energy, 0 to 1.
    pub energy_max: String,
    /// First year.
    pub year_min: String,
    /// Last year.
    pub year_max: String,
    /// Most popularity, per cent of the catalogue.
    pub popularity_max: String,
    /// The genre.
    pub genre: String,
    /// Words.
    pub text: String,
}

impl OnlyForm {
    /// The fields, by the names of the API, with what stands above them.
    fn fields(&self) -> [(&'static str, &'static str, &str); 10] {
        [
            ("bpm_min", "Tempo from, bpm", &self.bpm_min),
            ("bpm_max", "Tempo to, bpm", &self.bpm_max),
            ("key", "Key, such as A minor", &self.key),
            ("energy_min", "Energy from, 0 to 1", &self.energy_min),
            ("energy_max", "Energy to, 0 to 1", &self.energy_max),
            ("year_min", "Year from", &self.year_min),
            ("year_max", "Year to", &self.year_max),
            ("popularity_max", "Popularity to, %", &self.popularity_max),
            ("genre", "Genre", &self.genre),
            ("text", "Words", &self.text),
        ]
    }

    /// The fields as a query.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        let fields = self.fields().into_iter();
        fields.map(|(name, _, value)| (name, Some(value)))
    }

    /// The constraints that the form stands for.
    ///
    /// - Errors: 400 naming the field that is no number.
    pub fn constraints(&self) -> Result<ConstraintQuery, Problem> {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(ConstraintQuery {
            bpm_min: number("bpm_min", &self.bpm_min)?,
            bpm_max: number("bpm_max", &self.bpm_max)?,
            key: filled(&self.key),
            energy_min: number("energy_min", &self.energy_min)?,
            energy_max: number("energy_max", &self.energy_max)?,
            year_min: number("year_min", &self.year_min)?,
            year_max: number("year_max", &self.year_max)?,
            popularity_max: number("popularity_max", &self.popularity_max)?,
            genre: filled(&self.genre),
            text: filled(&self.text),
            ..ConstraintQuery::default()
        })
    }

    /// Draws the fields, open where one is filled.
    pub fn form(&self) -> Markup {
        let fields = self.fields();
        let is_open = fields.iter().any(|(_, _, value)| !value.is_empty());
        html! {
            details open[is_open] {
                summary { "Only tracks that…" }
                @for (name, title, value) in fields {
                    div.field {
                        label for={ "only-" (name) } { (title) }
                        input id={ "only-" (name) } type="text" name=(name) value=(value) maxlength="200";
                    }
                }
            }
        }
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<Option<T>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| {
        Problem::invalid(
            format!("/constraints/{name}"),
            format!("`{text}` is no number"),
        )
    };
    text.parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_ask_for_nothing_and_wrong_ones_are_named() {
        let empty = OnlyForm::default();
        assert_eq!(empty.constraints().unwrap(), ConstraintQuery::default());
        assert!(!empty.form().into_string().contains("<details open"));
        let asked = OnlyForm {
            bpm_min: " 120 ".to_owned(),
            genre: "Rock".to_owned(),
            ..OnlyForm::default()
        };
        let wanted = asked.constraints().unwrap();
        assert_eq!(
            (wanted.bpm_min, wanted.genre.as_deref()),
            (Some(120.0), Some("Rock"))
        );
        assert!(asked.form().into_string().contains("<details open"));
        let wrong = OnlyForm {
            year_min: "long ago".to_owned(),
            ..OnlyForm::default()
        };
        assert!(wrong.constraints().is_err());
    }
}
