//! Cards on annotated rhyme: verse and rap.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use leitmotif_analysis::lyrics::rap::{RapPair, RapPairModel};
use leitmotif_analysis::lyrics::rhyme::Scheme;

use super::card::{Card, Confidence, Data, Metric, Peer, Score, worst};
use super::{blank, peers};
use crate::calibrate::verse::{Verse, judge_english, judge_french, judge_spelled};
use crate::calibrate::{FOLD_COUNT, Sample, cross_validated};
use crate::calibration::{Calibration, Outcome, rounded};
use crate::rap_pairs::read_pairs;
use crate::rhyme::{
    Poem, Stanza, known_stress_share, read_poems, russian_gold, russian_schemes, spelled_schemes,
    suffix_schemes,
};

const PAIR_F1: Metric = Metric {
    name: "pair F1",
    definition: "F-measure of the pairs of lines of a stanza that rhyme; authors are drawn for the interval.",
    source: "van Rijsbergen, Information Retrieval, 1979",
};
const EXACT: Metric = Metric {
    name: "exact scheme",
    definition: "Share of stanzas of two lines or more whose whole scheme is right.",
    source: "exact agreement, as in Reddy & Knight, ACL 2011",
};
const RAP_F1: Metric = Metric {
    name: "F1",
    definition: "F-measure of the syllable pairs that are labelled as rhyming.",
    source: "van Rijsbergen, Information Retrieval, 1979",
};

pub fn cards(kit: &Path) -> anyhow::Result<Vec<Card>> {
    Ok(vec![verse(kit)?, rap(kit)?])
}

/// Rhyming pairs: right, told and wanted.
type Counts = [usize; 3];

fn counts((stanza, scheme): &(Stanza, Scheme)) -> Counts {
    stanza
        .pairs(scheme)
        .fold([0; 3], |[hits, found, wanted], (is_wanted, is_found)| {
            [
                hits + usize::from(is_wanted && is_found),
                found + usize::from(is_found),
                wanted + usize::from(is_wanted),
            ]
        })
}

fn f1(counts: impl Iterator<Item = Counts>) -> f64 {
    let [hits, found, wanted] = counts.fold([0; 3], |sum: Counts, next| {
        [sum[0] + next[0], sum[1] + next[1], sum[2] + next[2]]
    });
    2.0 * hits as f64 / (found + wanted).max(1) as f64
}

fn calibration(
    of: &'static str,
    definition: &'static str,
    samples: &[Sample],
) -> anyhow::Result<Confidence> {
    Ok(Confidence {
        of,
        definition,
        calibration: Calibration::of(&cross_validated(samples)).context("no stanza to judge")?,
    })
}

/// Whether each stanza is right, as values of a mean.
fn exact(verse: &[Sample]) -> Vec<f64> {
    verse
        .iter()
        .map(|sample| f64::from(u8::from(sample.is_right)))
        .collect()
}

/// Counts of each author's pairs, in the order of their names.
fn by_author(poems: &[Poem], verse: &Verse) -> Vec<Counts> {
    let authors = poems.iter().flat_map(|poem| {
        let long = poem.stanzas.iter().filter(|stanza| stanza.words.len() > 1);
        long.map(|_| poem.author.as_str())
    });
    let mut sums: BTreeMap<&str, Counts> = BTreeMap::new();
    for (author, read) in authors.zip(&verse.read) {
        let sum = sums.entry(author).or_default();
        for (total, part) in sum.iter_mut().zip(counts(read)) {
            *total += part;
        }
    }
    sums.into_values().collect()
}

