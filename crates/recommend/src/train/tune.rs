//! Finding the settings of the sources on held-out listens that are not the ones that judge.

use leitmotif_domain::chance::{Seed, SplitMix64};
use leitmotif_domain::limits;
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::neighbours::ItemNeighbours;
use serde::{Deserialize, Serialize};

use super::contenders::Contenders;
use super::dataset::{Dataset, Split};
use super::fitting::SourceSettings;
use super::ladder::{SourceScores, bounded, judged, mean_ndcg, questions_max};
use super::questions::Question;
use super::{Parts, fit};
use crate::error::Result;
use crate::model::BlendWeights;
use crate::neighbour_settings::NeighbourSettings;

/// Entries above which the factorisation's settings are searched only where somebody asks for it, and few
/// models of neighbours are tried: each fit takes minutes there.
const SEARCH_ENTRIES_MAX: usize = 2_000_000;
/// Settings always tried: (factors, regularisation, alpha). Small catalogues want few factors and
/// little confidence, large ones the last rows; a fit on the demo world takes about a tenth of a second.
const SETTINGS: [(usize, f32, f32); 10] = [
    (8, 4.0, 1.0),
    (8, 16.0, 4.0),
    (16, 4.0, 1.0),
    (16, 16.0, 1.0),
    (16, 16.0, 4.0),
    (32, 16.0, 1.0),
    (32, 16.0, 4.0),
    (64, 16.0, 1.0),
    (64, 16.0, 4.0),
    (64, 40.0, 19.0),
];
/// What a search draws factors and iterations from.
const FACTORS: [usize; 8] = [8, 12, 16, 24, 32, 48, 64, 96];
/// See [`FACTORS`].
const ITERATIONS: [usize; 4] = [5, 10, 15, 25];
/// Range of regularisation and of alpha, drawn evenly in logarithms.
const REGULARIZATION: (f64, f64) = (1.0, 100.0);
/// See [`REGULARIZATION`].
const ALPHA: (f64, f64) = (0.3, 40.0);
/// Settings of a search whose blends are compared: the best alone is not always best beside others.
const FINALISTS: usize = 3;
/// A drawn setting is first fitted with one in so many of its iterations.
const SHORT_PART: usize = 4;
/// One in so many of the drawn settings is fitted in full.
const SURVIVORS_OF: usize = 3;
/// Seed of a search.
const SEED: Seed = Seed(0x7365_6172_6368);
/// Weights tried for a source beside factorisation at 1.
const WEIGHTS: [f32; 8] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5];
/// Models of neighbours that are tried where there are many entries: the cosine and one of walks.
const FEW_NEIGHBOUR_TRIALS: usize = 2;
/// Passes over the sources; the weights settle after two.
const PASSES: usize = 2;

/// Settings of the factorisation that were tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SourceTrial {
    /// The settings.
    pub settings: IalsOptions,
    /// Iterations of the fit that was judged: fewer than the settings have where it went no further. None in
    /// reports from before there were short fits.
    #[serde(default)]
    pub iterations_run: Option<usize>,
    /// What factorisation alone reached on the listens that weigh.
    pub ndcg_at_10: f64,
    /// What the blend reached, for the few that got so far.
    pub blend_ndcg_at_10: Option<f64>,
}

/// A model of neighbours that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NeighbourTrial {
    /// Which, with its settings.
    pub settings: NeighbourSettings,
    /// What it reached alone on the listens that weigh.
    pub ndcg_at_10: f64,
}

/// What was found for the sources.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSettings {
    /// The settings they are fitted with.
    pub settings: SourceSettings,
    /// How much each source counts.
    pub blend: BlendWeights,
    /// Everything tried for the factorisation.
    pub trials: Vec<SourceTrial>,
    /// Everything tried for neighbours.
    pub neighbour_trials: Vec<NeighbourTrial>,
    /// What would have been found without a search; none where there was none.
    pub usual: Option<(SourceSettings, BlendWeights)>,
}

/// The listens that weigh, prepared once.
pub struct Weighing<'d> {
    dataset: &'d Dataset,
    split: Split<'d>,
    matrix: InteractionMatrix,
    questions: Vec<Question>,
}

impl<'d> Weighing<'d> {
    /// Prepares a split.
    pub fn new(dataset: &'d Dataset, split: Split<'d>) -> Result<Self> {
        Ok(Self {
            matrix: dataset.matrix(split.train())?,
            questions: dataset.questions(&split, questions_max(dataset.items.len())),
            dataset,
            split,
        })
    }

