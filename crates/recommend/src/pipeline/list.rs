//! From ordered candidates to a list people want to hear: rules, controls, variety, spacing, no
//! duplicates.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use leitmotif_domain::chance::Seed;
use leitmotif_learn::diversify::{Spacing, calibrate, greedy_dpp, mmr, space_apart};
use leitmotif_learn::exposure::ExploredPair;

use super::definition::{Controls, Diversify, ListOptions, PipelineDefinition};
use super::facts::{RequestFacts, TrackFacts};
use super::kinship::Kinship;
use crate::catalogue::TrackCard;
use crate::explain::{Reason, Source};
use crate::keyed::KeyedSet;
use crate::rank::Ranked;
use crate::rules::{Action, Group, Rule};
use crate::skips::RecentSkips;
use crate::trace::Deadline;
use crate::view::TenantView;

/// Candidates looked at per wanted place, so that spacing finds other artists without reaching for
/// tracks the ranking thinks little of.
const POOL_PER_PLACE: usize = 3;
/// How far a control that is fully turned moves a track, in units of the distance from the worst
/// candidate to the best: further than ranking alone could.
const CONTROL_REACH: f32 = 1.5;
/// How familiar the tracks of an artist are that was played once beside one that is played most: what is known at all
/// is most of it.
const KNOWN_AT_ALL: f32 = 0.6;
/// Days after which a track counts as half as new.
const FRESH_HALF_LIFE_DAYS: f64 = 30.0;

/// What moved a candidate after ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// A control, a rule, or skips.
    pub source: Source,
    /// Which: the control's name, the rule's number from 1, or whether the track or the artist was skipped.
    pub name: Cow<'static, str>,
    /// What it added to the score.
    pub amount: f32,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in the list.
    Shown,
    /// It was further down than the list reaches.
    NotReached,
    /// A rule, by its index, dropped it.
    Filtered(usize),
    /// A cap, by its rule's index, was reached.
    Capped(usize),
    /// Another version of the recording stood higher.
    Duplicate,
}

/// A candidate that was considered.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// Its index in the catalogue view.
    pub index: usize,
    /// Its score after every adjustment.
    pub score: f32,
    /// What moved it.
    pub adjustments: Vec<Adjustment>,
    /// What became of it.
    pub fate: Fate,
    /// Probability that it is shown where it is; `None` when it is not shown.
    pub propensity: Option<f32>,
    /// Share of it that the listener is expected to hear, 0 to 1; `None` where nothing tells it.
    pub expected_listened_share: Option<f32>,
}

/// A place of the list.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The candidate, its score without adjustments.
    pub ranked: Ranked,
    /// What its score is made of, largest first; empty until somebody tells.
    pub reasons: Vec<Reason>,
    /// What moved it.
    pub adjustments: Vec<Adjustment>,
    /// Probability that it stands here.
    pub propensity: f32,
    /// Share of it that the listener is expected to hear, 0 to 1; `None` where nothing tells it.
    pub expected_listened_share: Option<f32>,
}

/// Makes one list of the candidates of several rungs.
pub struct ListMaker<'a> {
    pub(super) view: &'a TenantView,
    pub(super) definition: &'a PipelineDefinition,
    controls: Controls,
    facts: &'a RequestFacts<'a>,
    excluded: KeyedSet<usize>,
    skips: &'a RecentSkips,
    /// What may be shown at all, where constraints say so.
    only: Option<Arc<KeyedSet<usize>>>,
    taken: KeyedSet<u64>,
    /// Tracks in the list so far, per rule and group, for caps.
    counted: HashMap<(usize, u64), usize>,
    pub(super) considered: Vec<Considered>,
    /// Chance for the first part of the list; those below follow what it left.
    pub(super) chance: Option<Seed>,
    pub(super) pairs: Vec<ExploredPair>,
}

pub(super) struct Gathered {
    pub(super) ranked: Ranked,
    relevance: f32,
    pub(super) adjustments: Vec<Adjustment>,
}

