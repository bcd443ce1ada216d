//! The ladder of quality: each source alone and their blend, on listens that came later. All tracks
//! are ranked, none is sampled.

use std::borrow::Borrow;

use leitmotif_domain::chance::Seed;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_learn::rank_metrics::{ndcg_at, recall_at};
use leitmotif_learn::top_k;
use serde::{Deserialize, Serialize};

use super::Parts;
use super::dataset::Dataset;
use super::interval::{Interval, interval_of_mean, mean_of};
use super::questions::Question;
use crate::audiences::{Audience, mixed, shares};
use crate::candidates::voices;
use crate::explain::Source;
use crate::model::BlendWeights;
use crate::moments::lift_of;

/// Depth of the lists that are judged.
pub const DEPTH: usize = 20;
/// Scores computed for one judgement at most; beyond, every n-th listener is asked.
const SCORES_MAX: usize = 40_000_000;
/// Scores computed for the requests that an order is learnt from at most: each request scores every
/// track, so that a million tracks would make a training of days otherwise.
const REQUEST_SCORES_MAX: usize = 1_000_000_000;
/// Requests that are made however many tracks there are: of fewer, nothing is learnt.
const REQUESTS_MIN: usize = 500;
/// Seed of the random baseline.
const RANDOM_SEED: Seed = Seed(0x6c61_6464_6572);

/// How one source does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LadderRow {
    /// Normalised discounted cumulative gain at 10, 0..=1.
    pub ndcg_at_10: f64,
    /// Share of the held-out tracks among the first 20, 0..=1.
    pub recall_at_20: f64,
    /// 95% interval of the NDCG, by resampling listeners; none for fewer than two.
    #[serde(default)]
    pub interval: Option<Interval>,
}

/// How one list does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Judged {
    /// Normalised discounted cumulative gain at 10, 0..=1.
    pub ndcg_at_10: f64,
    /// Share of the held-out tracks among the first 20, 0..=1.
    pub recall_at_20: f64,
}

impl Judged {
    /// Judges a list, best first.
    pub fn of(ranked: &[usize], question: &Question) -> Self {
        Self {
            ndcg_at_10: ndcg_at(ranked, &question.relevant, 10),
            recall_at_20: recall_at(ranked, &question.relevant, DEPTH),
        }
    }
}

impl LadderRow {
    /// Sums judgements up.
    pub fn of(judged: &[Judged]) -> Self {
        let ndcg: Vec<f64> = judged.iter().map(|one| one.ndcg_at_10).collect();
        let recall: Vec<f64> = judged.iter().map(|one| one.recall_at_20).collect();
        Self {
            ndcg_at_10: mean_of(&ndcg),
            recall_at_20: mean_of(&recall),
            interval: interval_of_mean(&ndcg),
        }
    }
}

/// How every source does on the same questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Listeners asked about.
    pub listeners: u64,
    /// Questions: one a listener, or one for each moment of theirs where listens tell it.
    #[serde(default)]
    pub questions: u64,
    /// A random order.
    pub random: LadderRow,
    /// Decayed popularity.
    pub popularity: LadderRow,
    /// Item-item cosine: the baseline, whichever model of neighbours was kept.
    pub item_item: LadderRow,
    /// What is played by the same listeners, by the model that was kept.
    #[serde(default)]
    pub neighbours: LadderRow,
    /// Embedding neighbours.
    pub content: LadderRow,
    /// Matrix factorisation.
    pub ials: LadderRow,
    /// What follows the tracks just played.
    #[serde(default)]
    pub session: LadderRow,
    /// What was played in sessions like the running one.
    #[serde(default)]
    pub sessions: LadderRow,
    /// What was played more than usual in the last days.
    #[serde(default)]
    pub trending: LadderRow,
    /// Popularity with the audience of the request, drawn towards that with everybody.
    #[serde(default)]
    pub audience_popularity: LadderRow,
    /// The weighted sum of all sources.
    pub blend: LadderRow,
    /// The blend's candidates in the learned ranker's order; none where no order was learnt.
    #[serde(default)]
    pub ranked: Option<LadderRow>,
    /// By how much that order is better than the blend, listener by listener.
    #[serde(default)]
    pub ranked_gain: Option<RankedGain>,
}

