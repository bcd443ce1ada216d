//! Answers on annotated verse: rhyme schemes that are whole right.

use std::collections::BTreeSet;

use leitmotif_analysis::lyrics::rhyme::{
    AnnotatedPoem, EndWord, RhymeModel, Scheme, SpelledRime, scheme_terms,
};
use rayon::prelude::*;

use super::{FOLD_COUNT, Sample};
use crate::rhyme::{Poem, Stanza};

pub const HEADER: &str = "\
//! Weights of the evidence in the confidence of a rhyme scheme: of the terms in `confidence.rs`, and the
//! offset.
//!
//! Fitted on annotated verse of the public domain: English by models that did not see the author, five
//! folds; French by rule, and by spelling for other languages, neither of which is learned. Not edited by
//! hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate rhyme --english VERSE.pgold --french VERSE.pgold --out crates/analysis/src/lyrics/rhyme/confidence_weights.rs
//! cargo fmt --all
//! ```
";

/// Stanzas of two lines or more, read as on the page and as sung.
#[derive(Default)]
pub struct Verse {
    pub verse: Vec<Sample>,
    pub sung: Vec<Sample>,
    /// The schemes behind `verse`, with the stanza that each is of.
    pub read: Vec<(Stanza, Scheme)>,
}

/// The fold of each author, in the order of their names.
fn folds(poems: &[Poem]) -> impl Fn(&Poem) -> usize {
    let authors: BTreeSet<String> = poems.iter().map(|poem| poem.author.clone()).collect();
    let authors: Vec<String> = authors.into_iter().collect();
    move |poem: &Poem| authors.binary_search(&poem.author).unwrap_or(0) % FOLD_COUNT
}

/// Reads each author's English verse by a model of the other folds.
pub fn judge_english(poems: &[Poem]) -> Verse {
    let fold_of = folds(poems);
    let settings = RhymeModel::embedded().settings;
    let annotated: Vec<AnnotatedPoem> = poems.iter().map(annotated).collect();
    let assigned: Vec<usize> = poems.iter().map(fold_of).collect();
    let models: Vec<RhymeModel> = (0..FOLD_COUNT)
        .into_par_iter()
        .map(|fold| {
            let others = annotated
                .iter()
                .zip(&assigned)
                .filter(|(_, own)| **own != fold);
            RhymeModel::fit(&others.map(|(poem, _)| poem).collect::<Vec<_>>(), settings)
        })
        .collect();
    let mut judged = Verse::default();
    for ((poem, annotated), fold) in poems.iter().zip(&annotated).zip(assigned) {
        let words: Vec<Vec<EndWord>> = annotated
            .stanzas
            .iter()
            .map(|(words, _)| words.clone())
            .collect();
        let model = &models[fold];
        judged.take(
            poem,
            fold,
            &model.schemes(&words),
            &model.sung_schemes(&words),
        );
    }
    judged
}

/// Reads French verse by its rules, which are not learned.
pub fn judge_french(poems: &[Poem]) -> Verse {
    let model = RhymeModel::embedded();
    let read = |poem: &Poem| {
        let ends: Vec<_> = poem.stanzas.iter().map(Stanza::french_ends).collect();
        [
            model.french_schemes(&ends),
            model.french_sung_schemes(&ends),
        ]
    };
    judge_by(poems, read)
}

/// Reads French verse by its spelling alone, for languages that have no rules here.
pub fn judge_spelled(poems: &[Poem]) -> Verse {
    let model = RhymeModel::embedded();
    let read = |poem: &Poem| {
        let rimes: Vec<Vec<SpelledRime>> = poem
            .stanzas
            .iter()
            .map(|stanza| stanza.rimes("fr"))
            .collect();
        [
            model.spelled_schemes(&rimes),
            model.spelled_sung_schemes(&rimes),
        ]
    };
    judge_by(poems, read)
}

fn judge_by(poems: &[Poem], read: impl Fn(&Poem) -> [Vec<Scheme>; 2]) -> Verse {
    let fold_of = folds(poems);
    let mut judged = Verse::default();
    for poem in poems {
        let [verse, sung] = read(poem);
        judged.take(poem, fold_of(poem), &verse, &sung);
    }
    judged
}

fn annotated(poem: &Poem) -> AnnotatedPoem {
    let stanza = |stanza: &Stanza| (stanza.end_words(), stanza.numbered());
    AnnotatedPoem {
        author: poem.author.clone(),
        stanzas: poem.stanzas.iter().map(stanza).collect(),
    }
}

impl Verse {
    fn take(&mut self, poem: &Poem, fold: usize, verse: &[Scheme], sung: &[Scheme]) {
        let sample = |stanza: &Stanza, scheme: &Scheme| Sample {
            evidence: scheme_terms(&scheme.evidence).to_vec(),
            is_right: stanza.is_exact(scheme),
            group: poem.author.clone(),
            fold,
        };
        for (stanza, (verse, sung)) in poem.stanzas.iter().zip(verse.iter().zip(sung)) {
            if stanza.words.len() > 1 {
                self.verse.push(sample(stanza, verse));
                self.sung.push(sample(stanza, sung));
                self.read.push((stanza.clone(), verse.clone()));
            }
        }
    }
}