    /// How many settings are tried where nobody says how many.
    pub fn usual_trials(&self) -> usize {
        if self.matrix.entry_count() > SEARCH_ENTRIES_MAX {
            0
        } else {
            SETTINGS.len()
        }
    }

    /// Tries one setting.
    pub fn try_one(&self, settings: IalsOptions) -> Result<SourceTrial> {
        self.try_for(settings, settings.iterations)
    }

    /// Tries one setting with another number of iterations.
    fn try_for(&self, settings: IalsOptions, iterations: usize) -> Result<SourceTrial> {
        let run = IalsOptions {
            iterations,
            ..settings
        };
        let model = IalsModel::fit(&self.matrix, run)?;
        let rows = self.questions.iter().map(|question| {
            let mut scores = vec![0.0; self.dataset.items.len()];
            if let Some(factor) = model.user_factor(question.listener) {
                model.score(factor, &mut scores);
            }
            judged(question, scores)
        });
        Ok(SourceTrial {
            settings,
            iterations_run: Some(iterations),
            ndcg_at_10: mean_ndcg(rows),
            blend_ndcg_at_10: None,
        })
    }

    /// Tries the models of neighbours, each alone; the simpler come first.
    pub fn try_neighbours(&self) -> Result<Vec<NeighbourTrial>> {
        if self.questions.is_empty() {
            return Ok(Vec::new());
        }
        let liked = self.dataset.liked_matrix(self.split.train())?;
        let mut tried = NeighbourSettings::tried(liked.row_count(), liked.column_count());
        if liked.entry_count() > SEARCH_ENTRIES_MAX {
            tried.truncate(FEW_NEIGHBOUR_TRIALS);
        }
        let reached = |settings: NeighbourSettings| {
            let neighbours = settings.fit(&liked)?;
            let rows = self.questions.iter().map(|question| {
                let entries: Vec<_> = liked.entries(question.listener).collect();
                judged(question, neighbours.score(&entries))
            });
            Ok(NeighbourTrial {
                settings,
                ndcg_at_10: mean_ndcg(rows),
            })
        };
        tried.into_iter().map(reached).collect()
    }

    /// Tries so many settings of the factorisation and the models of neighbours, blends the best and
    /// keeps the best blend.
    ///
    /// - Deterministic for the count: more trials begin with the same ones.
    pub fn search(
        &self,
        count: usize,
        content: &ItemNeighbours,
        on_share: &dyn Fn(f64),
    ) -> Result<FoundSettings> {
        let count = if self.questions.is_empty() { 0 } else { count };
        let mut trials = self.tried(count, on_share)?;
        let neighbour_trials = self.try_neighbours()?;
        let neighbours = kept_neighbours(&neighbour_trials);
        on_share((count + 2) as f64 / (count + 4) as f64);
        let is_searched = count > SETTINGS.len();
        let order = best_first(&trials);
        let usual_best = order
            .iter()
            .copied()
            .find(|number| *number < SETTINGS.len());
        // The usual settings are few and differ much: the best of them is blended alone.
        let mut blended: Vec<usize> = order;
        blended.truncate(if is_searched { FINALISTS } else { 1 });
        blended.extend(usual_best.filter(|number| is_searched && !blended.contains(number)));
        let fallback = (blended.is_empty()).then(usual_settings);
        let finalists = blended.iter().map(|number| trials[*number].settings);
        let mut reached = Vec::new();
        for factorization in finalists.chain(fallback) {
            let settings = SourceSettings {
                factorization,
                neighbours,
            };
            let parts = fit(self.dataset, &self.split, settings)?;
            let (quality, blend) = self.blend(&parts, content);
            reached.push((quality, settings, blend));
        }
        for (number, (quality, ..)) in blended.iter().zip(&reached) {
            trials[*number].blend_ndcg_at_10 = Some(*quality);
        }
        let place = (blended.iter()).position(|number| Some(*number) == usual_best);
        let usual = place.filter(|_| is_searched).map(|place| reached[place]);
        let best = reached
            .into_iter()
            .reduce(|best, one| if one.0 > best.0 { one } else { best });
        let unjudged = SourceSettings {
            factorization: usual_settings(),
            neighbours,
        };
        let (_, settings, blend) = best.unwrap_or((0.0, unjudged, BlendWeights::default()));
        Ok(FoundSettings {
            settings,
            blend,
            trials,
            neighbour_trials,
            usual: usual.map(|(_, settings, blend)| (settings, blend)),
        })
    }

