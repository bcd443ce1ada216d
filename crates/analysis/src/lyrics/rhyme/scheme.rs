//! The stanza decoder: weighs word evidence against how common schemes are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::confidence::{HEARD_AT, SCHEME_EVIDENCE_COUNT};
use super::model::{RhymeModel, SchemePrior};

/// Lines farther apart are not compared: the ear forgets, and long stanzas stay linear.
const LINE_GAP_MAX: usize = 24;
/// Lines per stanza that are decoded; the rest are left unrhymed.
const LINE_COUNT_MAX: usize = 400;
/// Evidence of a pair is cut here: one strange word must not overrule a whole stanza.
const LOG_ODDS_CUT: f32 = 6.0;

/// Evidence beyond the toll that joins two rhyme groups the scheme holds apart.
const HEARD_STRENGTH_MIN: f32 = 1.8;
/// Rounds of voting among the stanzas of a poem; a third changes nothing.
const VOTE_COUNT: usize = 2;
/// Schemes of other stanzas tried on each stanza; bounds the work on texts of a thousand stanzas.
const MISSING_COUNT_MAX: usize = 32;

/// Building blocks of long stanzas with the logarithm of their share among blocks; estimated from
/// how long stanzas of verse divide.
const BLOCKS: [(&[usize], f32); 9] = [
    (&[0, 0], -0.2),
    (&[0, 1, 0, 1], -2.0),
    (&[0, 1, 1, 0], -3.0),
    (&[0, 0, 0], -3.5),
    (&[0, 1, 2, 1], -4.0),
    (&[0, 0, 1, 2, 2, 1], -4.5),
    (&[0, 1, 0, 1, 0, 1], -5.0),
    (&[0, 1, 1, 0, 0], -6.0),
    (&[0], -4.0),
];

/// The rhyme scheme of one stanza.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scheme {
    /// One label per line, numbered by first appearance; a label that occurs once does not rhyme.
    pub labels: Vec<usize>,
    /// Probability that the whole scheme is right, 0..=1.
    pub confidence: f32,
    /// What the confidence goes by, to fit it.
    #[serde(skip)]
    pub evidence: [f32; SCHEME_EVIDENCE_COUNT],
}

impl Scheme {
    /// Writes the scheme in letters, `abab`; the 27th label and later ones are `?`.
    pub fn letters(&self) -> String {
        letters(&self.labels)
    }
}

pub(super) fn letters(labels: &[usize]) -> String {
    labels
        .iter()
        .map(|label| {
            u8::try_from(*label)
                .ok()
                .filter(|l| *l < 26)
                .map_or('?', |l| (b'a' + l) as char)
        })
        .collect()
}

/// Decodes the stanzas of one poem.
pub(super) struct Decoder<'a> {
    model: &'a RhymeModel,
    by_length: HashMap<usize, Vec<(Vec<usize>, f32)>>,
}

/// The evidence between the lines of one stanza, a band matrix.
pub(super) struct Evidence {
    line_count: usize,
    line_count_full: usize,
    log_odds: Vec<f32>,
}

impl Evidence {
    /// Compares all pairs of lines that are near enough.
    pub(super) fn new<W>(words: &[W], judge: impl Fn(&W, &W) -> f32) -> Self {
        let line_count = words.len().min(LINE_COUNT_MAX);
        let mut log_odds = vec![-LOG_ODDS_CUT; line_count * LINE_GAP_MAX];
        for (first, left) in words.iter().take(line_count).enumerate() {
            let followers = words
                .iter()
                .take(line_count)
                .skip(first + 1)
                .take(LINE_GAP_MAX);
            for (gap, right) in followers.enumerate() {
                if let Some(cell) = log_odds.get_mut(first * LINE_GAP_MAX + gap) {
                    *cell = judge(left, right).clamp(-LOG_ODDS_CUT, LOG_ODDS_CUT);
                }
            }
        }
        Self {
            line_count,
            line_count_full: words.len(),
            log_odds,
        }
    }

    /// Lines that are decoded.
    pub(super) fn line_count(&self) -> usize {
        self.line_count
    }

    /// Log odds of two lines.
    pub(super) fn between(&self, one: usize, other: usize) -> f32 {
        let (first, second) = (one.min(other), one.max(other));
        match second - first {
            gap @ 1..=LINE_GAP_MAX => self
                .log_odds
                .get(first * LINE_GAP_MAX + gap - 1)
                .copied()
                .unwrap_or(-LOG_ODDS_CUT),
            _ => -LOG_ODDS_CUT,
        }
    }

