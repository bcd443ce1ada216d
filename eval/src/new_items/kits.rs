//! What is played by whom, and what items are like.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, Read};
use std::path::Path;

use anyhow::Context;
use leitmotif_analysis::audio::{DecodeLimits, analyze_audio, decode_bytes};
use leitmotif_analysis::lyrics::analyze_lyrics;
use leitmotif_demo::listeners::ListenOutcome;
use leitmotif_demo::world::{World, WorldSpec};
use rayon::prelude::*;

use crate::files::open_text;

/// Tags that artists are told by: the most used.
const TAGS: usize = 200;
/// Numbers of a track in the features kit.
const FEATURES: [&str; 12] = [
    "danceability",
    "energy",
    "key",
    "loudness",
    "mode",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
    "duration_ms",
];

/// Plays, and attributes of the items by space.
pub struct Kit {
    pub listeners: usize,
    /// Listener and item, each pair once.
    pub plays: Vec<(usize, usize)>,
    /// Items of each listener, newest first where the kit knows.
    pub newest: Vec<Vec<usize>>,
    pub widths: Vec<usize>,
    /// Unit vectors.
    pub attributes: Vec<Vec<Option<Vec<f32>>>>,
}

impl Kit {
    fn new(
        listeners: usize,
        newest_first: impl Iterator<Item = (usize, usize)>,
        attributes: Vec<Vec<Option<Vec<f32>>>>,
    ) -> Self {
        let mut newest: Vec<Vec<usize>> = vec![Vec::new(); listeners];
        let mut seen = BTreeSet::new();
        for (listener, item) in newest_first {
            if seen.insert((listener, item)) {
                newest[listener].push(item);
            }
        }
        let spaces = attributes.first().map_or(0, Vec::len);
        let width = |space: usize| {
            let held = attributes.iter().find_map(|one| one[space].as_ref());
            held.map_or(0, Vec::len)
        };
        Self {
            listeners,
            plays: seen.into_iter().collect(),
            newest,
            widths: (0..spaces).map(width).collect(),
            attributes: (attributes.into_iter())
                .map(|spaces| spaces.into_iter().map(|one| one.map(unit)).collect())
                .collect(),
        }
    }

