//! The first stage: what may come next.

use std::collections::HashMap;

use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::neighbours::{ItemNeighbours, item_cosine};
use leitmotif_learn::sequence::{
    ScoreBoard, SequentialRules, SequentialRulesOptions, SessionNeighbours,
    SessionNeighboursOptions,
};

/// Number of generators.
pub const SOURCES: usize = 7;
/// Candidates of one generator.
const OFFERS: usize = 200;
/// Ranks are softened by this much when lists are fused.
///
/// - Source: Cormack et al. 2009, reciprocal rank fusion.
const FUSION: f32 = 20.0;
/// Neighbours kept of an item.
const COSINE_NEIGHBOURS: usize = 200;
/// Last items whose neighbours are offered, each earlier one at half.
const COSINE_ITEMS: usize = 5;

/// Generators fitted on one log.
pub struct Sources {
    /// Weighted transitions, near ones first.
    pub rules: SequentialRules,
    /// The same over a longer reach.
    pub far_rules: SequentialRules,
    /// Transitions backwards: what is played before an item often follows it, too.
    pub backward_rules: SequentialRules,
    /// Similar recent sessions.
    neighbours: SessionNeighbours,
    /// The same, near the shared item.
    near_neighbours: SessionNeighbours,
    /// More of them.
    wide_neighbours: SessionNeighbours,
    /// Items of the same sessions.
    pub cosine: ItemNeighbours,
}

/// An item with what each generator says of it.
pub struct Candidate {
    /// The item.
    pub item: u32,
    /// What the generators offered, in their order.
    pub offers: [Option<Offer>; SOURCES],
}

/// A place in a generator's list.
#[derive(Clone, Copy)]
pub struct Offer {
    /// Place from 0.
    pub rank: u16,
    /// The generator's score.
    pub score: f32,
    /// The score over that of its best.
    pub share: f32,
}

impl Sources {
    /// Names of the generators, in their order.
    pub const NAMES: [&'static str; SOURCES] = [
        "sequential_rules",
        "far_rules",
        "backward_rules",
        "session_neighbours",
        "session_neighbours_near",
        "session_neighbours_wide",
        "item_cosine",
    ];

    /// Fits all generators.
    pub fn fit(sessions: &[Vec<u32>], item_count: usize) -> anyhow::Result<Self> {
        let near = SequentialRulesOptions::default();
        let far = SequentialRulesOptions {
            steps: 30,
            last_items: 10,
            decay: 0.85,
        };
        let reversed: Vec<Vec<u32>> = (sessions.iter())
            .map(|session| session.iter().rev().copied().collect())
            .collect();
        let plain = SessionNeighboursOptions::default();
        let near_places = SessionNeighboursOptions {
            place_decay: Some(5.0),
            ..plain
        };
        let wide = SessionNeighboursOptions {
            candidate_sessions: 5_000,
            neighbours: 500,
            ..plain
        };
        Ok(Self {
            rules: SequentialRules::fit(sessions, item_count, near)?,
            far_rules: SequentialRules::fit(sessions, item_count, far)?,
            backward_rules: SequentialRules::fit(&reversed, item_count, near)?,
            neighbours: SessionNeighbours::fit(sessions, item_count, plain)?,
            near_neighbours: SessionNeighbours::fit(sessions, item_count, near_places)?,
            wide_neighbours: SessionNeighbours::fit(sessions, item_count, wide)?,
            cosine: item_cosine(&sessions_by_items(sessions, item_count)?, COSINE_NEIGHBOURS)?,
        })
    }

    /// The union of all lists, those first that stand high in many.
    pub fn candidates(&self, prefix: &[u32], board: &mut ScoreBoard) -> Vec<Candidate> {
        let lists = [
            self.rules.recommend(prefix, OFFERS, board),
            self.far_rules.recommend(prefix, OFFERS, board),
            self.backward_rules.recommend(prefix, OFFERS, board),
            self.neighbours.recommend(prefix, OFFERS, board),
            self.near_neighbours.recommend(prefix, OFFERS, board),
            self.wide_neighbours.recommend(prefix, OFFERS, board),
            self.similar_items(prefix, board),
        ];
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut fused: Vec<(f32, Candidate)> = Vec::new();
        for (source, list) in lists.iter().enumerate() {
            let best = list.first().map_or(1.0, |first| first.1);
            for (rank, &(item, score)) in (0u16..).zip(list) {
                let place = *places.entry(item).or_insert_with(|| {
                    let offers = [None; SOURCES];
                    fused.push((0.0, Candidate { item, offers }));
                    fused.len() - 1
                });
                fused[place].0 += 1.0 / (FUSION + f32::from(rank));
                fused[place].1.offers[source] = Some(Offer {
                    rank,
                    score,
                    share: score / best,
                });
            }
        }
        fused.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.item.cmp(&b.1.item)));
        fused.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn similar_items(&self, prefix: &[u32], board: &mut ScoreBoard) -> Vec<(u32, f32)> {
        let mut voice = 1.0;
        for &item in prefix.iter().rev().take(COSINE_ITEMS) {
            for (neighbour, similarity) in self.cosine.of(item as usize) {
                board.add(neighbour, voice * similarity);
            }
            voice *= 0.5;
        }
        board.take_top(OFFERS)
    }
}

fn sessions_by_items(
    sessions: &[Vec<u32>],
    item_count: usize,
) -> anyhow::Result<InteractionMatrix> {
    let triplets: Vec<Triplet> = (sessions.iter().enumerate())
        .flat_map(|(row, session)| {
            session.iter().map(move |&item| Triplet {
                row,
                column: item as usize,
                weight: 1.0,
            })
        })
        .collect();
    let counted = InteractionMatrix::from_triplets(sessions.len(), item_count, &triplets)?;
    Ok(counted.binarize())
}
