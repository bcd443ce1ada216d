//! Learning how much of a track will be heard, and whether that is better than a mean.

use std::collections::{BTreeMap, BTreeSet};

use leitmotif_domain::TrackId;
use leitmotif_learn::rank_metrics::graded_ndcg_at;
use leitmotif_learn::trees::{
    BinOptions, Dataset as RowDataset, Examples, Features, Objective, Parameters, fit,
};
use serde::{Deserialize, Serialize};

use super::dataset::Play;
use super::interval::{Interval, interval_of_mean, mean_of};
use super::ranker::{Choice, Moment, SEED};
use super::table::{RankerRows, is_validating, sample};
use crate::error::Result;
use crate::explain::Source;
use crate::keyed::KeyedMap;
use crate::moments::{MomentShift, UNKNOWN};
use crate::rank::{COLUMN_COUNT, FeatureRows, ListenedShare, Pooled, Ranker, fill_row, names_with};

/// Fewest listens that a share is learnt from.
const LISTENS_MIN: usize = 500;
/// Most listens of one moment.
const LISTENS_MAX: usize = 20_000;
/// Weights tried for the share as a term of the order.
const WEIGHTS: [f32; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// Listens with the columns that the ranker would have read of them.
#[derive(Default)]
pub struct ShareRows {
    /// The features behind the ranker's own columns.
    feature_names: Vec<String>,
    values: Vec<f32>,
    shares: Vec<f32>,
    listeners: Vec<usize>,
    items: Vec<usize>,
}

impl ShareRows {
    /// Rows with features of these names.
    pub fn with_features(names: &[String]) -> Self {
        Self {
            feature_names: names.to_vec(),
            ..Self::default()
        }
    }

    fn width(&self) -> usize {
        COLUMN_COUNT + self.feature_names.len()
    }

    /// Adds listens after a moment, read as of that moment. A track that no source would have offered,
    /// such as one heard before, has the columns that need no source.
    ///
    /// - Cost: one request of each listener, of at most 20,000 listens and `requests_max` listeners.
    pub fn add(
        &mut self,
        moment: &Moment<'_>,
        items: &[TrackId],
        plays: &[Play],
        requests_max: usize,
    ) -> Result<()> {
        let mut told: Vec<(&Play, f32)> = (plays.iter())
            .filter_map(|play| Some((play, play.listened_share?)))
            .collect();
        keep_listeners(&mut told, requests_max);
        let mut by_listener: BTreeMap<usize, Vec<(u16, usize, f32)>> = BTreeMap::new();
        for chosen in sample(told.len(), LISTENS_MAX, SEED) {
            if let Some((play, share)) = told.get(chosen) {
                let of_listener = by_listener.entry(play.listener as usize).or_default();
                of_listener.push((play.moment, play.item as usize, *share));
            }
        }
        for (listener, mut plays) in by_listener {
            let Choice {
                shortlist,
                mut facts,
            } = moment.choice_of(listener)?;
            let offered: KeyedMap<usize, &Pooled> =
                shortlist.iter().map(|one| (one.index, one)).collect();
            plays.sort_by_key(|(at, ..)| *at);
            let mut stands_at = UNKNOWN;
            let mut shift = MomentShift::default();
            let index_of = |item: usize| moment.view.catalogue.index(*items.get(item)?);
            let indexed = plays.iter().filter_map(|(at, item, share)| {
                let index = index_of(*item)?;
                Some((*at, *item, *share, index))
            });
            let indexed: Vec<_> = indexed.collect();
            let mut features = FeatureRows::default();
            let mut first = 0;
            for (place, (at, item, share, index)) in indexed.iter().copied().enumerate() {
                if at != stands_at || place == 0 {
                    let told = moment.moments.moment(at);
                    if at != stands_at {
                        facts = facts.at(moment.view, &told)?;
                        shift = moment.view.shift(&told);
                        stands_at = at;
                    }
                    let same = indexed[place..].iter().take_while(|one| one.0 == at);
                    let indexes = same.map(|one| one.3);
                    features =
                        moment.features_of(&self.feature_names, (listener, &told), indexes)?;
                    first = place;
                }
                let unoffered = Pooled {
                    index,
                    blended: 0.0,
                    offers: [None; Source::LEARNT],
                };
                let one = offered.get(&index).copied().unwrap_or(&unoffered);
                let column = moment.view.column(index);
                let one = one.shifted(shift.of(column));
                fill_row(moment.view, &facts, &one, column, &mut self.values);
                features.append(place - first, column.is_some(), &mut self.values);
                self.shares.push(share);
                self.listeners.push(listener);
                self.items.push(item);
            }
        }
        Ok(())
    }

    fn part(&self, is_wanted: impl Fn(usize) -> bool) -> (Vec<f32>, Vec<f32>) {
        let rows = self.values.chunks(self.width()).zip(&self.shares);
        let of_listener = rows
            .zip(&self.listeners)
            .filter(|(_, one)| is_wanted(**one));
        let (mut values, mut shares) = (Vec::new(), Vec::new());
        for ((row, share), _) in of_listener {
            values.extend_from_slice(row);
            shares.push(*share);
        }
        (values, shares)
    }

    /// Grows trees; none where there are too few listens.
    ///
    /// - Deterministic for the rows.
    pub fn fit(&self) -> Result<Option<ListenedShare>> {
        let (values, shares) = self.part(|listener| !is_validating(listener));
        let (held_values, held_shares) = self.part(is_validating);
        if self.shares.len() < LISTENS_MIN || shares.is_empty() || held_shares.is_empty() {
            return Ok(None);
        }
        let examples = Examples::new(Features::new(&values, self.width())?, &shares);
        let held = Examples::new(Features::new(&held_values, self.width())?, &held_shares);
        let parameters = Parameters {
            objective: Objective::Regression,
            trees: 200,
            leaves: 8,
            learning_rate: 0.05,
            leaf_rows_min: (shares.len() / 400).max(40),
            lambda_l2: 10.0,
            early_stopping: Some(40),
            seed: 1,
            ..Parameters::default()
        };
        let dataset = RowDataset::new(&examples, &BinOptions::default())?;
        let ensemble = fit(&dataset, Some(&held), &parameters)?.ensemble;
        let named = ensemble.with_names(names_with(&self.feature_names))?;
        ListenedShare::new(named).map(Some)
    }

    /// Judges trees on these listens, beside means over the listens known before.
    pub fn judge(&self, share: &ListenedShare, known: &[Play]) -> Result<ListenedReport> {
        let means = Means::of(known);
        let told = share.of_rows(&self.values)?;
        // Sums of the four errors and how many, by listener.
        let mut by_listener: BTreeMap<usize, ([f64; 4], f64)> = BTreeMap::new();
        for (row, heard) in self.shares.iter().enumerate() {
            let (listener, item) = (self.listeners[row], self.items[row]);
            let of = |known: Option<&(f64, f64)>| {
                known.map_or(means.constant, |(sum, count)| sum / count)
            };
            let guesses = [
                f64::from(told[row]),
                means.constant,
                of(means.listeners.get(&listener)),
                of(means.tracks.get(&item)),
            ];
            let (sums, count) = by_listener.entry(listener).or_default();
            for (sum, guess) in sums.iter_mut().zip(guesses) {
                *sum += (guess - f64::from(*heard)).abs();
            }
            *count += 1.0;
        }
        let errors = |which: usize| -> Vec<f64> {
            let all = by_listener.values();
            all.map(|(sums, count)| sums[which] / count).collect()
        };
        let maes = [0, 1, 2, 3].map(|which| mean_of(&errors(which)));
        let best = (1..4)
            .min_by(|a, b| maes[*a].total_cmp(&maes[*b]))
            .unwrap_or(1);
        let both = errors(best).into_iter().zip(errors(0));
        let gains: Vec<f64> = both.map(|(mean, trees)| mean - trees).collect();
        let interval = interval_of_mean(&gains);
        Ok(ListenedReport {
            listens: self.shares.len() as u64,
            listeners: gains.len() as u64,
            mae: maes[0],
            constant_mae: maes[1],
            listener_mean_mae: maes[2],
            track_mean_mae: maes[3],
            gain: mean_of(&gains),
            interval,
            is_in_use: interval.is_some_and(|interval| interval.low > 0.0),
            order_weight: 0.0,
        })
    }
}

/// Keeps the listens of so many listeners, drawn where there are more.
fn keep_listeners(told: &mut Vec<(&Play, f32)>, most: usize) {
    let listeners: BTreeSet<u32> = told.iter().map(|(play, _)| play.listener).collect();
    if listeners.len() <= most {
        return;
    }
    let listeners: Vec<u32> = listeners.into_iter().collect();
    let drawn = sample(listeners.len(), most, SEED).into_iter();
    let kept: BTreeSet<u32> = drawn
        .filter_map(|place| listeners.get(place).copied())
        .collect();
    told.retain(|(play, _)| kept.contains(&play.listener));
}

/// Mean shares over known listens.
struct Means {
    constant: f64,
    listeners: BTreeMap<usize, (f64, f64)>,
    tracks: BTreeMap<usize, (f64, f64)>,
}

impl Means {
    fn of(known: &[Play]) -> Self {
        let (mut listeners, mut tracks) = (BTreeMap::new(), BTreeMap::new());
        let mut all = (0.0, 0.0);
        for play in known {
            let Some(share) = play.listened_share.map(f64::from) else {
                continue;
            };
            let (listener, item) = (play.listener as usize, play.item as usize);
            let of_listener: &mut (f64, f64) = listeners.entry(listener).or_default();
            let of_track: &mut (f64, f64) = tracks.entry(item).or_default();
            for sums in [of_listener, of_track, &mut all] {
                sums.0 += share;
                sums.1 += 1.0;
            }
        }
        Self {
            constant: all.0 / f64::max(all.1, 1.0),
            listeners,
            tracks,
        }
    }
}

/// Finds what the share should count in the order beside trees and blend, by NDCG@10 on the questions
/// of listeners that taught neither; 0 unless another weight is surely better, because the questions
/// are few and every answer would wait for these trees too.
pub fn order_weight(share: &ListenedShare, ranker: &Ranker, rows: &RankerRows) -> Result<f32> {
    let (_, validation) = rows.split();
    let mut trees = vec![0.0; validation.row_count()];
    (ranker.ensemble()).predict_into(validation.features()?, &mut trees)?;
    let scores = validation.scores(&trees, ranker.blend_weight());
    let told = share.raw(validation.values())?;
    let judged = |weight: f32| -> Vec<f64> {
        let both = scores.iter().zip(&told);
        let scores: Vec<f64> = both
            .map(|(score, told)| score + f64::from(weight) * told)
            .collect();
        (validation.groups())
            .map(|group| graded_ndcg_at(&validation.labels()[group.clone()], &scores[group], 10))
            .collect()
    };
    Ok(surely_best(judged))
}

/// The weight whose mean gain over none is largest among those that gain by more than chance; else 0.
fn surely_best(judged: impl Fn(f32) -> Vec<f64>) -> f32 {
    let without = judged(0.0);
    let mut best = (0.0, 0.0);
    for weight in WEIGHTS {
        let both = judged(weight).into_iter().zip(&without);
        let gains: Vec<f64> = both.map(|(with, without)| with - without).collect();
        let gain = mean_of(&gains);
        let is_sure = interval_of_mean(&gains).is_some_and(|interval| interval.low > 0.0);
        if is_sure && gain > best.0 {
            best = (gain, weight);
        }
    }
    best.1
}

/// How well the expected listened share is told on the listens that judge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ListenedReport {
    /// Listens that judged, those without a known share left out.
    pub listens: u64,
    /// Listeners in them.
    pub listeners: u64,
    /// Mean absolute error of the trees, 0 to 1, a mean over listeners as the others here.
    pub mae: f64,
    /// Of the mean over all known listens.
    pub constant_mae: f64,
    /// Of the mean over the listener's known listens.
    pub listener_mean_mae: f64,
    /// Of the mean over the track's known listens.
    pub track_mean_mae: f64,
    /// By how much the error of the best mean is larger than that of the trees.
    pub gain: f64,
    /// Its 95% interval by listener.
    pub interval: Option<Interval>,
    /// Whether the interval lies above 0, and answers tell the share from now on.
    pub is_in_use: bool,
    /// What the share counts in the order; 0 where it is none of its terms.
    pub order_weight: f32,
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Timestamp;

    use super::*;

    fn play(listener: u32, item: u32, share: Option<f32>) -> Play {
        Play {
            listener,
            item,
            at: Timestamp::from_ms(0),
            signal: 0.0,
            offset: 0,
            listened_share: share,
            moment: UNKNOWN,
        }
    }

    /// Listens of which the first column tells the share.
    fn rows(count: usize) -> ShareRows {
        let mut rows = ShareRows::default();
        for number in 0..count {
            let share = (number * 7 % 10) as f32 / 10.0;
            rows.values.push(share);
            rows.values.extend([f32::NAN; COLUMN_COUNT - 1]);
            rows.shares.push(share);
            rows.listeners.push(number % 20);
            rows.items.push(number % 3);
        }
        rows
    }

    #[test]
    fn a_weight_counts_only_where_it_is_surely_better() {
        let gains = |at_one: fn(usize) -> f64| {
            surely_best(|weight| {
                let gain = |question| if weight == 1.0 { at_one(question) } else { 0.0 };
                (0..100).map(|question| 0.5 + gain(question)).collect()
            })
        };
        assert_eq!(gains(|_| 0.01), 1.0, "a small gain everywhere");
        assert_eq!(gains(|question| if question == 0 { 0.4 } else { 0.0 }), 0.0);
        assert_eq!(gains(|_| -0.01), 0.0);
        assert_eq!(surely_best(|_| Vec::new()), 0.0, "no question");
    }

    #[test]
    fn listeners_are_kept_with_all_their_listens() {
        let plays: Vec<Play> = (0..60)
            .map(|number| play(number % 20, number, None))
            .collect();
        let kept = |most: usize| {
            let mut told: Vec<(&Play, f32)> = plays.iter().map(|play| (play, 0.5)).collect();
            keep_listeners(&mut told, most);
            told.iter()
                .map(|(play, _)| play.listener)
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(20).len(), 60);
        let few = kept(7);
        let distinct: BTreeSet<u32> = few.iter().copied().collect();
        assert_eq!((few.len(), distinct.len()), (21, 7));
        assert_eq!(kept(7), few, "the same are drawn again");
        assert!(kept(0).is_empty());
    }

    #[test]
    fn few_listens_teach_nothing_and_many_beat_the_means() {
        assert!(rows(LISTENS_MIN - 1).fit().unwrap().is_none());
        let rows = rows(4_000);
        let share = rows.fit().unwrap().unwrap();
        let known = [
            play(0, 0, Some(0.0)),
            play(1, 1, Some(1.0)),
            play(1, 1, None),
        ];
        let report = rows.judge(&share, &known).unwrap();
        assert!(report.mae < 0.1, "{report:?}");
        assert!((report.constant_mae - 0.25).abs() < 0.01, "{report:?}");
        assert!(report.is_in_use && report.gain > 0.1);
        let told = share.of_rows(&rows.values).unwrap();
        assert!(told.iter().all(|told| (0.0..=1.0).contains(told)));
        let again = ListenedShare::from_text(&share.to_text()).unwrap();
        assert_eq!(again.of_rows(&rows.values).unwrap(), told);
    }

    #[test]
    fn shares_that_nothing_tells_are_not_taken() {
        let mut rows = rows(4_000);
        for (number, share) in rows.shares.iter_mut().enumerate() {
            *share = (number * 7919 % 101) as f32 / 101.0;
        }
        let share = rows.fit().unwrap().unwrap();
        let known: Vec<Play> = (0..100)
            .map(|one| play(0, 0, Some(one as f32 / 100.0)))
            .collect();
        assert!(!rows.judge(&share, &known).unwrap().is_in_use);
    }
}
