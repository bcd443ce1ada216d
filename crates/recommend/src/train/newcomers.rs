//! How listeners are answered of whom a few tracks are known: found on listeners cut to a few of theirs.

use std::collections::HashSet;

use leitmotif_domain::chance::{Seed, SplitMix64};
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_learn::newcomers::{
    KNOWN_COUNTS, Newcomer, NewcomerMix, OTHERS_MIN, POOLED, offer_of,
};
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Split};
use super::fitting::{Parts, Recipe, fit};
use super::interval::{Interval, interval_of_mean, mean_of};
use super::ladder::{SourceScores, judged, questions_max};
use super::questions::Question;
use crate::candidates::voices;
use crate::error::Result;
use crate::model::Newcomers;
use crate::moments::UNKNOWN;

/// Listeners are dealt into so many folds: those of one judge, those of another choose, and nothing is fitted on either.
const FOLDS: usize = 5;
/// See [`FOLDS`].
const JUDGES: usize = 0;
/// See [`FOLDS`].
const CHOOSES: usize = 1;
/// Fewest listeners that anything is chosen or judged by.
const LISTENERS_MIN: usize = 20;
/// Most listeners of a fold: a thousand answers tell a hundredth.
const LISTENERS_MAX: usize = 400;
/// Seed of the folds and of the tracks that are named.
const SEED: Seed = Seed(0x006e_6577);

/// How listeners are answered of whom few tracks are known, and how well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewcomerReport {
    /// Listeners that judged, of others than those that chose.
    pub listeners: u64,
    /// What was chosen.
    pub chosen: Newcomers,
    /// How well by how many tracks are known; the first row is of tracks that nobody plays.
    pub rows: Vec<NewcomerRow>,
}

/// How well somebody is answered of whom so many tracks are known; all NDCG@10, over all tracks that were not named.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NewcomerRow {
    /// How many tracks that others play.
    pub known: u32,
    /// As they are answered.
    pub answered_ndcg_at_10: f64,
    /// By these tracks alone, without popularity.
    pub alone_ndcg_at_10: f64,
    /// By the blend that answers listeners who are known well; none where nobody plays the tracks.
    pub blend_ndcg_at_10: Option<f64>,
    /// By popularity alone.
    pub popularity_ndcg_at_10: f64,
    /// By how much the answer is better than popularity.
    pub difference: f64,
    /// 95% interval of the difference, by resampling listeners.
    pub interval: Option<Interval>,
}

/// Fits the sources without a part of the listeners, and asks for what these took to by a few tracks of each.
///
/// - Cost: one more fit of the sources, and six answers to each of at most 800 listeners.
pub fn judge(
    dataset: &Dataset,
    known: &Split<'_>,
    content: &ItemNeighbours,
    recipe: &Recipe,
) -> Result<Option<NewcomerReport>> {
    let liked = dataset.liked_matrix(known.train())?;
    let (judging, choosing) = deal(&liked, dataset.items.len());
    if judging.len().min(choosing.len()) < LISTENERS_MIN {
        return Ok(None);
    }
    let is_new: HashSet<u32> = (judging.iter().chain(&choosing))
        .filter_map(|listener| u32::try_from(*listener).ok())
        .collect();
    let others = known.train().iter();
    let others: Vec<_> = others
        .filter(|play| !is_new.contains(&play.listener))
        .copied()
        .collect();
    let parts = fit(dataset, &Split::known(&others, known.at), recipe.settings)?;
    let trial = Trial {
        dataset,
        parts: &parts,
        content,
        recipe,
        liked: &liked,
    };
    let choosing = trial.ask(&choosing)?;
    let newcomers: Vec<Newcomer> = choosing.iter().map(|one| one.newcomer.clone()).collect();
    let mix = NewcomerMix::fit(&newcomers);
    let chosen = Newcomers {
        mix,
        tracks_max: tracks_max(&choosing, mix),
    };
    let listeners = judging.len() as u64;
    let rows = rows(&trial.ask(&judging)?, &chosen);
    Ok(Some(NewcomerReport {
        listeners,
        chosen,
        rows,
    }))
}