    /// Tries so many settings: those always tried in full, drawn ones first with a quarter of their
    /// iterations, of which the best third go on. What a short fit ranks last, a whole one hardly ranks first,
    /// and three times as many settings are seen in the same time.
    ///
    /// - Source: successive halving, Jamieson and Talwalkar, AISTATS 2016, with two rounds; settings are drawn
    ///   at random, Bergstra and Bengio, JMLR 13, 2012.
    fn tried(&self, count: usize, on_share: &dyn Fn(f64)) -> Result<Vec<SourceTrial>> {
        let mut trials = Vec::with_capacity(count);
        for (number, settings) in drawn(count).into_iter().enumerate() {
            let is_drawn = number >= SETTINGS.len();
            let iterations = match is_drawn {
                true => settings.iterations.div_ceil(SHORT_PART),
                false => settings.iterations,
            };
            trials.push(self.try_for(settings, iterations)?);
            on_share((number + 1) as f64 / (count + 4) as f64);
        }
        let mut short: Vec<usize> = best_first(&trials);
        short.retain(|number| *number >= SETTINGS.len());
        short.truncate(short.len().div_ceil(SURVIVORS_OF));
        for number in short {
            trials[number] = self.try_one(trials[number].settings)?;
        }
        Ok(trials)
    }

    /// Chooses how much each source counts, one after the other, by NDCG@10.
    fn blend(&self, parts: &Parts, content: &ItemNeighbours) -> (f64, BlendWeights) {
        let questions = bounded(self.questions.clone(), self.dataset.items.len() * 4);
        if questions.is_empty() {
            return (0.0, BlendWeights::default());
        }
        let contending: Vec<(Question, Contenders)> = questions
            .into_iter()
            .map(|question| {
                let scores = SourceScores::of(self.dataset, parts, content, &question);
                let contenders = Contenders::of(&scores, &question);
                (question, contenders)
            })
            .collect();
        let quality = |weights: &BlendWeights| {
            let rows = contending
                .iter()
                .map(|(question, contenders)| contenders.judged(weights, question));
            mean_ndcg(rows)
        };
        let mut weights = BlendWeights {
            taste: 1.0,
            neighbours: 0.0,
            content: 0.0,
            popular: 0.0,
            session: 0.0,
            sessions: 0.0,
            trending: 0.0,
            moment: 0.0,
            audience: 0.0,
        };
        let mut best = quality(&weights);
        let fields: [fn(&mut BlendWeights) -> &mut f32; 7] = [
            |w| &mut w.neighbours,
            |w| &mut w.popular,
            |w| &mut w.content,
            |w| &mut w.session,
            |w| &mut w.sessions,
            |w| &mut w.trending,
            |w| &mut w.moment,
        ];
        // How far popularity is that with the audience matters only where popularity counts.
        let shares_of_audience = [0.25, 0.5, 0.75, 1.0];
        for _ in 0..PASSES {
            for field in fields {
                for weight in WEIGHTS {
                    let mut tried = weights;
                    *field(&mut tried) = weight;
                    let reached = quality(&tried);
                    if reached > best {
                        (best, weights) = (reached, tried);
                    }
                }
            }
            for audience in shares_of_audience {
                let tried = BlendWeights {
                    audience,
                    ..weights
                };
                let reached = quality(&tried);
                if reached > best {
                    (best, weights) = (reached, tried);
                }
            }
        }
        (best, weights)
    }
}

/// The best of what was tried, of equals the simpler; the cosine where nothing was.
fn kept_neighbours(trials: &[NeighbourTrial]) -> NeighbourSettings {
    let better = |best: &NeighbourTrial, one: &NeighbourTrial| one.ndcg_at_10 > best.ndcg_at_10;
    let kept = trials
        .iter()
        .reduce(|best, one| if better(best, one) { one } else { best });
    kept.map_or_else(NeighbourSettings::default, |kept| kept.settings)
}

/// The setting that takes longest of those always tried: what a budget of time is counted by.
pub fn costliest() -> IalsOptions {
    settings_of(SETTINGS[SETTINGS.len() - 1])
}

/// What is used where nothing is tried.
fn usual_settings() -> IalsOptions {
    IalsOptions {
        is_binary: false,
        ..IalsOptions::default()
    }
}