    /// Evidence for the rhyme groups of lines from `offset` on. For each group as many links as it needs,
    /// each of average strength, because pairs within a group are far from independent.
    fn of_labels(&self, labels: &[usize], offset: usize) -> f32 {
        let group_count = labels.iter().max().map_or(0, |label| label + 1);
        // Sum and number of the pairs, and number of the lines.
        let mut groups = vec![(0.0f32, 0usize, 0usize); group_count];
        for (line, label) in labels.iter().enumerate() {
            let (sum, pair_count, line_count) = &mut groups[*label];
            *line_count += 1;
            for (gap, other) in labels[line + 1..].iter().enumerate() {
                if other == label {
                    *sum += self.between(line + offset, line + 1 + gap + offset);
                    *pair_count += 1;
                }
            }
        }
        let linked = groups.iter().map(|group| match *group {
            (_, 0, _) => 0.0,
            (sum, pair_count, line_count) => sum / pair_count as f32 * (line_count - 1) as f32,
        });
        linked.sum()
    }
}

impl<'a> Decoder<'a> {
    /// Makes ready for stanzas of some lengths.
    pub(super) fn new(model: &'a RhymeModel, stanzas: &[Evidence]) -> Self {
        let lengths: BTreeSet<usize> = stanzas.iter().map(|stanza| stanza.line_count).collect();
        let mut by_length: HashMap<usize, Vec<(Vec<usize>, f32)>> = HashMap::new();
        let needed = |prior: &&SchemePrior| lengths.contains(&prior.scheme.len());
        for prior in model.schemes.iter().filter(needed) {
            let labels: Vec<usize> = prior
                .scheme
                .bytes()
                .map(|letter| usize::from(letter.saturating_sub(b'a')))
                .collect();
            by_length
                .entry(labels.len())
                .or_default()
                .push((labels, prior.log_share));
        }
        Self { model, by_length }
    }

    /// Finds the likeliest schemes, then trusts the ear over the habits of verse on the page.
    pub(super) fn decode_heard(&self, stanzas: &[Evidence]) -> Vec<Scheme> {
        let mut schemes = self.decode(stanzas);
        for (scheme, evidence) in schemes.iter_mut().zip(stanzas) {
            let heard = heard_labels(evidence, &scheme.labels);
            scheme.evidence[HEARD_AT] = f32::from(u8::from(heard != scheme.labels));
            scheme.labels = heard;
        }
        schemes
    }

    /// Finds the likeliest scheme of each stanza; its confidence is the share among the candidates that
    /// were weighed.
    pub(super) fn decode(&self, stanzas: &[Evidence]) -> Vec<Scheme> {
        let candidates: Vec<Vec<Candidate>> = stanzas
            .iter()
            .map(|evidence| self.candidates(evidence))
            .collect();
        let mut chosen: Vec<Scheme> = candidates.iter().map(|list| choose(list)).collect();
        if stanzas.len() > 1 {
            for _ in 0..VOTE_COUNT {
                chosen = self.vote(stanzas, &candidates, &chosen);
            }
        }
        for (scheme, evidence) in chosen.iter_mut().zip(stanzas) {
            let next = scheme.labels.iter().max().map_or(0, |label| label + 1);
            let missing_count = evidence.line_count_full - scheme.labels.len();
            scheme.labels.extend(next..next + missing_count);
        }
        chosen
    }

    /// Chooses again with each candidate's share raised by the poem's other stanzas.
    fn vote(
        &self,
        stanzas: &[Evidence],
        candidates: &[Vec<Candidate>],
        chosen: &[Scheme],
    ) -> Vec<Scheme> {
        let mut votes = Votes::default();
        for scheme in chosen {
            *votes.by_labels.entry(&scheme.labels).or_default() += scheme.confidence;
            *votes.by_length.entry(scheme.labels.len()).or_default() += scheme.confidence;
        }
        candidates
            .iter()
            .zip(stanzas)
            .zip(chosen)
            .map(|((list, evidence), own)| {
                let mut list = list.clone();
                for labels in votes.missing(evidence.line_count, &list) {
                    list.push(self.free_candidate(evidence, labels));
                }
                for candidate in &mut list {
                    let share = candidate.log_share.exp();
                    candidate.log_share = self.raised_share(&votes, own, &candidate.labels, share);
                }
                choose(&list)
            })
            .collect()
    }

    /// Mixes a candidate's table share with the votes of the other stanzas.
    fn raised_share(&self, votes: &Votes<'_>, own: &Scheme, labels: &[usize], share: f32) -> f32 {
        let table_weight = self.model.settings.table_weight;
        let total = votes.by_length.get(&labels.len()).copied().unwrap_or(0.0) - own.confidence;
        let mut vote = votes.by_labels.get(labels).copied().unwrap_or(0.0);
        if labels == own.labels {
            vote -= own.confidence;
        }
        let raised = (table_weight * share + vote.max(0.0)) / (table_weight + total.max(0.0));
        raised.max(f32::MIN_POSITIVE).ln()
    }