    /// The cosines of items with some others over the spaces that hold both, added up.
    pub fn likeness(&self, from: &[usize], items: &[usize]) -> Vec<f32> {
        // Cosines of unit vectors add up as the vectors do.
        let mut sums: Vec<Vec<f32>> = self.widths.iter().map(|width| vec![0.0; *width]).collect();
        for one in from {
            for (sum, held) in sums.iter_mut().zip(&self.attributes[*one]) {
                let held = held.as_deref().unwrap_or_default();
                sum.iter_mut().zip(held).for_each(|(sum, x)| *sum += x);
            }
        }
        let alike = |item: &usize| -> f32 {
            let spaces = sums.iter().zip(&self.attributes[*item]);
            let cosine = |(sum, held): (&Vec<f32>, &Option<Vec<f32>>)| -> f32 {
                let held = held.as_deref().unwrap_or_default();
                sum.iter().zip(held).map(|(x, y)| x * y).sum()
            };
            spaces.map(cosine).sum()
        };
        items.iter().map(alike).collect()
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

/// A demo world as the platform hears and reads it: embeddings of the rendered audio and of the lyrics.
pub fn demo(seed: u64) -> anyhow::Result<Kit> {
    let world = World::new(WorldSpec {
        seed,
        ..WorldSpec::default()
    });
    let heard: Vec<_> = (0..world.songs.len())
        .into_par_iter()
        .map(|index| {
            let rendered = world.render(index).context("a song of the world")?;
            let audio = decode_bytes(&rendered.wav, Some("wav"), &DecodeLimits::default())?;
            let lyrics = world.songs[index].lyrics.as_deref();
            let words = lyrics.map(|text| analyze_lyrics(text).embedding);
            let attributes = vec![Some(analyze_audio(&audio)?.embedding), words];
            Ok((rendered.truth, attributes))
        })
        .collect::<anyhow::Result<_>>()?;
    let (truths, attributes): (BTreeMap<_, _>, Vec<_>) = (heard.into_iter().enumerate())
        .map(|(index, (truth, attributes))| ((index, truth), attributes))
        .unzip();
    let simulation = world.simulate(&truths);
    let played = simulation.listens.iter().rev();
    let played = played.filter(|listen| listen.outcome == ListenOutcome::Played);
    let pairs = played.map(|listen| (listen.listener_index, listen.track_index));
    Ok(Kit::new(world.spec.listener_count, pairs, attributes))
}

/// Artists of lastfm-2k by the tags that listeners gave them, rarer ones weighing more.
pub fn lastfm(folder: &Path) -> anyhow::Result<Kit> {
    let mut pairs = Vec::new();
    for part in ["train", "valid", "test"] {
        pairs.extend(pairs_of(
            &folder.join(format!("split-a/{part}.tsv.gz")),
            0,
            1,
        )?);
    }
    let tagged = pairs_of(&folder.join("user_taggedartists.dat.gz"), 1, 2)?;
    let number = |ids: BTreeSet<u64>| -> HashMap<u64, usize> { ids.into_iter().zip(0..).collect() };
    let listeners = number(pairs.iter().map(|pair| pair.0).collect());
    let items = number(pairs.iter().map(|pair| pair.1).collect());
    let mut used: BTreeMap<u64, usize> = BTreeMap::new();
    (tagged.iter()).for_each(|(_, tag)| *used.entry(*tag).or_default() += 1);
    let mut most: Vec<(usize, u64)> = used.iter().map(|(tag, count)| (*count, *tag)).collect();
    most.sort_unstable_by_key(|(count, tag)| (std::cmp::Reverse(*count), *tag));
    most.truncate(TAGS);
    let places = number(most.iter().map(|(_, tag)| *tag).collect());
    let mut attributes = vec![vec![None; 1]; items.len()];
    for (artist, tag) in &tagged {
        if let (Some(item), Some(place)) = (items.get(artist), places.get(tag)) {
            let told: &mut Vec<f32> = attributes[*item][0].get_or_insert_with(|| vec![0.0; TAGS]);
            told[*place] += (tagged.len() as f32 / used[tag] as f32).ln();
        }
    }
    let pairs = pairs
        .iter()
        .map(|(listener, item)| (listeners[listener], items[item]));
    Ok(Kit::new(listeners.len(), pairs, attributes))
}

/// Two columns of a file of numbers apart by tabs; a heading is passed over.
fn pairs_of(path: &Path, first: usize, second: usize) -> anyhow::Result<Vec<(u64, u64)>> {
    let mut pairs = Vec::new();
    for line in open_text(path)?.lines() {
        let line = line.with_context(|| format!("cannot read `{}`", path.display()))?;
        let fields: Vec<&str> = line.trim().split('\t').collect();
        let number = |place: usize| fields.get(place)?.parse().ok();
        pairs.extend(number(first).zip(number(second)));
    }
    Ok(pairs)
}

/// Tracks of the features kit by their features over their spread; a playlist is a listener.
pub fn spotify(path: &Path) -> anyhow::Result<Kit> {
    let mut bytes = Vec::new();
    open_text(path)?.read_to_end(&mut bytes)?;
    let mut rows = csv::Reader::from_reader(&bytes[..]);
    let heading = rows.byte_headers()?.clone();
    let place = |name: &str| {
        let found = heading.iter().position(|one| one == name.as_bytes());
        found.with_context(|| format!("no column `{name}`"))
    };
    let names = [place("track_name")?, place("track_artist")?];
    let playlist = place("playlist_name")?;
    let columns = FEATURES
        .map(place)
        .into_iter()
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (mut tracks, mut playlists) = (HashMap::new(), HashMap::new());
    let (mut pairs, mut told): (Vec<(usize, usize)>, Vec<Vec<f32>>) = Default::default();
    for row in rows.byte_records() {
        let row = row?;
        let text = |place: usize| row.get(place).unwrap_or_default().to_vec();
        let features = columns.iter().map(|column| {
            let number = std::str::from_utf8(row.get(*column).unwrap_or_default())?;
            Ok(number.parse()?)
        });
        let features: anyhow::Result<Vec<f32>> = features.collect();
        let Ok(features) = features else { continue };
        let next = tracks.len();
        let track = *tracks.entry(names.map(text)).or_insert(next);
        if track == told.len() {
            told.push(features);
        }
        let next = playlists.len();
        pairs.push((*playlists.entry(text(playlist)).or_insert(next), track));
    }
    for column in 0..FEATURES.len() {
        let count = told.len().max(1) as f32;
        let mean = told.iter().map(|row| row[column]).sum::<f32>() / count;
        let spread = told
            .iter()
            .map(|row| (row[column] - mean).powi(2))
            .sum::<f32>()
            / count;
        let spread = spread.sqrt().max(f32::MIN_POSITIVE);
        (told.iter_mut()).for_each(|row| row[column] = (row[column] - mean) / spread);
    }
    let attributes = told.into_iter().map(|row| vec![Some(row)]).collect();
    Ok(Kit::new(playlists.len(), pairs.into_iter(), attributes))
}