impl Gathered {
    fn adjust(&mut self, source: Source, name: Cow<'static, str>, amount: f32) {
        // Most candidates are moved by nothing.
        if amount != 0.0 {
            self.adjustments.push(Adjustment {
                source,
                name,
                amount,
            });
        }
    }
}

impl<'a> ListMaker<'a> {
    /// Starts an empty list.
    pub fn new(
        view: &'a TenantView,
        definition: &'a PipelineDefinition,
        controls: Controls,
        facts: &'a RequestFacts<'a>,
        excluded: KeyedSet<usize>,
        skips: &'a RecentSkips,
    ) -> Self {
        Self {
            view,
            definition,
            controls,
            facts,
            excluded,
            skips,
            only: None,
            taken: KeyedSet::default(),
            counted: HashMap::new(),
            considered: Vec::new(),
            chance: None,
            pairs: Vec::new(),
        }
    }

    /// Leaves to chance what the definition says; without this the list is as it is ranked.
    pub fn explore_by(&mut self, chance: Option<Seed>) {
        self.chance = chance.filter(|_| self.definition.exploration.is_on());
    }

    /// Tells places, in the order of their rows, how much of them will be heard.
    pub fn expect(&mut self, places: &mut [Placed], told: &[(usize, f32)]) {
        for (index, share) in told {
            let placed = places.iter_mut().find(|one| one.ranked.index == *index);
            let considered = (self.considered.iter_mut().rev()).find(|one| one.index == *index);
            if let (Some(placed), Some(considered)) = (placed, considered) {
                placed.expected_listened_share = Some(*share);
                considered.expected_listened_share = Some(*share);
            }
        }
    }

    /// The pairs whose order was left to chance.
    pub fn take_pairs(&mut self) -> Vec<ExploredPair> {
        std::mem::take(&mut self.pairs)
    }

    /// Excluded candidates may be shown from now on, but for these.
    pub fn exclude_only(&mut self, excluded: KeyedSet<usize>) {
        self.excluded = excluded;
    }

    /// Shows nothing but these.
    pub fn show_only(&mut self, only: Option<Arc<KeyedSet<usize>>>) {
        self.only = only;
    }

    /// Whether a candidate may not be shown.
    pub fn is_excluded(&self, index: usize) -> bool {
        let is_outside = (self.only.as_ref()).is_some_and(|only| !only.contains(&index));
        is_outside || self.excluded.contains(&index)
    }

    /// Everything that was considered, with its fate.
    pub fn into_considered(self) -> Vec<Considered> {
        self.considered
    }

    /// How many tracks each rule dropped or capped, by its index.
    pub fn dropped_by_rule(&self) -> Vec<u64> {
        let mut dropped = vec![0; self.definition.rules.len()];
        // A track comes again on every rung that offers it.
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for one in &self.considered {
            if let Fate::Filtered(rule) | Fate::Capped(rule) = one.fate
                && let Some(count) = dropped.get_mut(rule)
                && seen.insert((rule, one.index))
            {
                *count += 1;
            }
        }
        dropped
    }

    /// Chooses up to `count` more places, best first; `ranked` comes best first. Variety is sought until the deadline.
    pub fn choose(&mut self, ranked: Vec<Ranked>, count: usize, deadline: Deadline) -> Vec<Placed> {
        let moves = !self.controls.is_neutral() || self.definition.adjusts();
        let draws = self.chance.is_some() && self.definition.exploration.draw > 0.0;
        let wanted = if moves || draws {
            (count * POOL_PER_PLACE).max(self.definition.ranking.candidates)
        } else {
            count * POOL_PER_PLACE
        };
        let mut pool = self.gather(ranked, wanted);
        if moves || !self.skips.is_empty() {
            self.adjust(&mut pool);
        }
        let order = if deadline.is_over() {
            (0..pool.len()).collect()
        } else {
            self.diversify(&pool, count, deadline)
        };
        let order = self.cap(&pool, order);
        let (chosen, pinned) = self.pin(&pool, self.space(&pool, order, count), count);
        let chosen = self.explore(&pool, chosen, &pinned, count);
        self.place(pool, &chosen)
    }