/// By how much the learned order is better than the blend, listener by listener: their rows share the listeners, so that
/// their intervals say little of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankedGain {
    /// The mean difference of NDCG@10.
    pub mean: f64,
    /// 95% interval of it, by resampling listeners.
    pub interval: Option<Interval>,
}

impl RankedGain {
    /// Compares two orders on the same listeners.
    pub fn new(ranked: &[Judged], blend: &[Judged]) -> Self {
        let both = ranked.iter().zip(blend);
        let gains: Vec<f64> = both.map(|(a, b)| a.ndcg_at_10 - b.ndcg_at_10).collect();
        Self {
            mean: mean_of(&gains),
            interval: interval_of_mean(&gains),
        }
    }
}

/// Dense scores of every source for one listener.
pub struct SourceScores {
    /// Matrix factorisation.
    pub taste: Vec<f32>,
    /// What is played by the same listeners.
    pub neighbours: Vec<f32>,
    /// Embedding neighbours.
    pub content: Vec<f32>,
    /// Popularity.
    pub popular: Vec<f32>,
    /// What follows the tracks just played.
    pub session: Vec<f32>,
    /// What was played in sessions like the running one.
    pub sessions: Vec<f32>,
    /// What was played more than usual in the last days.
    pub trending: Vec<f32>,
    /// How much more often each item is played at the moment of the question; empty where nothing is known of it.
    pub lifts: Vec<f32>,
    /// How popular each item is with the audience of the question, as a share of the most popular; empty where nothing
    /// is known of it.
    pub audience: Vec<f32>,
}

impl SourceScores {
    /// Scores every item for a listener. A listener without history is scored by popularity alone.
    pub fn of(
        dataset: &Dataset,
        parts: &Parts,
        content: &ItemNeighbours,
        question: &Question,
    ) -> Self {
        let liked = liked_entries(parts, question);
        let mut taste = vec![0.0; dataset.items.len()];
        let mut sessions = vec![0.0; dataset.items.len()];
        for (item, score) in parts.sessions.after(&question.last, dataset.items.len()) {
            if let Some(slot) = sessions.get_mut(item as usize) {
                *slot = score;
            }
        }
        if let Some(factor) = parts.taste.user_factor(question.listener) {
            parts.taste.score(factor, &mut taste);
        }
        Self {
            taste,
            neighbours: parts.neighbours.score(&liked),
            content: content.score(&liked),
            popular: parts.popularity.clone(),
            session: parts.transitions.score(&voices(&question.last)),
            sessions,
            trending: parts.trends.clone(),
            lifts: lifts(dataset, parts, question),
            audience: audience(dataset, parts, question),
        }
    }

    /// The weighted sum, each source scaled to its best unheard item, as requests are answered.
    pub fn blended(&self, question: &Question, weights: &BlendWeights) -> Vec<f32> {
        let mut sum = vec![0.0; self.taste.len()];
        let is_heard = self.is_heard(question);
        if weights.moment > 0.0 {
            let both = sum.iter_mut().zip(&self.lifts);
            both.for_each(|(slot, lift)| *slot += weights.moment * lift);
        }
        let popular = self.popular_with(weights.audience);
        let mut sources = self.sources();
        sources[Source::Popular as usize] = &popular;
        for (scores, weight) in sources.into_iter().zip(weights.by_source()) {
            let unheard = scores.iter().zip(&is_heard).filter(|(_, heard)| !**heard);
            let best = unheard.map(|(score, _)| *score).fold(0.0, f32::max);
            if best <= 0.0 || weight <= 0.0 {
                continue;
            }
            for (slot, score) in sum.iter_mut().zip(scores) {
                *slot += weight * score / best;
            }
        }
        sum
    }
}

