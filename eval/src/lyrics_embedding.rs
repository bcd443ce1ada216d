//! The `lyrics-embedding` measurement: is the nearest text the other half, or by the same hand?

mod cooccurrence;
mod cost;
mod poems;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use leitmotif_analysis::lyrics::embedding::embed as hashed_words;
use leitmotif_analysis::lyrics::{LyricsCorpus, LyricsSpace, analyze_lyrics, lyrics_words};
use serde_json::{Value, json};

use crate::calibration::{interval, mean_with_interval, rounded};
use cooccurrence::Cooccurrence;
pub use poems::{Text, read_texts};

/// Neighbours that vote on an author.
const NEIGHBOURS: usize = 5;

/// Retrieval by lyrics embeddings, on verse: the other half of a text, other texts of its author; what
/// learning costs on a generated corpus.
#[derive(clap::Args)]
pub struct Args {
    /// Folder with `poems_en_*.txt`.
    #[arg(long)]
    data: PathBuf,
    /// Songs of the generated corpus; 0 leaves it out.
    #[arg(long, default_value_t = 57_000)]
    songs: usize,
}

/// A vector, sparse for word weights.
type Vector = BTreeMap<usize, f64>;

/// What is compared: texts in, a vector each.
type Embedder<'a> = Box<dyn Fn(&str) -> Vector + 'a>;

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let texts = read_texts(&args.data)?;
    let wholes: Vec<String> = texts.iter().map(Text::whole).collect();
    let pairs = halves_by_system(&texts)?;
    let authors = authors_by_system(&texts, &wholes)?;
    let unseen: BTreeMap<&str, Value> = (unseen_ranked(&texts)?.iter())
        .map(|(name, ranks)| (*name, told_ranks(ranks)))
        .collect();
    let cost = match args.songs {
        0 => Value::Null,
        songs => cost::measure(songs)?,
    };
    Ok(json!({
        "texts": texts.len(),
        "titles": texts.iter().filter(|text| text.is_first).count(),
        "halves": pairs,
        "halves_learned_elsewhere": unseen,
        "authors": authors,
        "cost": cost,
    }))
}

/// The systems over one corpus; none of them sees authors or which halves belong together.
fn systems(corpus: &[String]) -> anyhow::Result<Vec<(&'static str, Embedder<'_>)>> {
    let words: Vec<Vec<String>> = corpus.iter().map(|text| lyrics_words(text)).collect();
    let mut counted = LyricsCorpus::default();
    for words in &words {
        counted.add(words.iter().map(String::as_str));
    }
    let learned = LyricsSpace::learn(counted, &mut |_, _| {})?;
    let weights = inverse_frequencies(&words);
    let cooccurrence = Cooccurrence::learn(&words);
    Ok(vec![
        (
            "learned",
            Box::new(move |text| {
                let words = lyrics_words(text);
                dense(learned.embed(words.iter().map(String::as_str)))
            }),
        ),
        (
            "tf_idf",
            Box::new(move |text| weighed(&lyrics_words(text), &weights)),
        ),
        (
            "ppmi_sif",
            Box::new(move |text| dense(cooccurrence.embed(&lyrics_words(text)))),
        ),
        (
            "hashed",
            Box::new(|text| dense(Some(analyze_lyrics(text).embedding))),
        ),
        (
            "hashed_words_only",
            Box::new(|text| {
                let words = lyrics_words(text);
                dense(Some(hashed_words(words.iter().map(String::as_str), &[])))
            }),
        ),
    ])
}