    fn candidates(&self, evidence: &Evidence) -> Vec<Candidate> {
        let weight = self.model.settings.evidence_weight;
        let mut list: Vec<Candidate> = self
            .by_length
            .get(&evidence.line_count)
            .into_iter()
            .flatten()
            .map(|(labels, log_share)| Candidate {
                labels: labels.clone(),
                evidence: weight * evidence.of_labels(labels, 0),
                log_share: *log_share,
            })
            .collect();
        let mut free = vec![grouped(evidence), self.blocks(evidence)];
        let best = list
            .iter()
            .max_by(|left, right| left.score().total_cmp(&right.score()));
        free.extend(best.map(|candidate| regrouped(evidence, &candidate.labels)));
        for labels in free {
            if list.iter().all(|candidate| candidate.labels != labels) {
                list.push(self.free_candidate(evidence, labels));
            }
        }
        list
    }

    fn free_candidate(&self, evidence: &Evidence, labels: Vec<usize>) -> Candidate {
        let settings = &self.model.settings;
        Candidate {
            evidence: settings.evidence_weight * evidence.of_labels(&labels, 0),
            log_share: settings.free_base + settings.free_per_line * labels.len() as f32,
            labels,
        }
    }

    /// Divides the stanza into the best sequence of blocks.
    fn blocks(&self, evidence: &Evidence) -> Vec<usize> {
        let weight = self.model.settings.evidence_weight;
        let mut best = vec![(f32::NEG_INFINITY, 0usize); evidence.line_count + 1];
        if let Some(start) = best.first_mut() {
            start.0 = 0.0;
        }
        for start in 0..evidence.line_count {
            let here = best
                .get(start)
                .map_or(f32::NEG_INFINITY, |(score, _)| *score);
            for (place, (block, log_share)) in BLOCKS.iter().enumerate() {
                if let Some(cell) = best.get_mut(start + block.len()) {
                    let score = here + log_share + weight * evidence.of_labels(block, start);
                    if score > cell.0 {
                        *cell = (score, place);
                    }
                }
            }
        }
        let mut pieces = Vec::new();
        let mut end = evidence.line_count;
        while end > 0 {
            let place = best.get(end).map_or(0, |(_, place)| *place);
            let block: &[usize] = BLOCKS.get(place).map_or(&[0], |(block, _)| block);
            pieces.push(block);
            end = end.saturating_sub(block.len().max(1));
        }
        let mut labels = Vec::with_capacity(evidence.line_count);
        let mut next = 0;
        for block in pieces.into_iter().rev() {
            labels.extend(block.iter().map(|label| label + next));
            next += block.iter().max().map_or(0, |label| label + 1);
        }
        labels
    }
}

/// What the stanzas of a poem chose, weighted by confidence; ordered, so sums come out the same.
#[derive(Default)]
struct Votes<'a> {
    by_labels: BTreeMap<&'a [usize], f32>,
    by_length: BTreeMap<usize, f32>,
}

impl Votes<'_> {
    /// Schemes of this length that other stanzas chose and this list lacks.
    fn missing(&self, line_count: usize, list: &[Candidate]) -> Vec<Vec<usize>> {
        self.by_labels
            .keys()
            .filter(|labels| labels.len() == line_count)
            .filter(|labels| list.iter().all(|candidate| candidate.labels != **labels))
            .take(MISSING_COUNT_MAX)
            .map(|labels| labels.to_vec())
            .collect()
    }
}

#[derive(Debug, Clone)]
struct Candidate {
    labels: Vec<usize>,
    evidence: f32,
    log_share: f32,
}

impl Candidate {
    fn score(&self) -> f32 {
        self.evidence + self.log_share
    }
}

/// Picks the best candidate; earlier ones win ties.
fn choose(list: &[Candidate]) -> Scheme {
    let mut best: Option<&Candidate> = None;
    for candidate in list {
        if best.is_none_or(|best| candidate.score() > best.score()) {
            best = Some(candidate);
        }
    }
    let Some(best) = best else {
        return Scheme {
            labels: Vec::new(),
            confidence: 0.0,
            evidence: [0.0; SCHEME_EVIDENCE_COUNT],
        };
    };
    let total: f32 = list
        .iter()
        .map(|candidate| (candidate.score() - best.score()).exp())
        .sum();
    Scheme {
        labels: best.labels.clone(),
        confidence: 1.0 / total.max(1.0),
        evidence: [0.0; SCHEME_EVIDENCE_COUNT],
    }
}

/// Groups lines bottom-up by average evidence, nearer lines first on a tie.
fn grouped(evidence: &Evidence) -> Vec<usize> {
    let singles = (0..evidence.line_count).map(|line| vec![line]).collect();
    merged(evidence, singles, 0.0)
}