impl SourceScores {
    /// The scores by the numbers of the sources.
    pub fn sources(&self) -> [&[f32]; Source::LEARNT] {
        [
            &self.taste,
            &self.neighbours,
            &self.content,
            &self.popular,
            &self.session,
            &self.sessions,
            &self.trending,
        ]
    }

    /// Popularity where that with the audience counts so much.
    pub fn popular_with(&self, weight: f32) -> Vec<f32> {
        let best = self.popular.iter().copied().fold(0.0, f32::max);
        if weight <= 0.0 || self.audience.is_empty() || best <= 0.0 {
            return self.popular.clone();
        }
        let both = self.popular.iter().zip(&self.audience);
        both.map(|(popular, audience)| mixed(popular / best, *audience, weight))
            .collect()
    }

    /// Which items the listener knows already.
    pub fn is_heard(&self, question: &Question) -> Vec<bool> {
        let mut is_heard = vec![false; self.taste.len()];
        for heard in &question.heard {
            if let Some(slot) = is_heard.get_mut(*heard) {
                *slot = true;
            }
        }
        is_heard
    }
}

/// How much more often each item is played at the moment of a question; nothing where nothing is known of it.
fn lifts(dataset: &Dataset, parts: &Parts, question: &Question) -> Vec<f32> {
    let moment = dataset.moments.moment(question.moment);
    let lifts = parts.moments.as_ref().map(|known| known.at(&moment));
    let Some(lifts) = lifts.filter(|lifts| lifts.iter().any(Option::is_some)) else {
        return Vec::new();
    };
    let items = 0..dataset.items.len();
    items
        .map(|item| lift_of(&lifts, item).unwrap_or(0.0))
        .collect()
}

/// How popular each item is with the audience of a question; nothing where nothing is known of it.
fn audience(dataset: &Dataset, parts: &Parts, question: &Question) -> Vec<f32> {
    let moment = dataset.moments.moment(question.moment);
    let genre = parts
        .leading_genres
        .get(question.listener)
        .copied()
        .flatten();
    let known = parts.audiences.as_ref();
    let lists = known.map_or(Vec::new(), |known| known.at(&Audience::of(&moment, genre)));
    if lists.is_empty() {
        return Vec::new();
    }
    let mut popular = vec![0.0; dataset.items.len()];
    shares(&lists, |column, share| {
        if let Some(slot) = popular.get_mut(column as usize) {
            *slot += share;
        }
    });
    popular
}

/// The items that a listener took to before.
fn liked_entries(parts: &Parts, question: &Question) -> Vec<(usize, f32)> {
    let entries = parts.matrix.entries(question.listener);
    entries.filter(|(_, weight)| *weight > 0.0).collect()
}

/// How many requests over so many items a training may make to learn an order, and half as many to
/// learn the listened share.
pub fn requests_max(item_count: usize) -> usize {
    (REQUEST_SCORES_MAX / item_count.max(1)).max(REQUESTS_MIN)
}

/// How many questions about so many items may be judged.
pub fn questions_max(item_count: usize) -> usize {
    (SCORES_MAX / item_count.max(1)).max(100)
}

/// Keeps so many questions that judging stays within its bound.
pub fn bounded(questions: Vec<Question>, item_count: usize) -> Vec<Question> {
    let step = questions.len().div_ceil(questions_max(item_count)).max(1);
    questions.into_iter().step_by(step).collect()
}

/// Judges scores on a question.
pub fn judged(question: &Question, mut scores: Vec<f32>) -> Judged {
    for heard in &question.heard {
        if let Some(score) = scores.get_mut(*heard) {
            *score = f32::NEG_INFINITY;
        }
    }
    Judged::of(&top_k(&scores, DEPTH), question)
}

/// Mean NDCG@10 over questions.
pub fn mean_ndcg(judged: impl Iterator<Item = Judged>) -> f64 {
    mean_of(&judged.map(|one| one.ndcg_at_10).collect::<Vec<_>>())
}