/// Reciprocal ranks of texts by system.
pub type Ranks = Vec<(&'static str, Vec<f64>)>;

/// Both halves of every text: each asks for the other among all of its kind.
pub fn halves_ranked(texts: &[Text]) -> anyhow::Result<Ranks> {
    let halves: Vec<String> = (0..2)
        .flat_map(|half| texts.iter().map(move |text| text.halves[half].clone()))
        .collect();
    let rank = |(name, embed): (&'static str, Embedder<'_>)| {
        let vectors: Vec<Vector> = halves.iter().map(|half| embed(half)).collect();
        (name, reciprocal_ranks(&vectors, texts.len()))
    };
    Ok(systems(&halves)?.into_iter().map(rank).collect())
}

fn halves_by_system(texts: &[Text]) -> anyhow::Result<Value> {
    let mut answer = serde_json::Map::new();
    let mut learned = Vec::new();
    for (name, ranks) in halves_ranked(texts)? {
        let mut told = told_ranks(&ranks);
        if name == "learned" {
            learned.clone_from(&ranks);
        } else {
            told["learned_is_better_by"] = difference(&learned, &ranks);
        }
        answer.insert(name.to_owned(), told);
    }
    let count = texts.len();
    let chance = (1..=count).map(|rank| 1.0 / rank as f64).sum::<f64>() / count.max(1) as f64;
    answer.insert("chance".to_owned(), json!({"mrr": rounded(chance)}));
    Ok(Value::Object(answer))
}

/// Learned from every second text, asked of the others: songs that come after the learning.
pub fn unseen_ranked(texts: &[Text]) -> anyhow::Result<Ranks> {
    let mut ranks: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for part in 0..2 {
        let of_part = |wanted: usize| {
            let numbered = texts.iter().enumerate();
            numbered.filter(move |(place, _)| place % 2 == wanted)
        };
        let corpus: Vec<String> = of_part(1 - part).map(|(_, text)| text.whole()).collect();
        let asked: Vec<&Text> = of_part(part).map(|(_, text)| text).collect();
        for (name, embed) in systems(&corpus)? {
            let halves = (0..2).flat_map(|half| asked.iter().map(move |text| &text.halves[half]));
            let vectors: Vec<Vector> = halves.map(|half| embed(half)).collect();
            let found = reciprocal_ranks(&vectors, asked.len());
            ranks.entry(name).or_default().extend(found);
        }
    }
    Ok(ranks.into_iter().collect())
}

/// Nearest titles of other poems vote on the author.
fn authors_by_system(texts: &[Text], wholes: &[String]) -> anyhow::Result<Value> {
    let judged: Vec<usize> = (0..texts.len()).filter(|&at| texts[at].is_first).collect();
    let mut answer = serde_json::Map::new();
    for (name, embed) in systems(wholes)? {
        let vectors: Vec<Vector> = judged.iter().map(|&at| embed(&wholes[at])).collect();
        let right: Vec<bool> = (0..judged.len())
            .map(|place| {
                let guess = guessed_author(texts, &judged, &vectors, place);
                guess == Some(texts[judged[place]].author.as_str())
            })
            .collect();
        let hit = |at: usize| f64::from(u8::from(right[at]));
        let accuracy =
            |drawn: &[usize]| drawn.iter().map(|&at| hit(at)).sum::<f64>() / drawn.len() as f64;
        let balanced = |drawn: &[usize]| {
            let mut by_author: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
            for &at in drawn {
                let sums = by_author.entry(&texts[judged[at]].author).or_default();
                *sums = (sums.0 + hit(at), sums.1 + 1.0);
            }
            by_author
                .values()
                .map(|(hits, all)| hits / all)
                .sum::<f64>()
                / by_author.len() as f64
        };
        let every: Vec<usize> = (0..judged.len()).collect();
        let told = json!({
            "knn": rounded(accuracy(&every)),
            "knn_interval": interval(judged.len(), accuracy),
            "balanced_knn": rounded(balanced(&every)),
            "balanced_knn_interval": interval(judged.len(), balanced),
        });
        answer.insert(name.to_owned(), told);
    }
    let authors: BTreeSet<&str> = texts.iter().map(|text| text.author.as_str()).collect();
    let mut counts: Vec<usize> = (authors.iter())
        .map(|author| {
            judged
                .iter()
                .filter(|&&at| texts[at].author == **author)
                .count()
        })
        .collect();
    counts.sort_unstable();
    let most = counts.last().copied().unwrap_or(0) as f64 / judged.len().max(1) as f64;
    let chance =
        json!({"knn": rounded(most), "balanced_knn": rounded(1.0 / authors.len().max(1) as f64)});
    answer.insert("most_frequent".to_owned(), chance);
    Ok(Value::Object(answer))
}

fn guessed_author<'a>(
    texts: &'a [Text],
    judged: &[usize],
    vectors: &[Vector],
    place: usize,
) -> Option<&'a str> {
    let poem = &texts[judged[place]].poem;
    let mut others: Vec<(f64, usize)> = (0..judged.len())
        .filter(|&other| texts[judged[other]].poem != *poem)
        .map(|other| (cosine(&vectors[place], &vectors[other]), judged[other]))
        .collect();
    others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    others.truncate(NEIGHBOURS);
    let votes = |author: &str| {
        others
            .iter()
            .filter(|(_, at)| texts[*at].author == author)
            .count()
    };
    let most = others
        .iter()
        .map(|(_, at)| votes(&texts[*at].author))
        .max()?;
    // Of equals the one whose first voter is nearer.
    let nearest = others.iter().map(|(_, at)| texts[*at].author.as_str());
    nearest.into_iter().find(|author| votes(author) == most)
}