    /// The best candidates that may be shown.
    fn gather(&mut self, ranked: Vec<Ranked>, wanted: usize) -> Vec<Gathered> {
        let mut pool = Vec::with_capacity(wanted.min(ranked.len()));
        for one in ranked {
            if pool.len() >= wanted {
                break;
            }
            let Some(card) = self.view.catalogue.card(one.index) else {
                continue;
            };
            if self.is_excluded(one.index) {
                continue;
            }
            if let Some(rule) = self.dropping_rule(one.index, card) {
                self.note(&one, Fate::Filtered(rule));
            } else if self.taken.insert(card.canonical_key) {
                pool.push(Gathered {
                    relevance: 0.0,
                    ranked: one,
                    adjustments: Vec::new(),
                });
            } else {
                self.note(&one, Fate::Duplicate);
            }
        }
        pool
    }

    fn note(&mut self, ranked: &Ranked, fate: Fate) {
        self.considered.push(Considered {
            index: ranked.index,
            score: ranked.score,
            adjustments: Vec::new(),
            fate,
            propensity: None,
            expected_listened_share: None,
        });
    }

    fn dropping_rule(&self, index: usize, card: &TrackCard) -> Option<usize> {
        dropping_rule(self.definition, &self.facts.of(index, card))
    }

    /// Adds what controls, boosts and skips say, and sorts anew.
    ///
    /// For a control alone, the mean of its quality over the best `n` candidates never falls when it is
    /// turned up: the best `n` maximise `relevance + turn × quality`, and the sum of the quality in the
    /// maximiser of such a sum grows with `turn`.
    fn adjust(&self, pool: &mut [Gathered]) {
        let scores = pool.iter().map(|one| one.ranked.score);
        let (worst, best) = scores.fold((f32::MAX, f32::MIN), |(low, high), score| {
            (low.min(score), high.max(score))
        });
        let scale = if best > worst { best - worst } else { 1.0 };
        let mut is_moved = false;
        for one in pool.iter_mut() {
            let Some(card) = self.view.catalogue.card(one.ranked.index) else {
                continue;
            };
            let facts = self.facts.of(one.ranked.index, card);
            let turned = self
                .controls
                .named()
                .into_iter()
                .filter(|(_, turn)| *turn != 0.0);
            for (name, turn) in turned {
                let turn = if name == "familiarity" {
                    turn * turn.abs()
                } else {
                    turn
                };
                let amount = turn * CONTROL_REACH * quality(name, &facts) * scale;
                one.adjust(Source::Control, Cow::Borrowed(name), amount);
            }
            for (number, rule) in self.definition.rules.iter().enumerate() {
                if let Action::Boost(strength) = rule.action()
                    && rule.fits(&facts)
                {
                    let name = (number + 1).to_string();
                    one.adjust(Source::Rule, Cow::Owned(name), strength * scale);
                }
            }
            let is_pinned = is_pinned(self.definition, &facts);
            let skipped = self.skips.moves(one.ranked.index, card.artist_key);
            for (name, amount) in skipped.into_iter().filter(|_| !is_pinned) {
                one.adjust(Source::Skips, Cow::Borrowed(name), -amount * scale);
            }
            let moved: f32 = one.adjustments.iter().map(|one| one.amount).sum();
            one.relevance = (one.ranked.score - worst + moved) / scale;
            is_moved |= moved != 0.0;
        }
        if is_moved {
            // Stable: equals stay as they were ranked.
            pool.sort_by(|a, b| b.relevance.total_cmp(&a.relevance));
        }
    }

