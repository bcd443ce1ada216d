//! Relevance against variety: the lists that listeners would get with the knob turned further and
//! further.

use leitmotif_domain::chance::Seed;
use leitmotif_learn::rank_metrics::{coverage, exposure_counts};
use serde::{Deserialize, Serialize};

use super::interval::{Interval, interval_of_mean, mean_of};
use super::ladder::{Judged, by_listener, listener_count};
use super::questions::Question;
use super::ranker::Moment;
use super::report::Pareto;
use super::table::sample;
use crate::breaker::Resting;
use crate::error::Result;
use crate::pipeline::{
    Circumstances, Diversify, Kinship, ListOptions, PipelineDefinition, RecommendRequest, choose,
};
use crate::trace::Stopwatch;

/// Where the knob stands.
const SETTINGS: [f32; 7] = [0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];
/// Listeners asked about at most: each is answered once a setting.
const LISTENERS_MAX: usize = 200;
/// Places of a list.
const PLACES: usize = 10;
/// Seed of the sample.
const SEED: Seed = Seed(0x7061_7265_746f);

/// The lists of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ParetoPoint {
    /// `diversity` of the pipeline, with `diversify = "mmr"`; 0 is without.
    pub diversity: f32,
    /// Normalised discounted cumulative gain at 10, 0..=1.
    pub ndcg_at_10: f64,
    /// Its 95% interval, by resampling listeners.
    pub interval: Option<Interval>,
    /// Mean unlikeness of two tracks of a list, 0..=1: by who plays them, and by artist.
    pub intra_list_diversity: f64,
    /// Share of the catalogue that anybody was shown, 0..=1.
    pub coverage: f64,
    /// Whether no other setting is better in relevance and no worse in variety, or the reverse.
    pub is_efficient: bool,
}

/// Answers sampled listeners at every setting.
///
/// - Deterministic for the moment and the questions.
/// - Cost: listeners × 7 answers, with at most 200 listeners.
pub fn pareto(
    moment: &Moment<'_>,
    questions: &[Question],
    item_count: usize,
    on_share: &dyn Fn(f64),
) -> Result<Pareto> {
    let chosen = sample(questions.len(), LISTENERS_MAX, SEED);
    let asked: Vec<&Question> = chosen
        .iter()
        .filter_map(|one| questions.get(*one))
        .collect();
    let mut points = Vec::with_capacity(SETTINGS.len());
    for (number, diversity) in SETTINGS.into_iter().enumerate() {
        points.push(point(moment, &asked, item_count, diversity)?);
        on_share((number + 1) as f64 / SETTINGS.len() as f64);
    }
    mark_efficient(&mut points);
    Ok(Pareto {
        listeners: listener_count(&asked),
        listeners_held_out: listener_count(questions),
        points,
    })
}

fn point(
    moment: &Moment<'_>,
    asked: &[&Question],
    item_count: usize,
    diversity: f32,
) -> Result<ParetoPoint> {
    let diversify = match diversity {
        0.0 => Diversify::None,
        _ => Diversify::Mmr,
    };
    let definition = PipelineDefinition::unhurried(ListOptions {
        diversify,
        diversity,
        ..ListOptions::default()
    });
    let (mut judged, mut unlike, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for question in asked {
        let request = RecommendRequest {
            count: PLACES,
            ..moment.request(question)?
        };
        let mut watch = Stopwatch::start();
        let at = Circumstances {
            now: moment.at,
            features: Ok(moment.features),
            chance: None,
            resting: Resting::default(),
        };
        let chosen = choose(moment.view, &request, &definition, Ok(&[]), at, &mut watch)?;
        let indexes: Vec<usize> = chosen
            .places
            .iter()
            .map(|place| place.ranked.index)
            .collect();
        let list: Vec<usize> = indexes
            .iter()
            .filter_map(|one| moment.column(*one))
            .collect();
        judged.push(Judged::of(&list, question));
        unlike.extend(unlikeness(
            &Kinship::new(moment.view, &indexes),
            indexes.len(),
        ));
        lists.push(list);
    }
    let judged = by_listener(asked, &judged);
    let ndcg: Vec<f64> = judged.iter().map(|one| one.ndcg_at_10).collect();
    let shown = exposure_counts(lists.iter().map(Vec::as_slice), PLACES, item_count);
    Ok(ParetoPoint {
        diversity,
        ndcg_at_10: mean_of(&ndcg),
        interval: interval_of_mean(&ndcg),
        intra_list_diversity: mean_of(&unlike),
        coverage: coverage(&shown),
        is_efficient: false,
    })
}

/// Mean unlikeness of all pairs; none for fewer than two tracks.
fn unlikeness(kinship: &Kinship<'_>, count: usize) -> Option<f64> {
    let pairs = (0..count).flat_map(|one| (0..one).map(move |other| (one, other)));
    let unlike: Vec<f64> = pairs
        .map(|(one, other)| 1.0 - f64::from(kinship.of(one, other)))
        .collect();
    (!unlike.is_empty()).then(|| mean_of(&unlike))
}

fn mark_efficient(points: &mut [ParetoPoint]) {
    let known = points.to_vec();
    let quality = |one: &ParetoPoint| (one.ndcg_at_10, one.intra_list_diversity);
    for point in points {
        let mine = quality(point);
        point.is_efficient = known.iter().map(quality).all(|other| {
            let is_as_good = other.0 >= mine.0 && other.1 >= mine.1;
            !(is_as_good && other != mine)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_setting_beats_in_both_is_not_efficient() {
        let point = |ndcg_at_10, intra_list_diversity| ParetoPoint {
            diversity: 0.0,
            ndcg_at_10,
            interval: None,
            intra_list_diversity,
            coverage: 0.0,
            is_efficient: false,
        };
        let mut points = [
            point(0.5, 0.1),
            point(0.4, 0.3),
            point(0.4, 0.2),
            point(0.3, 0.3),
            point(0.5, 0.1),
            point(0.1, 0.9),
        ];
        mark_efficient(&mut points);
        let marked: Vec<bool> = points.iter().map(|one| one.is_efficient).collect();
        assert_eq!(marked, [true, true, false, false, true, true]);
    }
}
