//! Cards on what the program plays itself: sections and chords on songs of the demo.

use leitmotif_analysis::audio::{AudioBuffer, analyze_audio};
use leitmotif_demo::form_scores::{HeardSection, boundary_f, hits, pairwise_f};
use leitmotif_demo::songs::{SongSpec, Style, render_song};
use rayon::prelude::*;

use super::blank;
use super::card::{Card, Confidence, Data, Metric, worst};
use crate::audio_scores::{LabelledChord, recalled};
use crate::beat_scores::{beat_f_measure, correct_level_total};
use crate::calibration::{Calibration, Outcome};

/// Seeds of the songs; the weights of the sections were searched on 1000 to 1004.
const SEEDS: std::ops::Range<u64> = 5_000..5_004;

const BOUNDARY_F: Metric = Metric {
    name: "boundary F at 3 s",
    definition: "F-measure of section boundaries within 3 s, one to one, without start and end of the song.",
    source: "Turnbull et al., ISMIR 2007; as mir_eval computes it, trimmed",
};
const BOUNDARY_NARROW_F: Metric = Metric {
    name: "boundary F at 0.5 s",
    definition: "As at 3 s, within 0.5 s.",
    source: "Turnbull et al., ISMIR 2007; as mir_eval computes it, trimmed",
};
const PAIRS_F: Metric = Metric {
    name: "label pairs F",
    definition: "F-measure of pairs of moments that have the same label.",
    source: "Levy & Sandler, IEEE TASLP 16(2), 2008",
};
const DOWNBEAT_F: Metric = Metric {
    name: "downbeat F",
    definition: "F-measure of first beats of bars matched one to one within 70 ms, after the first five seconds; 0 where none is told.",
    source: "Dixon, JNMR 36(1), 2007; as mir_eval computes it for beats",
};
const DOWNBEAT_CMLT: Metric = Metric {
    name: "downbeat CMLt",
    definition: "Share of first beats of bars that lie within 17.5 % of a bar of a true one, as far from the one before as that \
        from its own within 17.5 %.",
    source: "Hainsworth 2004, Davies et al., C4DM-TR-09-06, 2009; as mir_eval computes it for beats",
};
const CHORDS: Metric = Metric {
    name: "chord recall",
    definition: "Share of the time of a song in which the major or minor triad that is played is told.",
    source: "MIREX audio chord estimation, chord symbol recall over major, minor and none",
};
pub fn cards(jobs: usize) -> anyhow::Result<Vec<Card>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()?;
    let songs: Vec<(Style, u64)> = SEEDS
        .flat_map(|seed| Style::ALL.map(|style| (style, seed)))
        .collect();
    let judged: Vec<Judged> = pool.install(|| {
        let songs = songs.into_par_iter();
        songs
            .map(|(style, seed)| judge(style, seed))
            .collect::<anyhow::Result<_>>()
    })?;
    Ok(vec![
        structure(&judged),
        chords(&judged),
        downbeats(&judged),
    ])
}

struct Judged {
    style: Style,
    wide: f64,
    narrow: f64,
    pairs: f64,
    /// Share of the time whose chord is told.
    chords: Option<f64>,
    downbeat_f: f64,
    downbeat_cmlt: f64,
    outcomes: Vec<Outcome>,
}

fn judge(style: Style, seed: u64) -> anyhow::Result<Judged> {
    let song = render_song(&SongSpec::whole(style, seed));
    let audio = AudioBuffer {
        samples: song.samples,
        channel_count: song.channel_count,
        sample_rate_hz: song.sample_rate_hz,
    };
    let analysis = analyze_audio(&audio)?;
    let value = |name: &str| {
        let mut descriptors = analysis.descriptors.iter();
        descriptors
            .find(|found| found.name == name)
            .map(|found| &found.value)
    };
    let sections = value("structure").and_then(|found| found.as_array());
    let chords: Vec<LabelledChord> = (song.truth.chords.iter())
        .map(|chord| (chord.start_s, chord.end_s, chord.name.clone()))
        .collect();
    let heard: Vec<HeardSection> = sections
        .into_iter()
        .flatten()
        .filter_map(|section| {
            Some(HeardSection {
                start_s: section["start_ms"].as_f64()? / 1_000.0,
                label: section["label"].as_str()?.to_owned(),
                confidence: section["confidence"].as_f64(),
            })
        })
        .collect();
    let truth = &song.truth.sections;
    let starts: Vec<f64> = truth.iter().skip(1).map(|part| part.start_s).collect();
    let downbeats = analysis.downbeats_ms.iter();
    let downbeats: Vec<f64> = downbeats.map(|&time| f64::from(time) / 1_000.0).collect();
    let told = heard.iter().skip(1).zip(hits(&starts, &heard, 3.0));
    Ok(Judged {
        style,
        wide: boundary_f(truth, &heard, 3.0),
        narrow: boundary_f(truth, &heard, 0.5),
        pairs: pairwise_f(truth, &heard),
        chords: recalled(&chords, value("chords")),
        downbeat_f: beat_f_measure(&song.truth.downbeats_s, &downbeats),
        downbeat_cmlt: correct_level_total(&song.truth.downbeats_s, &downbeats),
        outcomes: told
            .filter_map(|(section, is_hit)| Some((section.confidence?, is_hit)))
            .collect(),
    })
}