fn verse(kit: &Path) -> anyhow::Result<Card> {
    let poems = read_poems(&kit.join("rhyme_en.dev.pgold"), false)?;
    let english = judge_english(&poems);
    let french_poems = read_poems(&kit.join("rhyme_fr.dev.pgold"), false)?;
    let (french, spelled) = (judge_french(&french_poems), judge_spelled(&french_poems));
    let authors = by_author(&poems, &english);
    let mut scores = vec![
        PAIR_F1.of_items("English, authors held out", authors.len(), |drawn| {
            f1(drawn.iter().map(|&at| authors[at]))
        }),
    ];
    scores.extend(EXACT.mean("English, authors held out", &exact(&english.verse)));
    scores.extend(EXACT.mean(
        "English, authors held out, read as sung",
        &exact(&english.sung),
    ));
    scores.extend(french_scores(&french_poems, &french, &spelled));
    let failures = english
        .read
        .iter()
        .zip(&english.verse)
        .map(|((stanza, _), sample)| {
            let group = match stanza.words.len() {
                lines @ 2..=8 => format!("stanzas of {lines} lines"),
                9..=14 => "stanzas of 9 to 14 lines".to_owned(),
                _ => "stanzas of 15 lines and more".to_owned(),
            };
            (group, f64::from(u8::from(sample.is_right)))
        });
    let russian = read_poems(&russian_gold(), false)?;
    scores.extend(russian_scores(&russian));
    let mut peers = peers::RHYME.to_vec();
    peers.extend(russian_peers(&russian));
    Ok(Card {
        descriptors: vec!["rhyme_scheme", "rhyme_density_ratio", "rhyme_chain_count", "multi_syllable_rhyme_count", "internal_rhyme_count"],
        what: "Which lines of a stanza rhyme. Its confidence is the expected share of stanzas whose scheme is right.",
        unit: "one letter a line",
        data: vec![
            Data { name: "English verse of 25 authors with rhyme schemes", count: english.verse.len(), of: "stanzas", origin: "written, annotated by hand", licence: "public domain, annotations without a licence; evaluation" },
            Data { name: "Russian verse of known form, written down for this", count: russian.iter().map(|poem| poem.stanzas.len()).sum(), of: "stanzas", origin: "written; schemes by the form of the poem", licence: "public domain" },
            Data { name: "French verse with rhyme schemes", count: french.verse.len(), of: "stanzas", origin: "written, annotated by hand", licence: "public domain, annotations without a licence; evaluation" },
        ],
        scores,
        confidences: verse_confidences(&english, &french, &spelled)?,
        peers,
        failures: worst("exact scheme", 0.95, failures),
        notes: vec![
            "The shipped model is fitted on all of the English verse, so each author is read by a model that is fitted on the others."
                .to_owned(),
            "Density, chains and counts of rhymes have no labels: only the schemes under them are validated.".to_owned(),
            "For rap, whose rhymes span syllables within lines, the nearest measure there is are labelled pairs of syllables: see the card \
             *Rap pairs* for what a score learned from them reaches beside vowels and codas alone. No descriptor goes by it."
                .to_owned(),
            format!(
                "Russian is by rule and in beta: of {:.0} % of the line ends the stress is known, of the others every place is weighed. The verse is \
                 classical and regular; songs will score lower, and the confidence is that of languages known by spelling.",
                100.0 * known_stress_share(&russian)
            ),
        ],
        ..blank("rhyme", "Rhyme", "words")
    })
}

fn french_scores(poems: &[Poem], french: &Verse, spelled: &Verse) -> Vec<Score> {
    let authors = by_author(poems, french);
    let f1 = PAIR_F1.of_items("French by rule, authors drawn", authors.len(), |drawn| {
        f1(drawn.iter().map(|&at| authors[at]))
    });
    let exact_of = [
        ("French by rule", &french.verse),
        ("French by rule, read as sung", &french.sung),
        (
            "French by spelling alone, as languages without rules",
            &spelled.verse,
        ),
        ("French by spelling alone, read as sung", &spelled.sung),
    ];
    let exact = exact_of
        .into_iter()
        .flat_map(|(of, read)| EXACT.mean(of, &exact(read)));
    [f1].into_iter().chain(exact).collect()
}

fn verse_confidences(
    english: &Verse,
    french: &Verse,
    spelled: &Verse,
) -> anyhow::Result<Vec<Confidence>> {
    Ok(vec![
        calibration(
            "the scheme of an English stanza",
            "Whether the whole scheme is right; verse of authors that neither the model nor the map saw.",
            &english.verse,
        )?,
        calibration(
            "rhyme_scheme",
            "The same as lyrics are read, as sung: the ear may change what verse expects. Authors that neither the model nor the map saw.",
            &english.sung,
        )?,
        calibration(
            "rhyme_scheme, French",
            "French by rule, read as sung; authors that the weights did not see, seven in five folds.",
            &french.sung,
        )?,
        Confidence {
            of: "rhyme_scheme, other languages",
            definition: "French, read as sung by its spelling alone; authors that the weights did not see, seven in five folds.",
            calibration: Calibration::of(&cross_validated(&spelled.sung))
                .context("no stanza to judge")?,
        },
    ])
}

/// Counts of each poem's pairs, and whether each of its stanzas is whole right.
fn russian_counts(poems: &[Poem], read: impl Fn(&Poem) -> Vec<Scheme>) -> (Vec<Counts>, Vec<f64>) {
    let (mut pairs, mut exact) = (Vec::new(), Vec::new());
    for poem in poems {
        let mut sum = [0; 3];
        for stanza in poem.stanzas.iter().cloned().zip(read(poem)) {
            exact.push(f64::from(u8::from(stanza.0.is_exact(&stanza.1))));
            sum.iter_mut()
                .zip(counts(&stanza))
                .for_each(|(sum, part)| *sum += part);
        }
        pairs.push(sum);
    }
    (pairs, exact)
}