/// Reciprocal ranks of both directions for each text; ties count against it.
fn reciprocal_ranks(vectors: &[Vector], texts: usize) -> Vec<f64> {
    let (first, second) = vectors.split_at(texts);
    let rank = |queries: &[Vector], gallery: &[Vector], at: usize| {
        let right = cosine(&queries[at], &gallery[at]);
        let others = (0..texts).filter(|&other| other != at);
        let nearer = others.filter(|&other| cosine(&queries[at], &gallery[other]) >= right);
        1.0 / (1 + nearer.count()) as f64
    };
    (0..texts)
        .map(|at| (rank(first, second, at) + rank(second, first, at)) / 2.0)
        .collect()
}

fn told_ranks(ranks: &[f64]) -> Value {
    let (mrr, interval) = mean_with_interval(ranks).unwrap_or_default();
    json!({"mrr": mrr, "interval": interval})
}

/// The mean gain with its paired interval.
fn difference(one: &[f64], other: &[f64]) -> Value {
    let gains: Vec<f64> = one
        .iter()
        .zip(other)
        .map(|(one, other)| one - other)
        .collect();
    let (mean, interval) = mean_with_interval(&gains).unwrap_or_default();
    json!({"mean": mean, "interval": interval})
}

fn dense(vector: Option<Vec<f32>>) -> Vector {
    let values = vector.unwrap_or_default().into_iter().map(f64::from);
    values.enumerate().collect()
}

/// `ln(texts / texts with the word)`, the plain weight of a word.
fn inverse_frequencies(texts: &[Vec<String>]) -> BTreeMap<String, (usize, f64)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        let different: BTreeSet<&str> = text.iter().map(String::as_str).collect();
        for word in different {
            *counts.entry(word).or_default() += 1;
        }
    }
    let weight = |count: usize| (texts.len() as f64 / count as f64).ln();
    (counts.into_iter().enumerate())
        .map(|(place, (word, count))| (word.to_owned(), (place, weight(count))))
        .collect()
}

fn weighed(words: &[String], weights: &BTreeMap<String, (usize, f64)>) -> Vector {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let known = counts.into_iter().filter_map(|(word, count)| {
        let (place, weight) = weights.get(word)?;
        Some((*place, (1.0 + f64::from(count)).ln() * weight))
    });
    known.collect()
}

fn cosine(a: &Vector, b: &Vector) -> f64 {
    let square = |vector: &Vector| vector.values().map(|value| value * value).sum::<f64>();
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let products = short
        .iter()
        .filter_map(|(place, value)| Some(value * long.get(place)?));
    products.sum::<f64>() / (square(a) * square(b)).sqrt().max(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f64]) -> Vector {
        values.iter().copied().enumerate().collect()
    }

    #[test]
    fn ranks_are_of_both_directions_and_ties_count_against() {
        // The first half of text 0 is nearer to the second half of text 1 than to its own; back from its own
        // second half it is the nearest.
        let vectors = [[1.0, 0.1], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0]].map(|v| vector(&v));
        let ranks = reciprocal_ranks(&vectors, 2);
        assert_eq!(ranks, [(0.5 + 1.0) / 2.0, (0.5 + 0.5) / 2.0]);
        assert_eq!(reciprocal_ranks(&vec![vector(&[1.0]); 4], 2), [0.5, 0.5]);
    }

    #[test]
    fn plain_weights_fall_with_the_number_of_texts() {
        let texts = [["a", "b"], ["a", "c"]].map(|text| text.map(str::to_owned).to_vec());
        let weights = inverse_frequencies(&texts);
        assert_eq!((weights["a"].1, weights["b"].1), (0.0, 2.0f64.ln()));
        let weighed = weighed(&["b".to_owned(), "x".to_owned()], &weights);
        assert_eq!(weighed, BTreeMap::from([(1, 2.0f64.ln() * 2.0f64.ln())]));
    }
}
