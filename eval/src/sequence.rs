//! How well playlists flow: ordered against shuffled, the same tracks in both.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use leitmotif_learn::sequencing::{Mode, SequenceOptions, TrackSound, sequence_tracks};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::open_text;
use crate::random::Random;

/// A CSV table of tracks with `track_artist`, `playlist_name`, `tempo`, `key`, `mode`, `energy`;
/// a name in `.gz` is decompressed.
#[derive(clap::Args)]
pub struct Args {
    /// The table.
    #[arg(long)]
    tracks: PathBuf,
    /// Tracks of a playlist.
    #[arg(long, default_value_t = 30)]
    length: usize,
    /// Playlists drawn.
    #[arg(long, default_value_t = 200)]
    playlists: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Deserialize)]
struct Row {
    track_artist: String,
    playlist_name: String,
    tempo: f32,
    key: i8,
    mode: u8,
    energy: f32,
}

/// Draws tracks of one real playlist at a time, as a recommender that knows its listener would
/// choose them, and orders them.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut pools: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(open_text(&args.tracks)?);
    for row in reader.deserialize() {
        let row: Row = row.with_context(|| format!("cannot read `{}`", args.tracks.display()))?;
        pools
            .entry(row.playlist_name.clone())
            .or_default()
            .push(row);
    }
    let large: Vec<&Vec<Row>> = pools
        .values()
        .filter(|pool| pool.len() >= args.length)
        .collect();
    anyhow::ensure!(
        !large.is_empty(),
        "no playlist of the table has {} tracks; ask for fewer by --length",
        args.length
    );
    let mut random = Random(args.seed);
    let (mut reductions, mut times_us) = (Vec::new(), Vec::new());
    let (mut ordered, mut shuffled) = (0.0, 0.0);
    for _ in 0..args.playlists {
        let pool = large[random.index(large.len())];
        let rows = draw(pool, args.length, &mut random);
        let sounds: Vec<TrackSound> = rows.iter().map(|row| sound_of(row)).collect();
        let artists = artist_keys(&rows);
        let start = Instant::now();
        let found = sequence_tracks(&sounds, &artists, SequenceOptions::default())?;
        times_us.push(start.elapsed().as_secs_f64() * 1e6);
        ordered += f64::from(found.mean_step());
        shuffled += f64::from(found.shuffled_step);
        reductions.push(f64::from(1.0 - found.mean_step() / found.shuffled_step));
    }
    let count = args.playlists as f64;
    Ok(json!({
        "playlists": args.playlists,
        "length": args.length,
        "step_cost_shuffled": shuffled / count,
        "step_cost_ordered": ordered / count,
        "reduction": 1.0 - ordered / shuffled,
        "reduction_p5": quantile(&mut reductions, 0.05),
        "us_per_playlist": quantile(&mut times_us, 0.5),
    }))
}

fn draw<'r>(pool: &'r [Row], count: usize, random: &mut Random) -> Vec<&'r Row> {
    let mut left: Vec<&Row> = pool.iter().collect();
    (0..count)
        .map(|_| left.swap_remove(random.index(left.len())))
        .collect()
}

fn sound_of(row: &Row) -> TrackSound {
    let mode = if row.mode == 1 {
        Mode::Major
    } else {
        Mode::Minor
    };
    TrackSound {
        tempo_bpm: (row.tempo > 0.0).then_some(row.tempo),
        key: u8::try_from(row.key).ok().map(|tonic| (tonic, mode)),
        energy: Some(row.energy),
        timbre: None,
    }
}

fn artist_keys(rows: &[&Row]) -> Vec<u64> {
    let mut keys: HashMap<&str, u64> = HashMap::new();
    (rows.iter())
        .map(|row| {
            let name = row.track_artist.as_str();
            let next = keys.len() as u64;
            *keys.entry(name).or_insert(next)
        })
        .collect()
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at).copied().unwrap_or(0.0)
}