fn structure(judged: &[Judged]) -> Card {
    let of = |measure: fn(&Judged) -> f64| judged.iter().map(measure).collect::<Vec<f64>>();
    let outcomes: Vec<Outcome> = judged
        .iter()
        .flat_map(|song| song.outcomes.iter().copied())
        .collect();
    let scores = [
        BOUNDARY_F.mean("whole songs", &of(|song| song.wide)),
        BOUNDARY_NARROW_F.mean("whole songs", &of(|song| song.narrow)),
        PAIRS_F.mean("whole songs", &of(|song| song.pairs)),
    ];
    let confidence = Calibration::of(&outcomes).map(|calibration| Confidence {
        of: "the start of a section",
        definition: "Whether a section of the song begins within 3 s; what is shipped, on these songs.",
        calibration,
    });
    Card {
        descriptors: vec!["structure"],
        what: "Sections of a track in order, with labels that say which repeat each other.",
        unit: "seconds and labels",
        data: vec![songs_of(judged)],
        scores: scores.into_iter().flatten().collect(),
        confidences: confidence.into_iter().collect(),
        failures: worst(
            "boundary F at 3 s",
            0.85,
            judged.iter().map(|song| (format!("{:?}", song.style).to_lowercase(), song.wide)),
        ),
        notes: vec![
            "Tempi are constant, forms are made of phrases of four bars and the composer is ours: real songs will score lower; \
             none with known sections was measured."
                .to_owned(),
        ],
        ..blank("structure", "Structure", "sound")
    }
}

fn songs_of(judged: &[Judged]) -> Data {
    Data {
        name: "songs of the demo in their whole form, seeds 5000 to 5003",
        count: judged.len(),
        of: "songs",
        origin: "synthesised",
        licence: "our own",
    }
}

fn chords(judged: &[Judged]) -> Card {
    let recalls = || {
        judged
            .iter()
            .filter_map(|song| Some((song.style, song.chords?)))
    };
    let values: Vec<f64> = recalls().map(|(_, recall)| recall).collect();
    let by_style = recalls().map(|(style, recall)| (format!("{style:?}").to_lowercase(), recall));
    Card {
        descriptors: vec!["chords"],
        what: "Major and minor triads over time.",
        unit: "root and mode by span",
        data: vec![songs_of(judged)],
        scores: CHORDS.mean("whole songs", &values).into_iter().collect(),
        failures: worst("chord recall", 0.85, by_style),
        notes: vec![
            "The composer is ours, plays triads alone and changes them with the bar; the bass and the lead move around them. \
             Real songs with sevenths and inversions will score lower; none with labelled chords was measured."
                .to_owned(),
            "Songs of another composer are judged by `leitmotif-eval audio` on clips of `eval/tools/make_training_clips.py`."
                .to_owned(),
        ],
        ..blank("chords", "Chords", "harmony")
    }
}

fn downbeats(judged: &[Judged]) -> Card {
    let of = |measure: fn(&Judged) -> f64| judged.iter().map(measure).collect::<Vec<f64>>();
    let scores = [
        DOWNBEAT_F.mean("whole songs", &of(|song| song.downbeat_f)),
        DOWNBEAT_CMLT.mean("whole songs", &of(|song| song.downbeat_cmlt)),
    ];
    let by_style = judged
        .iter()
        .map(|song| (format!("{:?}", song.style).to_lowercase(), song.downbeat_f));
    Card {
        what: "Where bars begin: the times of the downbeats are in the analysis, a part of its beats.",
        unit: "seconds",
        data: vec![songs_of(judged)],
        scores: scores.into_iter().flatten().collect(),
        failures: worst("downbeat F", 0.95, by_style),
        notes: vec![
            "A song whose tempo is read at half or twice its beat has wrong bars too, so these numbers hold the errors of tempo and metre."
                .to_owned(),
            "Downbeats have no confidence of their own; that of `time_signature` is of the metre alone.".to_owned(),
            "The composer is ours, changes chords with the bar and keeps its tempo; no recording with labelled bars was measured."
                .to_owned(),
        ],
        ..blank("downbeats", "Downbeats", "rhythm")
    }
}
