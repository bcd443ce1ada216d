//! Finding tracks by words.

use std::process::ExitCode;

use serde_json::Value;

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(clap::Args)]
pub struct SearchArgs {
    /// Words of title, artist, release, genre or lyrics; `140 bpm`, `A minor`, `90s`, `under 3 min`
    /// or a genre become filters.
    words: Vec<String>,
    /// Tracks wanted.
    #[arg(long, default_value_t = 10)]
    count: usize,
    /// Leaves every word a word.
    #[arg(long)]
    literal: bool,
    /// Who searches: the name the player uses.
    #[arg(long)]
    listener: Option<String>,
    #[command(flatten)]
    constraints: ConstraintArgs,
}

/// What tracks must satisfy.
#[derive(clap::Args)]
pub struct ConstraintArgs {
    #[command(flatten)]
    ranges: RangeArgs,
    /// Genre.
    #[arg(long)]
    genre: Option<String>,
    /// Words that all must be in title, artist, release, genre or lyrics.
    #[arg(long)]
    text: Option<String>,
}

/// What tracks must satisfy, but for what other options are called too.
#[derive(clap::Args)]
pub struct RangeArgs {
    /// Slowest tempo in beats a minute; halves and doubles count.
    #[arg(long)]
    bpm_min: Option<f32>,
    /// Fastest tempo.
    #[arg(long)]
    bpm_max: Option<f32>,
    /// A key such as `A minor`.
    #[arg(long)]
    in_key: Option<String>,
    /// Which keys go with it: same, relative or wheel; without `--in-key`, with that of the track.
    #[arg(long)]
    key_match: Option<String>,
    /// Least energy, 0 to 1.
    #[arg(long)]
    energy_min: Option<f32>,
    /// Most energy.
    #[arg(long)]
    energy_max: Option<f32>,
    /// Shortest length in seconds.
    #[arg(long)]
    seconds_min: Option<u32>,
    /// Longest length in seconds.
    #[arg(long)]
    seconds_max: Option<u32>,
    /// First year of release.
    #[arg(long)]
    year_min: Option<u16>,
    /// Last year of release.
    #[arg(long)]
    year_max: Option<u16>,
    /// Least popularity: per cent of the catalogue that is played less.
    #[arg(long)]
    popularity_min: Option<f32>,
    /// Most popularity: 20 leaves the deep cuts.
    #[arg(long)]
    popularity_max: Option<f32>,
    /// A range of any number that analyses tell, ours or a plugin's: `NAME:FROM..TO`; may be given several times.
    #[arg(long, value_name = "RANGE")]
    descriptor: Vec<String>,
}

impl ConstraintArgs {
    /// The parameters of the API.
    pub fn pairs(self) -> impl Iterator<Item = (&'static str, Option<String>)> {
        self.ranges.pairs(self.genre, self.text)
    }
}

impl RangeArgs {
    /// The parameters of the API, with those whose options differ.
    fn pairs(
        self,
        genre: Option<String>,
        text: Option<String>,
    ) -> impl Iterator<Item = (&'static str, Option<String>)> {
        let number = |value: Option<f32>| value.map(|value| value.to_string());
        let ms = |seconds: Option<u32>| seconds.map(|s| s.saturating_mul(1_000).to_string());
        let year = |year: Option<u16>| year.map(|year| year.to_string());
        let descriptors = Some(self.descriptor.join(",")).filter(|text| !text.is_empty());
        [
            ("bpm_min", number(self.bpm_min)),
            ("bpm_max", number(self.bpm_max)),
            ("key", self.in_key),
            ("key_match", self.key_match),
            ("energy_min", number(self.energy_min)),
            ("energy_max", number(self.energy_max)),
            ("duration_min_ms", ms(self.seconds_min)),
            ("duration_max_ms", ms(self.seconds_max)),
            ("year_min", year(self.year_min)),
            ("year_max", year(self.year_max)),
            ("genre", genre),
            ("popularity_min", number(self.popularity_min)),
            ("popularity_max", number(self.popularity_max)),
            ("text", text),
            ("descriptors", descriptors),
        ]
        .into_iter()
    }

    /// The same in a body, where numbers are numbers.
    pub fn document(self, genre: Option<String>, text: Option<String>) -> Value {
        let given = self.pairs(genre, text).filter_map(|(name, value)| {
            let value = value?;
            let number = value.parse::<serde_json::Number>();
            let told = match number {
                Ok(number) if !WORDED.contains(&name) => Value::Number(number),
                _ => Value::String(value),
            };
            Some((name.to_owned(), told))
        });
        Value::Object(given.collect())
    }
}

/// Constraints whose values are words.
const WORDED: [&str; 5] = ["key", "key_match", "genre", "text", "descriptors"];

impl ConstraintArgs {
    /// The same in a body, where numbers are numbers.
    pub fn document(self) -> Value {
        self.ranges.document(self.genre, self.text)
    }
}

/// Joins the pairs that have a value, each behind an ampersand.
pub fn query_text(pairs: impl Iterator<Item = (&'static str, Option<String>)>) -> String {
    pairs
        .filter_map(|(name, value)| Some(format!("&{name}={}", escape(&value?))))
        .collect()
}

/// Prints what was found, with the words that became filters.
pub async fn run(args: SearchArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let own = [
        ("q", Some(args.words.join(" "))),
        ("filters", args.literal.then(|| "false".to_owned())),
        ("listener", args.listener),
    ];
    let rest = query_text(own.into_iter().chain(args.constraints.pairs()));
    let path = format!("/api/v1/search?limit={}{rest}", args.count);
    let answer = client.get(&path).await?;
    print(&answer, as_json, |answer| {
        for filter in list_of(answer, "filters") {
            println!(
                "filter {}: {}",
                text_of(filter, "name"),
                text_of(filter, "text")
            );
        }
        for track in list_of(answer, "tracks") {
            let score = track.get("score").and_then(Value::as_f64).unwrap_or(0.0);
            let (title, artist) = (text_of(track, "title"), text_of(track, "artist"));
            let found_by = text_of(track, "found_by");
            println!(
                "{score:8.3}  {title} · {artist}  ({found_by})  {}",
                text_of(track, "id")
            );
        }
        let found = answer.get("found").and_then(Value::as_u64).unwrap_or(0);
        println!("{found} found");
    });
    Ok(ExitCode::SUCCESS)
}
