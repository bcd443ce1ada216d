//! The `heads` measurement: labels told by heads on artists that they did not learn from, beside a guess
//! and a vote of neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use leitmotif_analysis::audio::{AudioBuffer, analyze_audio};
use leitmotif_demo::songs::render_song;
use leitmotif_demo::world::{World, WorldSpec};
use leitmotif_learn::heads::{
    Examples, HeadMeasure, HeadOptions, LogisticOptions, ValueMeasure, ValueOptions,
    average_precision, train_head, train_value,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::files::open_text;

/// Neighbours that vote.
const NEIGHBOURS: usize = 25;

/// Heads on labelled tracks: average precision and F1 on folds that share no artist, with 95 % intervals.
#[derive(clap::Args)]
pub struct Args {
    /// Tables of tracks: `artist`, labels under `genre` or `labels` (split at `;`), and numbers. Spotify's
    /// names of columns (`track_artist`, `playlist_genre`, `playlist_subgenre`) are understood.
    #[arg(long, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Songs of the demo world to render and analyse instead: styles are the labels.
    #[arg(long)]
    demo: Option<usize>,
    /// Seed of the demo world.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Which artists: one half to choose settings on, the other to report.
    #[arg(long, value_enum, default_value_t = Half::All)]
    artists: Half,
    /// Weight of the penalty.
    #[arg(long)]
    penalty: Option<f64>,
    /// Columns with numbers from 0 to 1 to tell instead of labels; none of them is looked at.
    #[arg(long, value_delimiter = ',')]
    values: Vec<String>,
    /// Lets rare and common labels weigh what they are.
    #[arg(long)]
    unbalanced: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Half {
    All,
    Even,
    Odd,
}

/// One track: who, which labels, which numbers.
struct Row {
    artist: String,
    labels: BTreeSet<String>,
    numbers: BTreeMap<String, f32>,
}

/// Measures and prints one line a label.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let started = Instant::now();
    let mut rows = match args.demo {
        Some(count) => demo_rows(count, args.seed)?,
        None => table_rows(&args.data)?,
    };
    anyhow::ensure!(
        !rows.is_empty(),
        "no labelled tracks: give `--data FILE` or `--demo SONGS`"
    );
    rows.retain(|row| match args.artists {
        Half::All => true,
        Half::Even => group_of(&row.artist).is_multiple_of(2),
        Half::Odd => !group_of(&row.artist).is_multiple_of(2),
    });
    let gathered_s = started.elapsed().as_secs_f64();
    let examples = examples_of(&rows, &args.values)?;
    if !args.values.is_empty() {
        return tell_values(args, &rows, &examples);
    }
    let usual = LogisticOptions::default();
    let options = HeadOptions {
        logistic: LogisticOptions {
            penalty: args.penalty.unwrap_or(usual.penalty),
            is_balanced: usual.is_balanced && !args.unbalanced,
        },
        ..HeadOptions::default()
    };
    let started = Instant::now();
    let measured = measure_labels(&rows, &examples, options);
    let trained_s = started.elapsed().as_secs_f64();
    measured.iter().for_each(print_line);
    Ok(summary(&measured, &examples, gathered_s, trained_s))
}

/// The labels of a table, told by what ships.
pub fn judge_labels(table: &Path) -> anyhow::Result<Vec<Measured>> {
    let rows = table_rows(&[table.to_owned()])?;
    let examples = examples_of(&rows, &[])?;
    Ok(measure_labels(&rows, &examples, HeadOptions::default()))
}

/// The numbers of rows as columns, but for those left out.
fn examples_of(rows: &[Row], left_out: &[String]) -> anyhow::Result<Examples> {
    let columns = rows.iter().flat_map(|row| row.numbers.keys());
    let columns: BTreeSet<&String> = columns.filter(|one| !left_out.contains(one)).collect();
    let value = |row: &Row, column: &&String| row.numbers.get(*column).copied().unwrap_or(f32::NAN);
    let numbers = rows
        .iter()
        .flat_map(|row| columns.iter().map(|column| value(row, column)));
    let groups: Vec<u64> = rows.iter().map(|row| group_of(&row.artist)).collect();
    Ok(Examples::new(numbers.collect(), columns.len(), groups)?)
}

fn measure_labels(rows: &[Row], examples: &Examples, options: HeadOptions) -> Vec<Measured> {
    let labels: BTreeSet<&String> = rows.iter().flat_map(|row| &row.labels).collect();
    let neighbours = neighbours(examples);
    labels
        .par_iter()
        .map(|label| measure(label, rows, examples, &neighbours, options))
        .collect()
}

/// Tells each value of the columns from the others.
fn tell_values(args: &Args, rows: &[Row], examples: &Examples) -> anyhow::Result<Value> {
    let mut options = ValueOptions::default();
    options.penalty = args.penalty.unwrap_or(options.penalty);
    let mut told = serde_json::Map::new();
    for name in &args.values {
        let known = rows.iter().enumerate();
        let known = known.filter_map(|(at, row)| Some((at, f64::from(*row.numbers.get(name)?))));
        let known = known.filter(|(_, value)| (0.0..=1.0).contains(value));
        let (places, values): (Vec<usize>, Vec<f64>) = known.unzip();
        let judged = train_value(examples, &places, &values, options);
        let judged = judged.map_err(|missing| anyhow::anyhow!("too few `{name}`: {missing:?}"))?;
        told.insert(name.clone(), value_line(places.len(), &judged.measure));
    }
    Ok(json!({
        "measurement": "values",
        "tracks": examples.len(),
        "columns": examples.width(),
        "penalty": options.penalty,
        "values": told,
    }))
}

fn value_line(tracks: usize, measure: &ValueMeasure) -> Value {
    let rounded = |value: f64| (1e4 * value).round() / 1e4;
    let interval = |of: leitmotif_learn::heads::Interval| [of.value, of.low, of.high].map(rounded);
    json!({
        "tracks": tracks,
        "skill": interval(measure.skill),
        "mean_error": interval(measure.mean_error),
        "mean_error_of_mean": rounded(measure.mean_error_of_mean),
        "near": interval(measure.near),
        "is_shown": measure.is_above_bar(),
    })
}

/// How well a label is told.
pub struct Measured {
    pub label: String,
    /// Tracks that carry it, and their artists.
    pub tracks: usize,
    pub artists: usize,
    /// None where there are too few.
    pub measure: Option<HeadMeasure>,
    /// Average precision of a vote of neighbours.
    pub votes: f64,
}

fn measure(
    label: &str,
    rows: &[Row],
    examples: &Examples,
    neighbours: &[Vec<usize>],
    options: HeadOptions,
) -> Measured {
    let targets: Vec<bool> = rows.iter().map(|row| row.labels.contains(label)).collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    let with = rows.iter().filter(|row| row.labels.contains(label));
    let artists: BTreeSet<&String> = with.map(|row| &row.artist).collect();
    let votes: Vec<f64> = neighbours
        .iter()
        .map(|near| near.iter().filter(|row| targets[**row]).count() as f64)
        .collect();
    Measured {
        label: label.to_owned(),
        tracks: targets.iter().filter(|target| **target).count(),
        artists: artists.len(),
        measure: train_head(examples, &all, &targets, options)
            .ok()
            .map(|judged| judged.measure),
        votes: average_precision(&votes, &targets),
    }
}

/// The nearest rows of other artists by Euclidean distance, for each row.
fn neighbours(examples: &Examples) -> Vec<Vec<usize>> {
    let distance = |a: usize, b: usize| -> f32 {
        let parts = examples.row(a).iter().zip(examples.row(b));
        parts.map(|(x, y)| (x - y) * (x - y)).sum()
    };
    (0..examples.len())
        .into_par_iter()
        .map(|row| {
            let others =
                (0..examples.len()).filter(|other| examples.group(*other) != examples.group(row));
            let mut near: Vec<(f32, usize)> =
                others.map(|other| (distance(row, other), other)).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(NEIGHBOURS);
            near.into_iter().map(|(_, other)| other).collect()
        })
        .collect()
}

fn print_line(one: &Measured) {
    let Some(measure) = &one.measure else {
        println!(
            "{:32} n {:5} of {:4} artists  too few",
            one.label, one.tracks, one.artists
        );
        return;
    };
    let mark = if measure.is_above_bar() {
        "shown"
    } else {
        "refused"
    };
    println!(
        "{:32} n {:5} of {:4} artists  AP {:.3} ({:.3} to {:.3})  skill {:.3} ({:.3})  F1 {:.3} ({:.3})  AUC {:.3}  guess {:.3}  votes {:.3}  {mark}",
        one.label,
        one.tracks,
        one.artists,
        measure.average_precision.value,
        measure.average_precision.low,
        measure.average_precision.high,
        measure.skill.value,
        measure.skill.low,
        measure.f1.value,
        measure.f1.low,
        measure.roc_auc.value,
        measure.prevalence,
        one.votes,
    );
}

fn summary(measured: &[Measured], examples: &Examples, gathered_s: f64, trained_s: f64) -> Value {
    let judged: Vec<(&Measured, HeadMeasure)> = measured
        .iter()
        .filter_map(|one| Some((one, one.measure?)))
        .collect();
    let mean = |of: &dyn Fn(&(&Measured, HeadMeasure)) -> f64| {
        let sum: f64 = judged.iter().map(of).sum();
        (1e4 * sum / judged.len().max(1) as f64).round() / 1e4
    };
    json!({
        "measurement": "heads",
        "tracks": examples.len(),
        "columns": examples.width(),
        "labels": measured.len(),
        "judged": judged.len(),
        "shown": judged.iter().filter(|(_, measure)| measure.is_above_bar()).count(),
        "mean_average_precision": mean(&|(_, measure)| measure.average_precision.value),
        "mean_of_votes": mean(&|(one, _)| one.votes),
        "mean_of_guess": mean(&|(_, measure)| measure.prevalence),
        "mean_f1": mean(&|(_, measure)| measure.f1.value),
        "mean_f1_of_yes": mean(&|(_, measure)| measure.f1_of_yes),
        "mean_roc_auc": mean(&|(_, measure)| measure.roc_auc.value),
        "gathered_s": (10.0 * gathered_s).round() / 10.0,
        "trained_s": (10.0 * trained_s).round() / 10.0,
    })
}

/// A number for an artist, by FNV-1a of the name without case.
fn group_of(artist: &str) -> u64 {
    let folded = artist.to_lowercase();
    let hash = folded
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    hash ^ (hash >> 32)
}

/// Tracks of the tables; one that is there several times has the labels of all its rows.
fn table_rows(files: &[PathBuf]) -> anyhow::Result<Vec<Row>> {
    let mut tracks: BTreeMap<(String, String), Row> = BTreeMap::new();
    for file in files {
        let mut reader = csv::Reader::from_reader(open_text(file)?);
        let header = reader.headers()?.clone();
        for record in reader.records() {
            let record = record.with_context(|| format!("in `{}`", file.display()))?;
            let cells = || header.iter().zip(&record);
            let cell = |names: [&str; 2]| {
                let found = cells().find(|(name, _)| names.contains(name));
                found.map(|(_, text)| text.to_owned()).unwrap_or_default()
            };
            let (artist, title) = (
                cell(["artist", "track_artist"]),
                cell(["title", "track_name"]),
            );
            let key = (artist.to_lowercase(), title);
            let row = tracks.entry(key).or_insert_with(|| Row {
                artist,
                labels: BTreeSet::new(),
                numbers: BTreeMap::new(),
            });
            for (name, text) in cells() {
                take_cell(row, name, text);
            }
        }
    }
    Ok(tracks
        .into_values()
        .filter(|row| !row.labels.is_empty())
        .collect())
}

fn take_cell(row: &mut Row, name: &str, text: &str) {
    let kind = match name {
        "genre" | "labels" | "playlist_genre" => "genre",
        "playlist_subgenre" => "subgenre",
        // The pitch class is a circle, how popular a track is no sound, and a title may be a number.
        "key" | "track_popularity" | "track_name" | "title" | "artist" | "track_artist" => return,
        name if name.contains("album") || name.contains("playlist") => return,
        _ => {
            if let Ok(number) = text.parse() {
                row.numbers.insert(name.to_owned(), number);
            }
            return;
        }
    };
    let labels = text
        .split(';')
        .map(str::trim)
        .filter(|label| !label.is_empty());
    row.labels
        .extend(labels.map(|label| format!("{kind}:{label}")));
}

/// Songs of the demo world as the analysis hears them.
fn demo_rows(count: usize, seed: u64) -> anyhow::Result<Vec<Row>> {
    let world = World::new(WorldSpec {
        seed,
        song_count: count,
        artist_count: count / 4,
        ..WorldSpec::default()
    });
    world
        .songs
        .par_iter()
        .map(|song| {
            let sound = render_song(&song.spec);
            let analysis = analyze_audio(&AudioBuffer {
                samples: sound.samples,
                channel_count: sound.channel_count,
                sample_rate_hz: sound.sample_rate_hz,
            })?;
            let mut numbers: BTreeMap<String, f32> = (analysis.embedding.iter().enumerate())
                .map(|(place, value)| (format!("embedding {place:03}"), *value))
                .collect();
            for descriptor in &analysis.descriptors {
                take_descriptor(&mut numbers, &descriptor.name, &descriptor.value);
            }
            Ok(Row {
                artist: song.artist.clone(),
                labels: BTreeSet::from([format!("genre:{}", song.genre)]),
                numbers,
            })
        })
        .collect()
}

/// A number, or a row of them, as columns.
fn take_descriptor(numbers: &mut BTreeMap<String, f32>, name: &str, value: &Value) {
    match value {
        Value::Number(number) => {
            numbers.extend(
                number
                    .as_f64()
                    .map(|number| (name.to_owned(), number as f32)),
            );
        }
        Value::Array(parts) if parts.iter().all(Value::is_number) => {
            for (place, part) in parts.iter().enumerate() {
                take_descriptor(numbers, &format!("{name} {place:03}"), part);
            }
        }
        _ => {}
    }
}