fn russian_scores(poems: &[Poem]) -> Vec<Score> {
    let (pairs, exact) = russian_counts(poems, russian_schemes);
    let f1 = PAIR_F1.of_items("Russian by rule, beta; poems drawn", pairs.len(), |drawn| {
        f1(drawn.iter().map(|&at| pairs[at]))
    });
    let exact = EXACT.mean("Russian by rule, beta", &exact);
    exact.into_iter().chain([f1]).collect()
}

fn russian_peers(poems: &[Poem]) -> Vec<Peer> {
    let peers = |name, (pairs, exact): (Vec<Counts>, Vec<f64>)| {
        let note = "measured by us on the same Russian verse";
        let share = exact.iter().sum::<f64>() / exact.len().max(1) as f64;
        let measured = [
            ("pair F1, Russian", f1(pairs.into_iter())),
            ("exact scheme, Russian", share),
        ];
        measured.map(|(metric, value)| Peer {
            name,
            metric,
            value: rounded(value),
            note,
        })
    };
    let suffixes = russian_counts(poems, suffix_schemes);
    let spelled = russian_counts(poems, |poem| spelled_schemes(poem, "ru"));
    let suffixes = peers("the last two letters equal", suffixes);
    let spelled = peers("by reduced letters, as before", spelled);
    suffixes.into_iter().chain(spelled).collect()
}

fn rap(kit: &Path) -> anyhow::Result<Card> {
    let rows = read_pairs(&kit.join("rap_rhyme_pairs.dev.tsv"))?;
    let (mut judged, mut told, mut outcomes) = (Vec::new(), Vec::new(), Vec::<Outcome>::new());
    for fold in 0..FOLD_COUNT {
        let part = |is_wanted: bool| -> Vec<(RapPair, bool)> {
            let chosen = rows
                .iter()
                .enumerate()
                .filter(|(at, _)| (at % FOLD_COUNT == fold) == is_wanted);
            chosen.map(|(_, row)| row.clone()).collect()
        };
        let model = RapPairModel::fit(&part(false));
        for (pair, rhymes) in part(true) {
            told.push((model.is_rhyme(&pair), rhymes));
            outcomes.push((f64::from(model.score(&pair)), rhymes));
            judged.push(pair);
        }
    }
    let count = |(is_found, is_wanted): (bool, bool)| {
        [
            usize::from(is_found && is_wanted),
            usize::from(is_found),
            usize::from(is_wanted),
        ]
    };
    let failures = judged
        .iter()
        .zip(&told)
        .map(|(pair, (is_found, is_wanted))| {
            let group = match pair.bars_apart {
                0 => "in one bar".to_owned(),
                1 => "one bar apart".to_owned(),
                _ => "two bars apart and more".to_owned(),
            };
            (group, f64::from(u8::from(is_found == is_wanted)))
        });
    Ok(Card {
        what: "Whether two syllables of rap were set to rhyme, learned from labelled pairs; no descriptor goes by it yet, as the \
            pairs have no licence to ship a model of.",
        unit: "probability",
        data: vec![Data {
            name: "rap syllable pairs, each fifth of the rows held out in turn",
            count: judged.len(),
            of: "pairs",
            origin: "performed; facts derived from transcriptions",
            licence: "source states none; evaluation only",
        }],
        scores: vec![RAP_F1.of_items("held-out rows", told.len(), |drawn| f1(drawn.iter().map(|&at| count(told[at]))))],
        confidences: vec![Confidence {
            of: "a pair's score",
            definition: "Whether the pair is labelled as rhyming; rows that neither the weights nor the scaling saw.",
            calibration: Calibration::of(&outcomes).context("no pair to judge")?,
        }],
        peers: vec![Peer { name: "log odds of vowels and codas", metric: "F1", value: 0.679, note: "measured by us on the same pairs" }],
        failures: worst("share right", 0.9, failures),
        notes: vec!["`multi_syllable_rhyme_count` and `internal_rhyme_count` of rap go by the rule of the card *Rhyme*, not by this learned score, \
            which cannot be shipped: it says what labels of syllables would bring.".to_owned(),
            "The file names no songs, so rows of one song stand on both sides: new songs will score lower.".to_owned()],
        ..blank("rap-pairs", "Rap pairs", "words")
    })
}