    /// Positions in the pool in the order in which they should be taken.
    fn diversify(&self, pool: &[Gathered], count: usize, deadline: Deadline) -> Vec<usize> {
        let trade_off = 1.0 - self.definition.list.diversity;
        if self.definition.list.diversify == Diversify::None || trade_off >= 1.0 {
            return (0..pool.len()).collect();
        }
        let reach = pool
            .len()
            .min(count.saturating_mul(POOL_PER_PLACE).max(count));
        let relevance: Vec<f32> = pool.iter().take(reach).map(|one| one.relevance).collect();
        let indexes: Vec<usize> = pool
            .iter()
            .take(reach)
            .map(|one| one.ranked.index)
            .collect();
        let kinship = Kinship::new(self.view, &indexes).until(deadline);
        let picks = match self.definition.list.diversify {
            Diversify::None => Vec::new(),
            Diversify::Mmr => mmr(&relevance, |a, b| kinship.of(a, b), trade_off, count),
            Diversify::Dpp => greedy_dpp(&relevance, |a, b| kinship.of(a, b), trade_off, count),
            Diversify::Calibrated => {
                let (classes, target) = self.facts.genre_mix(&indexes);
                let may_go_on = || !deadline.is_over();
                calibrate(&relevance, &classes, &target, trade_off, count, may_go_on)
            }
        };
        let picked: HashSet<usize> = picks.iter().copied().collect();
        let rest = (0..pool.len()).filter(|at| !picked.contains(at));
        picks.iter().copied().chain(rest).collect()
    }

    /// Leaves out what a cap forbids.
    fn cap(&mut self, pool: &[Gathered], order: Vec<usize>) -> Vec<usize> {
        let has_caps = (self.definition.rules.iter())
            .any(|rule| matches!(rule.action(), Action::Cap(_) | Action::CapPer(..)));
        if !has_caps {
            return order;
        }
        let mut kept = Vec::with_capacity(order.len());
        for at in order {
            let one = &pool[at];
            let Some(card) = self.view.catalogue.card(one.ranked.index) else {
                continue;
            };
            let counts = self.caps_of(one.ranked.index, card);
            let full = counts
                .iter()
                .find(|(key, most)| self.counted.get(key).copied().unwrap_or(0) >= *most);
            match full {
                Some(((rule, _), _)) => {
                    let rule = *rule;
                    self.note(&pool[at].ranked, Fate::Capped(rule));
                }
                None => {
                    for (key, _) in counts {
                        *self.counted.entry(key).or_insert(0) += 1;
                    }
                    kept.push(at);
                }
            }
        }
        kept
    }

    /// What a track counts for: rule and group, with the most there may be.
    pub(super) fn caps_of(&self, index: usize, card: &TrackCard) -> Vec<((usize, u64), usize)> {
        let facts = self.facts.of(index, card);
        let rules = self.definition.rules.iter().enumerate();
        rules
            .filter_map(|(number, rule)| match rule.action() {
                Action::Cap(most) if rule.fits(&facts) => Some(((number, 0), most)),
                Action::CapPer(most, group) => {
                    let key = match group {
                        Group::Artist => Some(card.artist_key),
                        Group::Album => card.album_key(),
                        Group::Genre => card.genre_key(),
                    };
                    Some(((number, key?), most))
                }
                _ => None,
            })
            .collect()
    }

    fn space(&self, pool: &[Gathered], order: Vec<usize>, count: usize) -> Vec<usize> {
        let reach: Vec<usize> = order.into_iter().take(count * POOL_PER_PLACE).collect();
        let ListOptions {
            artist_gap,
            album_gap,
            ..
        } = self.definition.list;
        let card = |at: &usize| self.view.catalogue.card(pool[*at].ranked.index);
        let cards: Vec<Option<&TrackCard>> = reach.iter().map(card).collect();
        let artist = |card: &Option<&TrackCard>| card.map(|card| card.artist_key);
        let artists: Vec<Option<u64>> = cards.iter().map(artist).collect();
        let album = |card: &Option<&TrackCard>| card.and_then(TrackCard::release_key);
        let albums: Vec<Option<u64>> = cards.iter().map(album).collect();
        let spacing = |keys, gap| Spacing { keys, gap };
        let spacings = [
            spacing(&artists[..], artist_gap),
            spacing(&albums, album_gap),
        ];
        (space_apart(&spacings, count).into_iter())
            .filter_map(|place| reach.get(place).copied())
            .collect()
    }