/// The listeners that judge and those that choose: of those with enough tracks, every n-th.
fn deal(liked: &InteractionMatrix, item_count: usize) -> (Vec<usize>, Vec<usize>) {
    let mut random = SEED.derive("folds").rng();
    let (mut judging, mut choosing) = (Vec::new(), Vec::new());
    let tracks_min = KNOWN_COUNTS[KNOWN_COUNTS.len() - 1] + OTHERS_MIN;
    for listener in 0..liked.row_count() {
        let fold = random.next_below(FOLDS);
        if liked.row(listener).0.len() < tracks_min {
            continue;
        }
        match fold {
            JUDGES => judging.push(listener),
            CHOOSES => choosing.push(listener),
            _ => {}
        }
    }
    let most = LISTENERS_MAX.min(questions_max(item_count));
    let bounded = |listeners: Vec<usize>| -> Vec<usize> {
        let step = listeners.len().div_ceil(most).max(1);
        listeners.into_iter().step_by(step).collect()
    };
    (bounded(judging), bounded(choosing))
}

/// Sources that know nothing of those who are asked.
struct Trial<'t> {
    dataset: &'t Dataset,
    parts: &'t Parts,
    content: &'t ItemNeighbours,
    recipe: &'t Recipe,
    liked: &'t InteractionMatrix,
}

/// A listener cut to a few tracks.
struct Asked {
    newcomer: Newcomer,
    /// NDCG@10 of the blend; none where nobody plays the tracks.
    blend: Option<f64>,
}

impl Trial<'_> {
    /// Cuts listeners to so many tracks of theirs, one after the other number, and last to tracks that nobody plays.
    fn ask(&self, listeners: &[usize]) -> Result<Vec<Asked>> {
        let mut asked = Vec::with_capacity(listeners.len() * (KNOWN_COUNTS.len() + 1));
        for listener in listeners {
            let mut random = SEED.derive(&listener.to_string()).rng();
            let drawn = shuffled(self.liked.entries(*listener).collect(), &mut random);
            for count in KNOWN_COUNTS {
                asked.push(self.cut(*listener, &drawn, count)?);
            }
            // Tracks that nobody plays have no neighbours; all else is as with as many that are played.
            let [.., few, _] = KNOWN_COUNTS;
            let Asked { newcomer, .. } = self.cut(*listener, &drawn, few)?;
            let [_, content, popular] = newcomer.offers;
            asked.push(Asked {
                newcomer: Newcomer {
                    known: 0,
                    offers: [Vec::new(), content, popular],
                    ..newcomer
                },
                blend: None,
            });
        }
        Ok(asked)
    }

    fn cut(&self, listener: usize, drawn: &[(usize, f32)], count: usize) -> Result<Asked> {
        let (named, others) = drawn.split_at(count.min(drawn.len()));
        let columns: Vec<usize> = named.iter().map(|(column, _)| *column).collect();
        let question = Question {
            listener,
            moment: UNKNOWN,
            heard: columns.iter().copied().collect(),
            last: columns.iter().map(|column| *column as u32).collect(),
            relevant: others.iter().map(|(column, _)| *column).collect(),
            loved: HashSet::new(),
            elsewhere: HashSet::new(),
        };
        let scores = self.scores(named, &question)?;
        // A session's tracks count the same, however often they were played.
        let each: Vec<(usize, f32)> = columns.iter().map(|column| (*column, 1.0)).collect();
        let offer = |scores: &[f32]| offer_of(scores, &columns, POOLED);
        let newcomer = Newcomer {
            known: count,
            offers: [
                offer(&self.parts.neighbours.score(&each)),
                offer(&self.content.score(&each)),
                offer(&scores.popular),
            ],
            relevant: question.relevant.clone(),
        };
        let blended = scores.blended(&question, &self.recipe.blend);
        Ok(Asked {
            newcomer,
            blend: Some(judged(&question, blended).ndcg_at_10),
        })
    }

    /// What the sources say of every item to somebody who took to the named ones alone.
    fn scores(&self, named: &[(usize, f32)], question: &Question) -> Result<SourceScores> {
        let parts = self.parts;
        let item_count = self.dataset.items.len();
        let mut taste = vec![0.0; item_count];
        parts.taste.score(&parts.taste.fold_in(named)?, &mut taste);
        let mut sessions = vec![0.0; item_count];
        for (item, score) in parts.sessions.after(&question.last, item_count) {
            if let Some(slot) = sessions.get_mut(item as usize) {
                *slot = score;
            }
        }
        Ok(SourceScores {
            taste,
            neighbours: parts.neighbours.score(named),
            content: self.content.score(named),
            popular: parts.popularity.clone(),
            session: parts.transitions.score(&voices(&question.last)),
            sessions,
            trending: parts.trends.clone(),
            lifts: Vec::new(),
            audience: Vec::new(),
        })
    }
}