/// Lists that are judged and are no part of what is fitted.
pub struct JudgedLists<'l> {
    /// Embedding neighbours.
    pub content: &'l ItemNeighbours,
    /// Item-item cosine.
    pub cosine: &'l ItemNeighbours,
}

/// What each listener's lists do in the mean, where there are several of one listener, so that every
/// listener counts the same. The questions are in order of listeners, each with its judgement.
pub fn by_listener<Q: Borrow<Question>>(questions: &[Q], judged: &[Judged]) -> Vec<Judged> {
    let mut rest = judged;
    let own = questions.chunk_by(|a, b| a.borrow().listener == b.borrow().listener);
    own.map(|own| {
        let (of_listener, others) = rest.split_at(own.len().min(rest.len()));
        rest = others;
        let mean = |value: fn(&Judged) -> f64| {
            of_listener.iter().map(value).sum::<f64>() / of_listener.len().max(1) as f64
        };
        Judged {
            ndcg_at_10: mean(|one| one.ndcg_at_10),
            recall_at_20: mean(|one| one.recall_at_20),
        }
    })
    .collect()
}

/// How many listeners are asked about. The questions are in order of listeners.
pub fn listener_count<Q: Borrow<Question>>(questions: &[Q]) -> u64 {
    let own = questions.chunk_by(|a, b| a.borrow().listener == b.borrow().listener);
    own.count() as u64
}

/// Judges every source and the blend, and tells how the blend does for each listener.
pub fn judge(
    dataset: &Dataset,
    questions: &[Question],
    parts: &Parts,
    lists: &JudgedLists<'_>,
    weights: &BlendWeights,
) -> (Ladder, Vec<Judged>) {
    let mut random = RANDOM_SEED.rng();
    let mut rows: [Vec<Judged>; 11] = Default::default();
    for question in questions {
        let scores = SourceScores::of(dataset, parts, lists.content, question);
        let cosine = lists.cosine.score(&liked_entries(parts, question));
        let blended = scores.blended(question, weights);
        let chance = dataset
            .items
            .iter()
            .map(|_| random.next_f64() as f32)
            .collect();
        let with_audience = scores.popular_with(1.0);
        let sources = [
            chance,
            scores.popular,
            cosine,
            scores.neighbours,
            scores.content,
            scores.taste,
            scores.session,
            scores.sessions,
            scores.trending,
            with_audience,
            blended,
        ];
        for (rows, scores) in rows.iter_mut().zip(sources) {
            rows.push(judged(question, scores));
        }
    }
    let rows = rows.map(|rows| by_listener(questions, &rows));
    let of_blend = rows.last().cloned().unwrap_or_default();
    let [
        random,
        popularity,
        item_item,
        neighbours,
        content,
        ials,
        session,
        sessions,
        trending,
        audience_popularity,
        blend,
    ] = rows.map(|rows| LadderRow::of(&rows));
    let ladder = Ladder {
        listeners: listener_count(questions),
        questions: questions.len() as u64,
        random,
        popularity,
        item_item,
        neighbours,
        content,
        ials,
        session,
        sessions,
        trending,
        audience_popularity,
        blend,
        ranked: None,
        ranked_gain: None,
    };
    (ladder, of_blend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_of_the_same_listeners() {
        let judged = |reached: &[f64]| -> Vec<Judged> {
            let judged = reached.iter().map(|ndcg_at_10| Judged {
                ndcg_at_10: *ndcg_at_10,
                recall_at_20: 0.0,
            });
            judged.collect()
        };
        let gain = RankedGain::new(&judged(&[0.5, 0.1]), &judged(&[0.4, 0.0]));
        assert!((gain.mean - 0.1).abs() < 1e-12);
        // However far apart the listeners are, both gain the same.
        let interval = gain.interval.unwrap();
        assert!((interval.high - interval.low).abs() < 1e-12);
        assert_eq!(RankedGain::new(&[], &[]).interval, None);
    }
}
