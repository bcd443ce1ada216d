//! How much better lists could be at most for knowing the moment: the hidden tastes answer the questions
//! of the platform's report, once at the moment and once without.

use std::collections::{BTreeMap, HashSet};

use leitmotif_demo::listeners::{ListenOutcome, SessionMoment, SimulatedListen, Simulation};
use leitmotif_learn::rank_metrics::ndcg_at;
use leitmotif_learn::top_k;

/// Share of the listens that are known, as in training.
const JUDGE_AT: f64 = 0.8;

/// NDCG@10 of the hidden tastes at the moment and without it, every listener the same.
#[derive(Debug, Default)]
pub struct Ceiling {
    pub with_moment: f64,
    pub without_moment: f64,
}

impl Ceiling {
    /// Asks for the tracks that each listener newly took to, at each moment of theirs.
    pub fn of(simulation: &Simulation, track_count: usize) -> Self {
        let listens = &simulation.listens;
        let (known, later) = listens.split_at((listens.len() as f64 * JUDGE_AT) as usize);
        let mut heard: BTreeMap<usize, HashSet<usize>> = BTreeMap::new();
        for listen in known {
            let own = heard.entry(listen.listener_index).or_default();
            own.insert(listen.track_index);
        }
        let mut by_listener: BTreeMap<usize, Vec<&SimulatedListen>> = BTreeMap::new();
        for listen in later {
            by_listener
                .entry(listen.listener_index)
                .or_default()
                .push(listen);
        }
        let at_ms = later.get(later.len() / 2).map_or(0, |listen| listen.at_ms);
        let (mut found, mut asked) = (Self::default(), 0.0);
        for (listener, listens) in by_listener {
            let known = heard.remove(&listener).unwrap_or_default();
            let judged: Vec<[f64; 2]> = questions(&listens, &known)
                .iter()
                .map(|(moment, relevant)| {
                    [Some(moment), None].map(|moment| {
                        let scores =
                            scores(simulation, track_count, (listener, at_ms), moment, &known);
                        ndcg_at(&top_k(&scores, 10), relevant, 10)
                    })
                })
                .collect();
            if judged.is_empty() {
                continue;
            }
            let mean = |which: usize| {
                judged.iter().map(|both| both[which]).sum::<f64>() / judged.len() as f64
            };
            found.with_moment += mean(0);
            found.without_moment += mean(1);
            asked += 1.0;
        }
        found.with_moment /= f64::max(asked, 1.0);
        found.without_moment /= f64::max(asked, 1.0);
        found
    }
}

/// What was newly taken to at each moment.
fn questions(
    listens: &[&SimulatedListen],
    known: &HashSet<usize>,
) -> Vec<(SessionMoment, HashSet<usize>)> {
    let mut questions: Vec<(SessionMoment, HashSet<usize>)> = Vec::new();
    let new = listens.iter().filter(|listen| {
        listen.outcome == ListenOutcome::Played && !known.contains(&listen.track_index)
    });
    for listen in new {
        match questions.iter_mut().find(|one| one.0 == listen.moment) {
            Some((_, relevant)) => {
                relevant.insert(listen.track_index);
            }
            None => questions.push((listen.moment, HashSet::from([listen.track_index]))),
        }
    }
    questions
}

/// Scores of all tracks, by the moment where it is told; what is known is never an answer.
fn scores(
    simulation: &Simulation,
    track_count: usize,
    (listener, at_ms): (usize, u64),
    moment: Option<&SessionMoment>,
    known: &HashSet<usize>,
) -> Vec<f32> {
    (0..track_count)
        .map(|track| match known.contains(&track) {
            true => f32::NEG_INFINITY,
            false => (simulation.oracle).expected(listener, track, at_ms, moment),
        })
        .collect()
}