/// The same in an order that was drawn.
fn shuffled(mut entries: Vec<(usize, f32)>, random: &mut SplitMix64) -> Vec<(usize, f32)> {
    for place in 0..entries.len() {
        let other = place + random.next_below(entries.len() - place);
        entries.swap(place, other);
    }
    entries
}

/// Up to how many known tracks the mix answers better than the blend, all in all; of equals the fewest.
fn tracks_max(choosing: &[Asked], mix: NewcomerMix) -> u32 {
    let gain = |count: usize| -> f64 {
        let asked = choosing.iter().filter(|one| one.newcomer.known == count);
        asked
            .filter_map(|one| Some(mix.ndcg(&one.newcomer) - one.blend?))
            .sum()
    };
    let (mut best, mut sum) = ((0, 0.0), 0.0);
    for count in KNOWN_COUNTS {
        sum += gain(count);
        if sum > best.1 {
            best = (count, sum);
        }
    }
    u32::try_from(best.0).unwrap_or(0)
}

fn rows(asked: &[Asked], chosen: &Newcomers) -> Vec<NewcomerRow> {
    let counts = std::iter::once(0).chain(KNOWN_COUNTS);
    counts.map(|known| row(asked, chosen, known)).collect()
}

fn row(asked: &[Asked], chosen: &Newcomers, known: usize) -> NewcomerRow {
    let asked: Vec<&Asked> = (asked.iter())
        .filter(|one| one.newcomer.known == known)
        .collect();
    let is_mixed = known <= chosen.tracks_max as usize;
    let each = |value: &dyn Fn(&Asked) -> f64| -> Vec<f64> {
        asked.iter().map(|one| value(one)).collect()
    };
    let answered = each(&|one| match one.blend.filter(|_| !is_mixed) {
        Some(blend) => blend,
        None => chosen.mix.ndcg(&one.newcomer),
    });
    let popularity = each(&|one| one.newcomer.popularity_ndcg());
    let differences: Vec<f64> = answered
        .iter()
        .zip(&popularity)
        .map(|(a, b)| a - b)
        .collect();
    let blend: Vec<f64> = asked.iter().filter_map(|one| one.blend).collect();
    NewcomerRow {
        known: u32::try_from(known).unwrap_or(u32::MAX),
        answered_ndcg_at_10: mean_of(&answered),
        alone_ndcg_at_10: mean_of(&each(&|one| NewcomerMix::default().ndcg(&one.newcomer))),
        blend_ndcg_at_10: (!blend.is_empty()).then(|| mean_of(&blend)),
        popularity_ndcg_at_10: mean_of(&popularity),
        difference: mean_of(&differences),
        interval: interval_of_mean(&differences),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody whose answer is right by neighbours or not, and by the blend.
    fn asked(known: usize, by_mix: bool, blend: f64) -> Asked {
        Asked {
            newcomer: Newcomer {
                known,
                offers: [vec![(usize::from(by_mix), 1.0)], Vec::new(), Vec::new()],
                relevant: HashSet::from([1]),
            },
            blend: Some(blend),
        }
    }

    #[test]
    fn the_mix_answers_as_long_as_it_is_better_all_in_all() {
        let mix = NewcomerMix::default();
        let check = |asked: &[Asked], expected| assert_eq!(tracks_max(asked, mix), expected);
        check(&[], 0);
        check(&[asked(1, false, 0.5), asked(3, false, 0.5)], 0);
        check(&[asked(1, true, 0.5), asked(3, false, 0.25)], 1);
        // The second number is worse by less than the third is better.
        let all = [
            asked(1, true, 0.9),
            asked(3, false, 0.1),
            asked(5, true, 0.5),
        ];
        check(&all, 5);
        check(&[asked(1, true, 1.0)], 0);
    }

    #[test]
    fn rows_tell_what_serves() {
        let chosen = Newcomers {
            mix: NewcomerMix::default(),
            tracks_max: 1,
        };
        let told = rows(&[asked(1, true, 0.25), asked(3, true, 0.25)], &chosen);
        let answered: Vec<(u32, f64)> = told
            .iter()
            .map(|row| (row.known, row.answered_ndcg_at_10))
            .collect();
        assert_eq!(answered, [(0, 0.0), (1, 1.0), (3, 0.25), (5, 0.0)]);
        assert_eq!(told[2].blend_ndcg_at_10, Some(0.25));
        assert_eq!(told[0].blend_ndcg_at_10, None);
    }
}
