//! The `audio-embedding` measurement: does the nearest vector sound alike?

pub mod degrade;
mod usual_statistics;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use leitmotif_analysis::audio::{
    AUDIO_EMBEDDING_DIMENSIONS, AUDIO_EMBEDDING_SPACE, DecodeLimits, analyze_audio, decode_bytes,
    embedding_statistics, resample_to_mono,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::random::Random;
use degrade::{Degradation, MEASURED, buffer, degrade, drawn, has_ffmpeg};
use usual_statistics::usual_statistics;

/// Neighbours that vote on a style.
const NEIGHBOURS: usize = 5;
/// Tempo of a clip without one in the usual statistics, where librosa would report its prior.
const TEMPO_UNKNOWN_BPM: f64 = 120.0;

/// Retrieval by the audio embedding, beside the 57 statistics usual with librosa: another excerpt of
/// the song, a degraded copy, a clip in the same style.
#[derive(clap::Args)]
pub struct Args {
    /// Folder with `labels.csv` and the clips.
    #[arg(long)]
    data: PathBuf,
    /// Clips analysed at the same time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Print the style of each synthesised clip and of its neighbours.
    #[arg(long)]
    verbose: bool,
    /// Measure nothing; print the unprojected statistics of excerpts and randomly degraded copies, one
    /// line of JSON each, to fit the projection on.
    #[arg(long)]
    statistics: bool,
}

struct Label {
    file: String,
    /// Clips of one song have one name; the file name where the kit does not tell.
    song: String,
    /// Style, of synthesised clips only.
    style: Option<String>,
}

/// One excerpt or copy, as both systems see it.
#[derive(Clone)]
struct Seen {
    embedding: Vec<f64>,
    usual: Vec<f64>,
}

struct Clip {
    label: Label,
    whole: Seen,
    halves: [Seen; 2],
    copies: Vec<(&'static str, Seen)>,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let labels = read_labels(args)?;
    let can_mp3 = has_ffmpeg();
    if !can_mp3 {
        eprintln!(
            "SKIPPED: no `ffmpeg` on the path, so no MP3 copies; the mean is over the others"
        );
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs.max(1))
        .build()?;
    if args.statistics {
        return pool.install(|| print_statistics(args, &labels, can_mp3));
    }
    let clips: Vec<Clip> = pool.install(|| {
        labels
            .into_par_iter()
            .map(|label| see_clip(args, label, can_mp3))
            .collect::<anyhow::Result<_>>()
    })?;
    if args.verbose {
        print_neighbours(&clips);
    }
    let embedding = measure(&clips, &|seen: &[&Seen]| {
        seen.iter().map(|seen| seen.embedding.clone()).collect()
    });
    let usual = measure(&clips, &standardised);
    Ok(json!({
        "space": AUDIO_EMBEDDING_SPACE,
        "dimensions": AUDIO_EMBEDDING_DIMENSIONS,
        "clips": clips.len(),
        "mp3_skipped": !can_mp3,
        "embedding": embedding,
        "usual_57": usual,
    }))
}

fn read_labels(args: &Args) -> anyhow::Result<Vec<Label>> {
    let path = args.data.join("labels.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| path.display().to_string())?;
    let mut labels = Vec::new();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row?;
        let field = |name: &str| row.get(name).filter(|value| !value.is_empty()).cloned();
        let file = field("file").context("no column `file`")?;
        let is_synth = field("kind").is_some_and(|kind| kind == "synth");
        labels.push(Label {
            song: field("song").unwrap_or_else(|| file.clone()),
            style: field("style")
                .or_else(|| field("genre"))
                .filter(|_| is_synth),
            file,
        });
    }
    Ok(labels)
}

fn read_mono(args: &Args, file: &str) -> anyhow::Result<Vec<f32>> {
    let path = args.data.join(file);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    let audio = decode_bytes(&bytes, extension, &DecodeLimits::default())
        .with_context(|| file.to_owned())?;
    Ok(resample_to_mono(&audio)?)
}

fn see_clip(args: &Args, label: Label, can_mp3: bool) -> anyhow::Result<Clip> {
    let samples = read_mono(args, &label.file)?;
    let (first, second) = samples.split_at(samples.len() / 2);
    let mut random = Random(17);
    let mut copies = Vec::new();
    for (name, degradation) in MEASURED {
        if can_mp3 || degradation != Degradation::Mp3 {
            copies.push((name, see(degrade(&samples, degradation, &mut random)?)?));
        }
    }
    Ok(Clip {
        halves: [see(first.to_vec())?, see(second.to_vec())?],
        whole: see(samples)?,
        copies,
        label,
    })
}

/// Prints the whole and both halves of each clip, clean and degraded.
fn print_statistics(args: &Args, labels: &[Label], can_mp3: bool) -> anyhow::Result<Value> {
    let lines = |(index, label): (usize, &Label)| -> anyhow::Result<Vec<Value>> {
        let samples = read_mono(args, &label.file)?;
        let middle = samples.len() / 2;
        let parts = [
            ("whole", &samples[..]),
            ("first", &samples[..middle]),
            ("second", &samples[middle..]),
        ];
        let mut random = Random(index as u64 + 1);
        let mut lines = Vec::new();
        for (part, samples) in parts {
            let mut line = |how: &str, samples: Vec<f32>| -> anyhow::Result<()> {
                let statistics = embedding_statistics(&buffer(samples))?;
                let style = &label.style;
                lines.push(json!({"song": label.song, "style": style, "part": part, "how": how, "statistics": statistics}));
                Ok(())
            };
            line("clean", samples.to_vec())?;
            for degradation in drawn(&mut random, can_mp3) {
                let copy = degrade(samples, degradation, &mut random)?;
                line(&format!("{degradation:?}"), copy)?;
            }
        }
        Ok(lines)
    };
    let all: Vec<Vec<Value>> = labels
        .par_iter()
        .enumerate()
        .map(lines)
        .collect::<anyhow::Result<_>>()?;
    for line in all.iter().flatten() {
        println!("{line}");
    }
    Ok(json!({"clips": labels.len(), "lines": all.iter().map(Vec::len).sum::<usize>()}))
}

fn see(samples: Vec<f32>) -> anyhow::Result<Seen> {
    let audio = buffer(samples);
    let analysis = analyze_audio(&audio)?;
    let mut descriptors = analysis.descriptors.iter();
    let tempo = descriptors.find(|found| found.name == "tempo_bpm");
    let tempo_bpm = tempo.and_then(|found| found.value.as_f64());
    let embedding = analysis.embedding.iter().map(|&v| f64::from(v));
    Ok(Seen {
        embedding: embedding.collect(),
        usual: usual_statistics(&audio.samples, tempo_bpm.unwrap_or(TEMPO_UNKNOWN_BPM)),
    })
}

/// The usual statistics less their mean over these clips, over their deviation.
fn standardised(seen: &[&Seen]) -> Vec<Vec<f64>> {
    let count = seen.len().max(1) as f64;
    let width = seen.first().map_or(0, |seen| seen.usual.len());
    let column = |index: usize| seen.iter().map(move |seen| seen.usual[index]);
    let scales: Vec<(f64, f64)> = (0..width)
        .map(|index| {
            let mean = column(index).sum::<f64>() / count;
            let squares = column(index).map(|value| (value - mean) * (value - mean));
            (mean, (squares.sum::<f64>() / count).sqrt().max(1e-12))
        })
        .collect();
    let scaled = |seen: &&Seen| {
        let values = seen.usual.iter().zip(&scales);
        values
            .map(|(value, (mean, deviation))| (value - mean) / deviation)
            .collect()
    };
    seen.iter().map(scaled).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}

/// Rank of the right vector for each query, from 1; ties count against it.
fn ranks(queries: &[Vec<f64>], gallery: &[Vec<f64>]) -> Vec<usize> {
    let rank = |(index, query): (usize, &Vec<f64>)| {
        let right = cosine(query, &gallery[index]);
        let others = gallery
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        1 + others
            .filter(|(_, vector)| cosine(query, vector) >= right)
            .count()
    };
    queries.iter().enumerate().map(rank).collect()
}

fn mean_reciprocal(ranks: &[usize]) -> f64 {
    ranks.iter().map(|&rank| 1.0 / rank as f64).sum::<f64>() / ranks.len().max(1) as f64
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Turns what was seen into the vectors that are compared. Queries and gallery go in together.
type ToVectors<'a> = &'a dyn Fn(&[&Seen]) -> Vec<Vec<f64>>;

fn measure(clips: &[Clip], vectors_of: ToVectors<'_>) -> Value {
    let retrieve = |queries: Vec<&Seen>, gallery: Vec<&Seen>| {
        let count = queries.len();
        let all = vectors_of(&[queries, gallery].concat());
        let (queries, gallery) = all.split_at(count);
        ranks(queries, gallery)
    };
    let half = |which: usize| clips.iter().map(|clip| &clip.halves[which]).collect();
    let excerpts = retrieve(half(0), half(1));
    let hits = excerpts.iter().filter(|&&rank| rank == 1).count();
    let copy_count = clips.first().map_or(0, |clip| clip.copies.len());
    let mut copies = serde_json::Map::new();
    let mut total = 0.0;
    for index in 0..copy_count {
        let queries = clips.iter().map(|clip| &clip.copies[index].1).collect();
        let originals = clips.iter().map(|clip| &clip.whole).collect();
        let mrr = mean_reciprocal(&retrieve(queries, originals));
        total += mrr;
        copies.insert(clips[0].copies[index].0.to_owned(), json!(rounded(mrr)));
    }
    let wholes: Vec<&Seen> = clips.iter().map(|clip| &clip.whole).collect();
    let (right, styled) = style_accuracy(clips, &vectors_of(&wholes));
    json!({
        "excerpt_mrr": rounded(mean_reciprocal(&excerpts)),
        "excerpt_hit_at_1": rounded(hits as f64 / excerpts.len().max(1) as f64),
        "copy_mrr": rounded(total / copy_count.max(1) as f64),
        "copies": copies,
        "style_knn": rounded(right as f64 / styled.max(1) as f64),
        "style_count": styled,
    })
}

/// Indices of the nearest styled clips of other songs, nearest first.
fn neighbours(clips: &[Clip], vectors: &[Vec<f64>], index: usize) -> Vec<usize> {
    let is_other = |&other: &usize| {
        let (this, other) = (&clips[index].label, &clips[other].label);
        other.style.is_some() && other.song != this.song
    };
    let mut others: Vec<usize> = (0..clips.len()).filter(is_other).collect();
    let likeness = |other: usize| cosine(&vectors[index], &vectors[other]);
    others.sort_by(|&a, &b| likeness(b).total_cmp(&likeness(a)));
    others.truncate(NEIGHBOURS);
    others
}

/// The style with most votes; of equals the one whose first voter is nearer.
fn vote<'a>(styles: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut votes: Vec<(&str, usize)> = Vec::new();
    for style in styles {
        match votes.iter_mut().find(|(known, _)| *known == style) {
            Some((_, count)) => *count += 1,
            None => votes.push((style, 1)),
        }
    }
    let most = votes.iter().map(|(_, count)| *count).max()?;
    votes
        .iter()
        .find(|(_, count)| *count == most)
        .map(|(style, _)| *style)
}

/// Right guesses and clips with a style.
fn style_accuracy(clips: &[Clip], vectors: &[Vec<f64>]) -> (usize, usize) {
    let styled = (0..clips.len()).filter(|&index| clips[index].label.style.is_some());
    styled.fold((0, 0), |(right, count), index| {
        let near = neighbours(clips, vectors, index);
        let guess = vote(near.iter().filter_map(|&i| clips[i].label.style.as_deref()));
        let is_right = guess == clips[index].label.style.as_deref();
        (right + usize::from(is_right), count + 1)
    })
}

fn print_neighbours(clips: &[Clip]) {
    let vectors: Vec<Vec<f64>> = (clips.iter())
        .map(|clip| clip.whole.embedding.clone())
        .collect();
    for (index, clip) in clips.iter().enumerate() {
        let near = neighbours(clips, &vectors, index);
        let styles: Vec<_> = near
            .iter()
            .map(|&i| clips[i].label.style.as_deref())
            .collect();
        println!(
            "{}",
            json!({"file": clip.label.file, "style": clip.label.style, "near": styles})
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_what_is_nearer() {
        let gallery = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.1]];
        let queries = vec![vec![1.0, 0.01], vec![0.6, 0.5], vec![1.0, 0.0]];
        assert_eq!(ranks(&queries, &gallery), [1, 3, 2]);
        assert!((mean_reciprocal(&[1, 2, 4]) - 7.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn votes_break_ties_by_nearness() {
        assert_eq!(vote(["b", "a", "a", "b", "c"].into_iter()), Some("b"));
        assert_eq!(vote(["b", "a", "a"].into_iter()), Some("a"));
        assert_eq!(vote(std::iter::empty()), None);
    }

    #[test]
    fn standardised_statistics_have_unit_deviation() {
        let seen = |value: f64| Seen {
            embedding: Vec::new(),
            usual: vec![value, 3.0],
        };
        let (a, b) = (seen(1.0), seen(3.0));
        assert_eq!(standardised(&[&a, &b]), [vec![-1.0, 0.0], vec![1.0, 0.0]]);
    }
}
