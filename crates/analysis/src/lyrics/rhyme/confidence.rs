//! How sure a scheme is: log odds that are linear in terms of the evidence of its stanza.

use super::confidence_weights::{
    FRENCH_SUNG, FRENCH_VERSE, SPELLED_SUNG, SPELLED_VERSE, SUNG, VERSE,
};
use super::scheme::{Evidence, Scheme};
use crate::logistic::probability;

/// Number of measurements that the confidence in a scheme goes by.
pub const SCHEME_EVIDENCE_COUNT: usize = 5;
/// Number of terms made of them.
pub const SCHEME_TERM_COUNT: usize = 13;
/// Place of the measurement that the decoder makes: 1 where the ear changed the scheme, else 0.
pub(super) const HEARD_AT: usize = 4;
/// Furthest from certain that a decoder's share is taken: beyond it says nothing more.
const SHARE_MARGIN: f32 = 1e-4;
/// Lines farther apart are no rivals: the ear would not join them.
const RIVAL_GAP_MAX: usize = 4;

/// What was read: verse on the page or sung lines, by sound, by the rules of French, or by spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Verse,
    Sung,
    FrenchVerse,
    FrenchSung,
    SpelledVerse,
    SpelledSung,
}

/// Fills in the evidence of decoded schemes and turns their shares into probabilities.
pub(super) fn judge(kind: Kind, schemes: &mut [Scheme], stanzas: &[Evidence]) {
    let weights = match kind {
        Kind::Verse => &VERSE,
        Kind::Sung => &SUNG,
        Kind::FrenchVerse => &FRENCH_VERSE,
        Kind::FrenchSung => &FRENCH_SUNG,
        Kind::SpelledVerse => &SPELLED_VERSE,
        Kind::SpelledSung => &SPELLED_SUNG,
    };
    for (scheme, stanza) in schemes.iter_mut().zip(stanzas) {
        scheme.evidence = scheme_evidence(scheme, stanza);
        scheme.confidence = scheme_probability(scheme, weights);
    }
}

/// One line has one scheme.
fn scheme_probability(scheme: &Scheme, weights: &[f64; SCHEME_TERM_COUNT + 1]) -> f32 {
    if scheme.labels.len() < 2 {
        return 1.0;
    }
    probability(&scheme_terms(&scheme.evidence), weights) as f32
}

/// What the log odds of a scheme are linear in.
///
/// - Shape: the measurements; the first four again where the ear changed the scheme, since a changed one is right
///   for other reasons than one that stands; then what bends: the square of the share's log odds, these by the
///   number of lines, whether there are two lines only, and a weakest link below even odds.
pub fn scheme_terms(evidence: &[f32; SCHEME_EVIDENCE_COUNT]) -> [f64; SCHEME_TERM_COUNT] {
    let [share, lines, weakest, rival, heard] = evidence.map(f64::from);
    [
        share,
        lines,
        weakest,
        rival,
        heard,
        share * heard,
        lines * heard,
        weakest * heard,
        rival * heard,
        // Divided so that all terms are of one order and are shrunk alike.
        share * share / 10.0,
        share * lines / 5.0,
        if lines < 1.0 { 1.0 } else { 0.0 },
        weakest.min(0.0),
    ]
}

/// The log odds of the decoder's share, the logarithm of the number of lines, the weakest of the lines'
/// best links inside their groups, and the strongest link between near lines held apart; links are the
/// log odds of words, 0 where there are none. Last, whether the ear changed what verse expects.
fn scheme_evidence(scheme: &Scheme, stanza: &Evidence) -> [f32; SCHEME_EVIDENCE_COUNT] {
    let share = scheme.confidence.clamp(SHARE_MARGIN, 1.0 - SHARE_MARGIN);
    let mut weakest: Option<f32> = None;
    let mut strongest: Option<f32> = None;
    let labels = scheme
        .labels
        .get(..stanza.line_count())
        .unwrap_or(&scheme.labels);
    for (line, label) in labels.iter().enumerate() {
        let mut best: Option<f32> = None;
        for (other, other_label) in labels
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != line)
        {
            let link = stanza.between(line, other);
            if label == other_label {
                best = Some(best.map_or(link, |known| known.max(link)));
            } else if line.abs_diff(other) <= RIVAL_GAP_MAX {
                strongest = Some(strongest.map_or(link, |known| known.max(link)));
            }
        }
        if let Some(best) = best {
            weakest = Some(weakest.map_or(best, |known| known.min(best)));
        }
    }
    [
        (share / (1.0 - share)).ln(),
        (scheme.labels.len().max(1) as f32).ln(),
        weakest.unwrap_or(0.0),
        strongest.unwrap_or(0.0),
        scheme.evidence[HEARD_AT],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_inside_and_across_are_told_apart() {
        // Lines 0 and 2 rhyme by 4, 1 and 3 by 1, neighbours by -2.
        let link = |a: &usize, b: &usize| match (a.min(b), a.max(b)) {
            (0, 2) => 4.0,
            (1, 3) => 1.0,
            _ => -2.0,
        };
        let stanza = Evidence::new(&[0usize, 1, 2, 3], link);
        let mut schemes = [Scheme {
            labels: vec![0, 1, 0, 1],
            confidence: 0.5,
            evidence: [0.0; SCHEME_EVIDENCE_COUNT],
        }];
        judge(Kind::Verse, &mut schemes, std::slice::from_ref(&stanza));
        assert_eq!(schemes[0].evidence, [0.0, 4f32.ln(), 1.0, -2.0, 0.0]);
        assert!((0.0..=1.0).contains(&schemes[0].confidence));
    }

    #[test]
    fn terms_of_what_the_ear_changed_are_told_apart() {
        let kept = scheme_terms(&[2.0, 4f32.ln(), -1.0, 3.0, 0.0]);
        assert_eq!(kept[..5], [2.0, f64::from(4f32.ln()), -1.0, 3.0, 0.0]);
        assert_eq!(kept[5..9], [0.0; 4]);
        assert_eq!([kept[9], kept[11], kept[12]], [0.4, 0.0, -1.0]);
        let changed = scheme_terms(&[2.0, 2f32.ln(), 1.0, 3.0, 1.0]);
        assert_eq!(changed[..4], changed[5..9]);
        assert_eq!(changed[11..], [1.0, 0.0]);
    }

    #[test]
    fn one_line_is_certain_and_none_is_no_panic() {
        for labels in [vec![], vec![0]] {
            let stanza = Evidence::new(&labels, |_, _| 0.0);
            let mut schemes = [Scheme {
                labels,
                confidence: 0.0,
                evidence: [0.0; SCHEME_EVIDENCE_COUNT],
            }];
            judge(Kind::Sung, &mut schemes, std::slice::from_ref(&stanza));
            assert_eq!(schemes[0].confidence, 1.0);
        }
    }
}