/// Starts from a known scheme, frees lines that do not fit it, and groups again.
fn regrouped(evidence: &Evidence, labels: &[usize]) -> Vec<usize> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (line, label) in labels.iter().enumerate() {
        let mates = labels
            .iter()
            .enumerate()
            .filter(|(mate, l)| *mate != line && *l == label);
        let strengths: Vec<f32> = mates
            .map(|(mate, _)| evidence.between(line, mate))
            .collect();
        let is_fitting = strengths.iter().any(|strength| *strength > -1.0);
        let home = groups.iter().position(|group| {
            is_fitting
                && group
                    .first()
                    .is_some_and(|first| labels.get(*first) == Some(label))
                && group
                    .iter()
                    .any(|mate| evidence.between(line, *mate) > -1.0)
        });
        match home.and_then(|place| groups.get_mut(place)) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    merged(evidence, groups, 0.0)
}

/// Keeps lines together that sound alike, and joins groups that verse would hold apart: `aaaa` is
/// rare on the page and common in rap.
fn heard_labels(evidence: &Evidence, labels: &[usize]) -> Vec<usize> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut homes: BTreeMap<usize, usize> = BTreeMap::new();
    for (line, label) in labels.iter().enumerate().take(evidence.line_count) {
        let mut mates = labels
            .iter()
            .enumerate()
            .filter(|(mate, l)| *mate != line && *l == label);
        let is_heard = mates.any(|(mate, _)| evidence.between(line, mate) > 0.0);
        let home = homes.get(label).copied().filter(|_| is_heard);
        match home.and_then(|home| groups.get_mut(home)) {
            Some(group) => group.push(line),
            None => {
                if is_heard {
                    homes.insert(*label, groups.len());
                }
                groups.push(vec![line]);
            }
        }
    }
    let mut heard = merged(evidence, groups, HEARD_STRENGTH_MIN);
    let next = heard.iter().max().map_or(0, |label| label + 1);
    let missing_count = labels.len().saturating_sub(heard.len());
    heard.extend(next..next + missing_count);
    heard
}

/// Merges groups while the average evidence between two, less a toll for distance, is strong enough.
fn merged(evidence: &Evidence, mut groups: Vec<Vec<usize>>, strength_min: f32) -> Vec<usize> {
    // Beyond this size the search is too slow; blocks handle long stanzas.
    if groups.len() <= 80 {
        join_groups(evidence, &mut groups, strength_min);
    }
    let mut labels = vec![usize::MAX; evidence.line_count];
    for (place, group) in groups.iter().enumerate() {
        for line in group {
            if let Some(label) = labels.get_mut(*line) {
                *label = place;
            }
        }
    }
    renumbered(&labels)
}

/// Joins the two groups that are linked most until no link is strong enough. Links of groups that
/// stay are not measured again.
fn join_groups(evidence: &Evidence, groups: &mut Vec<Vec<usize>>, strength_min: f32) {
    let width = groups.len();
    let mut strengths = vec![0.0f32; width * width];
    for place in 0..width {
        for other in place + 1..width {
            strengths[place * width + other] =
                link_strength(evidence, &groups[place], &groups[other]);
        }
    }
    loop {
        let mut best: Option<(f32, usize, usize)> = None;
        for place in 0..groups.len() {
            for other in place + 1..groups.len() {
                let strength = strengths[place * width + other];
                if strength > strength_min && best.is_none_or(|(top, _, _)| strength > top) {
                    best = Some((strength, place, other));
                }
            }
        }
        let Some((_, place, other)) = best else { break };
        let moved = groups.swap_remove(other);
        groups[place].extend(moved);
        // One group is larger, and the last one has a new place.
        for changed in [place, other] {
            for mate in (0..groups.len()).filter(|mate| *mate != changed) {
                let (left, right) = (changed.min(mate), changed.max(mate));
                if let Some(group) = groups.get(right) {
                    strengths[left * width + right] = link_strength(evidence, &groups[left], group);
                }
            }
        }
    }
}

fn link_strength(evidence: &Evidence, left: &[usize], right: &[usize]) -> f32 {
    let mut sum = 0.0;
    let mut gap_min = usize::MAX;
    for first in left {
        for second in right {
            sum += evidence.between(*first, *second);
            gap_min = gap_min.min(first.abs_diff(*second));
        }
    }
    let toll = match gap_min {
        0..=2 => 0.8,
        3 => 1.5,
        4 => 2.5,
        _ => 4.0,
    };
    sum / (left.len() * right.len()) as f32 - toll
}

/// Numbers labels by first appearance.
pub(super) fn renumbered(labels: &[usize]) -> Vec<usize> {
    let mut seen: Vec<usize> = Vec::new();
    labels
        .iter()
        .map(|label| {
            seen.iter()
                .position(|known| known == label)
                .unwrap_or_else(|| {
                    seen.push(*label);
                    seen.len() - 1
                })
        })
        .collect()
}
