//! Cards on what is learned from a tenant's own data: the lyrics space, heads.

use std::path::Path;

use super::blank;
use super::card::{Card, Data, Failure, Metric, worst};
use crate::heads::{Measured, judge_labels};
use crate::lyrics_embedding::{halves_ranked, read_texts, unseen_ranked};

const MRR: Metric = Metric {
    name: "MRR",
    definition: "Mean of one over the rank at which the other half of a text is found among all halves of its kind, in both directions.",
    source: "Voorhees, TREC-8, 1999",
};
const AVERAGE_PRECISION: Metric = Metric {
    name: "average precision",
    definition: "Area under precision by recall of a label on artists that its head has not seen, mean over labels; the interval \
        draws labels.",
    source: "Zhu, 2004, as scikit-learn computes it",
};

pub fn cards(data: &Path) -> anyhow::Result<Vec<Card>> {
    let table = data.join("recsys/spotify-features/spotify_songs_5k.csv.gz");
    Ok(vec![lyrics_space(&data.join("lyrics"))?, heads(&table)?])
}

fn lyrics_space(kit: &Path) -> anyhow::Result<Card> {
    let texts = read_texts(kit)?;
    let ranks = halves_ranked(&texts)?;
    let of = |name: &str| {
        let found = ranks.iter().find(|(system, _)| *system == name);
        found.map(|(_, ranks)| ranks.clone()).unwrap_or_default()
    };
    let later = unseen_ranked(&texts)?;
    let later = later.into_iter().find(|(system, _)| *system == "learned");
    let later = later.map(|(_, ranks)| ranks).unwrap_or_default();
    let learned = of("learned");
    let by_author = texts.iter().map(|text| text.author.clone());
    let scores = [
        MRR.mean("halves of poems, the space learned from both", &learned),
        MRR.mean("poems that came after the learning", &later),
        MRR.mean("tf-idf cosine on the same halves", &of("tf_idf")),
        MRR.mean(
            "the space `leitmotif-words-1` that needs no learning",
            &of("hashed"),
        ),
    ];
    Ok(Card {
        what: "Vectors of lyrics in a space learned from the tenant's own songs; likeness is the cosine.",
        unit: "128 numbers of unit length",
        data: vec![Data {
            name: "poems of Byron, Housman, Lovelace and Swift, cut into texts of 8 to 48 lines",
            count: texts.len(),
            of: "texts",
            origin: "written",
            licence: "public domain",
        }],
        scores: scores.into_iter().flatten().collect(),
        failures: worst("MRR", 0.3, by_author.zip(learned)),
        notes: vec![
            "Way and settings were chosen on these poems, so the numbers lean optimistic. That the space is ahead of tf-idf is not \
             certain."
                .to_owned(),
            "Whether listeners hear likeness in it was not measured: no lyrics with such labels are in the kit.".to_owned(),
        ],
        ..blank("lyrics-space", "Lyrics space", "words")
    })
}

fn heads(table: &Path) -> anyhow::Result<Card> {
    let labels = judge_labels(table)?;
    let tracks = labels.iter().filter(|one| one.label.starts_with("genre:"));
    let judged = || labels.iter().filter_map(|one| Some((one, one.measure?)));
    let of = |measure: &dyn Fn(&Measured, f64, f64) -> f64| -> Vec<f64> {
        let values = judged().map(|(one, m)| measure(one, m.average_precision.value, m.prevalence));
        values.collect()
    };
    let told = judged()
        .filter(|(_, measure)| measure.is_above_bar())
        .count();
    let scores = [
        AVERAGE_PRECISION.mean("genres and sub-genres", &of(&|_, precision, _| precision)),
        AVERAGE_PRECISION.mean(
            "a vote of the 25 nearest tracks",
            &of(&|one, _, _| one.votes),
        ),
        AVERAGE_PRECISION.mean(
            "a guess by how usual the label is",
            &of(&|_, _, usual| usual),
        ),
    ];
    Ok(Card {
        descriptors: vec!["genre", "mood", "valence", "liveness"],
        what: "Labels and values that heads tell, trained on the tenant's own labels; each trained head shows its own \
            cross-validated numbers beside this card.",
        unit: "labels with probabilities",
        data: vec![Data {
            name: "tracks with audio features of Spotify and the genres of the playlists they were found in (a track of several genres \
                counts for each)",
            count: tracks.map(|one| one.tracks).sum(),
            of: "tracks",
            origin: "table",
            licence: "none stated, evaluation only",
        }],
        scores: scores.into_iter().flatten().collect(),
        failures: worst_labels(&labels),
        notes: vec![
            format!(
                "Of {} labels {told} pass the bar above which a label is shown: eleven numbers of another service say little of \
                 them, and that is what the bar is for.",
                judged().count()
            ),
            "Our own embedding and descriptors are many more columns; songs of our own synthesiser are told without a fault by them, \
             which is too easy to count. No recorded music with labels and a free licence was measured."
                .to_owned(),
        ],
        ..blank("heads", "Heads", "sound")
    })
}

/// The labels that are told worst, with the tracks that carry them.
fn worst_labels(labels: &[Measured]) -> Vec<Failure> {
    let precision =
        |one: &Measured| Some((one.label.clone(), one.measure?.average_precision.value));
    let mut failures = worst(
        "average precision",
        0.5,
        labels.iter().filter_map(precision),
    );
    for failure in &mut failures {
        let label = labels.iter().find(|one| one.label == failure.group);
        failure.count = label.map_or(0, |one| one.tracks);
    }
    failures
}