    /// Puts the best candidate of each pin at its place.
    fn pin(
        &self,
        pool: &[Gathered],
        mut chosen: Vec<usize>,
        count: usize,
    ) -> (Vec<usize>, HashSet<usize>) {
        let mut pinned = HashSet::new();
        for rule in &self.definition.rules {
            let Action::Pin(place) = rule.action() else {
                continue;
            };
            let fits = |at: &usize| {
                let index = pool[*at].ranked.index;
                let card = self.view.catalogue.card(index);
                card.is_some_and(|card| rule.fits(&self.facts.of(index, card)))
            };
            let found = (0..pool.len()).find(|at| !pinned.contains(at) && fits(at));
            if let Some(at) = found {
                pinned.insert(at);
                chosen.retain(|other| *other != at);
                chosen.insert((place - 1).min(chosen.len()), at);
                chosen.truncate(count);
            }
        }
        (chosen, pinned)
    }

    fn place(&mut self, pool: Vec<Gathered>, chosen: &[(usize, f32)]) -> Vec<Placed> {
        let mut pool: Vec<Option<Gathered>> = pool.into_iter().map(Some).collect();
        let mut places = Vec::with_capacity(chosen.len());
        for (at, propensity) in chosen {
            let Some(one) = pool.get_mut(*at).and_then(Option::take) else {
                continue;
            };
            self.consider(one.ranked, one.adjustments.clone(), Some(*propensity));
            places.push(Placed {
                ranked: one.ranked,
                reasons: Vec::new(),
                adjustments: one.adjustments,
                propensity: *propensity,
                expected_listened_share: None,
            });
        }
        let capped: HashSet<usize> = (self.considered.iter())
            .filter(|one| matches!(one.fate, Fate::Capped(_)))
            .map(|one| one.index)
            .collect();
        for one in pool.into_iter().flatten() {
            // A rung below may still show it.
            if let Some(card) = self.view.catalogue.card(one.ranked.index) {
                self.taken.remove(&card.canonical_key);
            }
            if !capped.contains(&one.ranked.index) {
                self.consider(one.ranked, one.adjustments, None);
            }
        }
        places
    }

    /// Remembers a candidate that is shown, where it has a probability, or was not reached.
    fn consider(&mut self, ranked: Ranked, adjustments: Vec<Adjustment>, propensity: Option<f32>) {
        let moved: f32 = adjustments.iter().map(|one| one.amount).sum();
        self.considered.push(Considered {
            index: ranked.index,
            score: ranked.score + moved,
            adjustments,
            fate: match propensity {
                Some(_) => Fate::Shown,
                None => Fate::NotReached,
            },
            propensity,
            expected_listened_share: None,
        });
    }
}

/// The first filter, by its index, that keeps a track out.
pub(super) fn dropping_rule(
    definition: &PipelineDefinition,
    facts: &TrackFacts<'_>,
) -> Option<usize> {
    let drops = |rule: &Rule| rule.action() == Action::Filter && !rule.fits(facts);
    definition.rules.iter().position(drops)
}

/// Whether a rule pins a track.
pub(super) fn is_pinned(definition: &PipelineDefinition, facts: &TrackFacts<'_>) -> bool {
    let pins = |rule: &Rule| matches!(rule.action(), Action::Pin(_)) && rule.fits(facts);
    definition.rules.iter().any(pins)
}

/// What a control turns towards, in 0.0..=1.0.
fn quality(control: &str, facts: &TrackFacts<'_>) -> f32 {
    match control {
        "familiarity" if facts.artist_plays() == 0 => 0.0,
        "familiarity" => KNOWN_AT_ALL + (1.0 - KNOWN_AT_ALL) * facts.artist_share(),
        "popularity" => facts.popularity(),
        _ => (-facts.age_days() * std::f64::consts::LN_2 / FRESH_HALF_LIFE_DAYS).exp() as f32,
    }
}
