//! Cards on words: stress, language.

use std::path::Path;

use leitmotif_analysis::lyrics::scansion::{Metre, ScansionModel};

use super::blank;
use super::card::{Card, Confidence, Data, Metric, Peer, Score, worst};
use crate::calibration::{Calibration, rounded};
use crate::language::{Told, card_passages, outcomes};
use crate::stress::lines::{GoldLine, metre_named, scanned_lines};
use crate::stress::{JudgedLine, judge, read_gold};

const STRESS: Metric = Metric {
    name: "stress accuracy",
    definition: "Share of all syllables that are told stressed where the scansion has a strong position, and only there.",
    source: "exact agreement with the scansion",
};
const LANGUAGE: Metric = Metric {
    name: "recall",
    definition: "Share of passages of about 200 characters whose language is told.",
    source: "exact agreement",
};
/// Folds of the lines that the scanner is fitted on.
const FOLD_COUNT: usize = 8;

pub fn cards(kit: &Path) -> anyhow::Result<Vec<Card>> {
    Ok(vec![stress(kit)?, language(kit)?])
}

fn stress(kit: &Path) -> anyhow::Result<Card> {
    let train = read_gold(&kit.join("meter_en.train.tsv"))?;
    let judged = judge(
        &ScansionModel::fit(&scanned_lines(&train)),
        &read_gold(&kit.join("meter_en.dev.tsv"))?,
    );
    let crossed = cross_validated(&train);
    let (iambic, others): (Vec<JudgedLine>, Vec<JudgedLine>) = crossed
        .iter()
        .cloned()
        .partition(|line| metre_named(&line.metre) == Metre::Iambic);
    let failures = crossed.iter().flat_map(|line| {
        let group = format!("metre {}, held out", line.metre);
        (0..line.count).map(move |at| (group.clone(), f64::from(u8::from(at < line.right))))
    });
    Ok(Card {
        descriptors: vec![
            "verse_metre",
            "verse_metre_regularity_ratio",
            "feet_per_line_mean",
            "stress_regularity_ratio",
            "syllable_count",
            "syllables_per_line_mean",
            "syllables_per_line_variance",
        ],
        what: "Which syllables of English lines are stressed, and so in which metre they go.",
        unit: "share of syllables",
        data: vec![
            Data {
                name: "scanned English verse to judge on",
                count: judged.len(),
                of: "lines",
                origin: "written, scanned by hand",
                licence: "public domain, annotations without a stated licence; evaluation",
            },
            Data {
                name: "the same to fit on, and to judge on by folds",
                count: train.len(),
                of: "lines",
                origin: "written, scanned by hand",
                licence: "public domain, annotations without a stated licence; evaluation",
            },
        ],
        scores: vec![
            stress_score("lines that were not fitted on", &judged),
            stress_score("fitted lines, eight folds", &crossed),
            stress_score("the same, iambic", &iambic),
            stress_score("the same, other metres", &others),
        ],
        peers: stress_peers(&judged, &others),
        failures: worst(STRESS.name, 0.9, failures),
        notes: vec![
            "Each line is scanned by itself, because the files do not say which lines are of one poem; they may share poems. \
             Lyrics are scanned as one poem."
                .to_owned(),
            "Words are joined from the syllables of the files by the dictionary; wrongly joined ones count.".to_owned(),
            "Metre and regularity of a whole text have no labels. Metre is that of literary verse: what music does with a line \
             may differ."
                .to_owned(),
        ],
        ..blank("stress", "Metre stress", "words")
    })
}

fn stress_peers(judged: &[JudgedLine], others: &[JudgedLine]) -> Vec<Peer> {
    let peer = |name, value, note| Peer {
        name,
        metric: STRESS.name,
        value: rounded(value),
        note,
    };
    vec![
        peer(
            "always iambic",
            share(judged, |line| line.iambic),
            "weak, strong, weak, strong; on lines that were not fitted on",
        ),
        peer(
            "always iambic, other metres",
            share(others, |line| line.iambic),
            "the same, on fitted lines that are not iambic",
        ),
        peer(
            "words alone",
            share(judged, |line| line.words_alone),
            "stress of the dictionary, none on function words; on lines that were not fitted on",
        ),
    ]
}

/// Judges each line by a model that did not learn from its fold.
fn cross_validated(gold: &[GoldLine]) -> Vec<JudgedLine> {
    let lines = scanned_lines(gold);
    let folds = (0..FOLD_COUNT).flat_map(|fold| {
        let others = lines.iter().enumerate();
        let others = others.filter(|(at, _)| at % FOLD_COUNT != fold);
        let model = ScansionModel::fit(&others.map(|(_, line)| line.clone()).collect::<Vec<_>>());
        let own: Vec<GoldLine> = gold
            .iter()
            .skip(fold)
            .step_by(FOLD_COUNT)
            .cloned()
            .collect();
        judge(&model, &own)
    });
    folds.collect()
}

fn share<'l>(
    lines: impl IntoIterator<Item = &'l JudgedLine>,
    part: fn(&JudgedLine) -> usize,
) -> f64 {
    let (sum, count) = lines.into_iter().fold((0, 0), |(sum, count), line| {
        (sum + part(line), count + line.count)
    });
    sum as f64 / f64::max(count as f64, 1.0)
}

/// The share of right syllables; whole lines are drawn for the interval, syllables of one line go together.
fn stress_score(of: &'static str, lines: &[JudgedLine]) -> Score {
    let score = STRESS.of_items(of, lines.len(), |items| {
        share(items.iter().filter_map(|item| lines.get(*item)), |line| {
            line.right
        })
    });
    let count = lines.iter().map(|line| line.count).sum();
    Score { count, ..score }
}

/// Measured on texts that are not in the kit; see `docs/measurements.md`.
const OTHER_LANGUAGES: &str = "No labelled text of the other languages is in the kit, so they are not scored. On translated handbook pages of a \
    Debian system, passages of 200 characters: Polish 0.988 of 407, Turkish 1.000 of 310, Czech 1.000 of 35, \
    Romanian 0.998 of 575, German 0.994 of 2,654, Swedish 0.991 of 1,386, French 0.990 of 2,558, Portuguese 0.992 of \
    2,490, Spanish 0.995 of 412, Italian 0.990 of 493, Dutch 0.990 of 1,778, Russian 0.976 of 414; single lines of \
    60 characters 0.848 (Czech) to 0.978 (Russian). `leitmotif-eval language --text CODE=FILE` measures them on \
    texts of one's own.";

fn language(kit: &Path) -> anyhow::Result<Card> {
    let told = card_passages(kit)?;
    let value = |told: &Told| f64::from(u8::from(told.is_right));
    let values: Vec<f64> = told.iter().map(value).collect();
    let outcomes = outcomes(&told);
    Ok(Card {
        descriptors: vec!["language"],
        what: "The language of lyrics, or none where the text is too short or of no known language.",
        unit: "ISO 639-1",
        data: vec![Data {
            name: "English verse of four poets in passages",
            count: told.len(),
            of: "passages",
            origin: "written",
            licence: "public domain",
        }],
        scores: LANGUAGE.mean("English", &values).into_iter().collect(),
        confidences: Calibration::of(&outcomes)
            .map(|calibration| Confidence {
                of: "language",
                definition: "Whether the language is English, as it is; English alone cannot show whether other languages are told apart.",
                calibration,
            })
            .into_iter()
            .collect(),
        failures: worst("recall", 0.98, told.iter().map(|told| (told.source.clone(), value(told)))),
        notes: vec![
            OTHER_LANGUAGES.to_owned(),
        ],
        ..blank("language", "Language", "words")
    })
}