fn settings_of((factors, regularization, alpha): (usize, f32, f32)) -> IalsOptions {
    IalsOptions {
        factors,
        regularization,
        alpha,
        ..usual_settings()
    }
}

/// The settings of a search: those always tried, then drawn ones.
fn drawn(count: usize) -> Vec<IalsOptions> {
    let mut generator = SEED.derive("sources").rng();
    let random = std::iter::repeat_with(|| {
        let factors = pick(&mut generator, &FACTORS);
        let iterations = pick(&mut generator, &ITERATIONS);
        let regularization = log_uniform(&mut generator, REGULARIZATION) as f32;
        let alpha = log_uniform(&mut generator, ALPHA) as f32;
        IalsOptions {
            iterations,
            ..settings_of((factors, regularization, alpha))
        }
    });
    let fixed = SETTINGS.into_iter().map(settings_of);
    fixed.chain(random).take(count).collect()
}

/// The places of trials, best first; of equals the one tried first.
fn best_first(trials: &[SourceTrial]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..trials.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&trials[*a], &trials[*b]);
        b.ndcg_at_10.total_cmp(&a.ndcg_at_10)
    });
    order
}

/// How many settings may be tried where so many whole fits fit into the time: drawn ones cost a quarter of one,
/// and a third of them a whole one besides.
pub fn with_short_fits(whole: u32) -> u32 {
    let usual = SETTINGS.len() as u32;
    let drawn = u64::from(whole.saturating_sub(usual)) * 12 / 7;
    let count = u64::from(whole.min(usual)) + drawn;
    u32::try_from(count).map_or(limits::TRAINING_TRIALS_MAX, |count| {
        count.min(limits::TRAINING_TRIALS_MAX)
    })
}

/// Draws one of several.
pub fn pick<T: Copy>(generator: &mut SplitMix64, from: &[T]) -> T {
    from[generator.next_below(from.len())]
}

/// Draws evenly in logarithms.
pub fn log_uniform(generator: &mut SplitMix64, (low, high): (f64, f64)) -> f64 {
    low * (high / low).powf(generator.next_f64())
}

/// How many trials fit into a time when one takes so long: at least one.
pub fn trials_within(budget_ms: u64, trial_ms: u64, most: u32) -> u32 {
    let count = budget_ms / trial_ms.max(1);
    u32::try_from(count).unwrap_or(most).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_search_begins_with_the_shorter_one() {
        let (short, long) = (drawn(14), drawn(40));
        assert_eq!(short[..], long[..14]);
        assert_eq!(long[3], settings_of(SETTINGS[3]));
        for one in &long[SETTINGS.len()..] {
            assert!(FACTORS.contains(&one.factors) && ITERATIONS.contains(&one.iterations));
            assert!((1.0..=100.0).contains(&one.regularization));
            assert!((0.3..=40.0).contains(&one.alpha));
        }
        assert_ne!(long[10], long[11]);
    }

    #[test]
    fn the_best_neighbours_are_kept_and_of_equals_the_simpler() {
        let [cosine, walks, ..] = NeighbourSettings::tried(2, 2)[..] else {
            unreachable!("the cosine and walks are always tried")
        };
        let kept = |reached: &[(NeighbourSettings, f64)]| {
            let trial = |(settings, ndcg_at_10): &(NeighbourSettings, f64)| NeighbourTrial {
                settings: *settings,
                ndcg_at_10: *ndcg_at_10,
            };
            kept_neighbours(&reached.iter().map(trial).collect::<Vec<_>>())
        };
        assert_eq!(kept(&[]), NeighbourSettings::ItemCosine);
        assert_eq!(kept(&[(cosine, 0.2), (walks, 0.2)]), cosine);
        assert_eq!(kept(&[(cosine, 0.2), (walks, 0.25)]), walks);
    }

    #[test]
    fn short_fits_make_room_for_more_trials() {
        let check = |whole, expected| assert_eq!(with_short_fits(whole), expected);
        check(3, 3);
        check(10, 10);
        check(17, 22);
        check(480, limits::TRAINING_TRIALS_MAX);
    }

    #[test]
    fn a_time_becomes_a_number_of_trials() {
        assert_eq!(trials_within(60_000, 500, 500), 120);
        assert_eq!(trials_within(60_000, 0, 500), 500);
        assert_eq!(trials_within(10, 500, 500), 1);
    }
}
