//! The `audio` measurement: tempo, beats and key on labelled clips, and the speed of the whole chain.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use leitmotif_analysis::audio::{
    AudioAnalysis, AudioBuffer, ConfidenceEvidence, DecodeLimits, MetreReading, analyze_audio,
    confidence_evidence, decode_bytes, key_profiles, metre_readings,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::audio_scores::{KeyChanges, chord_recall, key_changes};
use crate::beat_scores::{beat_f_measure, correct_level_total};
use crate::calibration::Calibration;
use crate::files::open_text;

/// Relative tolerance of a tempo (Gouyon et al. 2006), the bound itself included.
const TEMPO_TOLERANCE: f64 = 0.04 + 1e-9;

/// Tempo, beats and key on labelled clips, and the speed of the whole audio analysis.
#[derive(clap::Args)]
pub struct Args {
    /// Folder with `labels.csv`, `beats/` and the clips.
    #[arg(long)]
    data: PathBuf,
    /// Clips analysed at the same time; speed is only meaningful with 1.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Print one line of JSON per clip.
    #[arg(long)]
    verbose: bool,
    /// Also print each clip's embedding in the verbose lines.
    #[arg(long)]
    embeddings: bool,
    /// Also print the readings of each clip's metre with their features, to fit the weights on.
    #[arg(long)]
    readings: bool,
    /// Also print the profiles that each clip's key is told by, to fit the weights on.
    #[arg(long)]
    keys: bool,
}

/// A row of `labels.csv`.
pub struct Label {
    pub file: String,
    pub kind: String,
    pub genre: String,
    pub bpm: Option<f64>,
    pub bpm_kind: String,
    pub key: Option<(usize, bool)>,
    pub key_kind: String,
    pub meter: Option<u64>,
    pub beats_file: Option<String>,
    pub tuning_cents: Option<f64>,
}

/// A clip, what was found and how it scores.
pub struct Scored {
    pub label: Label,
    pub analysis: AudioAnalysis,
    pub duration_s: f64,
    pub seconds: f64,
    pub beat_f: Option<f64>,
    /// F-measure and CMLt of the downbeats.
    pub downbeats: Option<(f64, f64)>,
    pub chord_recall: Option<f64>,
    pub key_changes: Option<KeyChanges>,
    pub readings: Vec<(MetreReading, Option<f64>)>,
    pub evidence: Option<ConfidenceEvidence>,
    key_profiles: Vec<[f64; 12]>,
}

impl Args {
    /// Everything that is measured of a kit, for its cards.
    pub fn of_kit(data: &Path, jobs: usize) -> Self {
        Self {
            data: data.to_owned(),
            jobs,
            verbose: false,
            embeddings: false,
            readings: true,
            keys: false,
        }
    }
}

/// Analyses and scores every clip of a kit, in the order of its labels.
pub fn score_all(args: &Args) -> anyhow::Result<Vec<Scored>> {
    let labels = read_labels(&args.data)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs.max(1))
        .build()?;
    pool.install(|| {
        labels
            .into_par_iter()
            .map(|label| score(args, label))
            .collect::<anyhow::Result<_>>()
    })
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let scored = score_all(args)?;
    if args.verbose {
        for clip in &scored {
            println!("{}", verbose_line(clip, args));
        }
    }
    Ok(summary(&scored))
}

fn read_labels(data: &Path) -> anyhow::Result<Vec<Label>> {
    let path = data.join("labels.csv");
    let text = read_text(&path)?;
    let mut lines = text.lines();
    let header = split_csv(lines.next().unwrap_or_default());
    let column = |name: &str| {
        header
            .iter()
            .position(|field| field == name)
            .with_context(|| format!("no column `{name}`"))
    };
    let names = [
        "file",
        "kind",
        "genre",
        "bpm",
        "bpm_kind",
        "key",
        "mode",
        "key_kind",
        "meter",
        "beats_file",
    ];
    let columns = names
        .iter()
        .map(|name| column(name))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let tuning_column = column("tuning_cents").ok();
    Ok(lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let fields = split_csv(line);
            let field = |index: usize| {
                columns
                    .get(index)
                    .and_then(|&at| fields.get(at))
                    .cloned()
                    .unwrap_or_default()
            };
            Label {
                file: field(0),
                kind: field(1),
                genre: field(2),
                bpm: field(3).parse().ok(),
                bpm_kind: field(4),
                key: pitch_class(&field(5)).map(|class| (class, field(6) == "minor")),
                key_kind: field(7),
                meter: field(8).parse().ok(),
                beats_file: Some(field(9)).filter(|file| !file.is_empty()),
                tuning_cents: tuning_column
                    .and_then(|at| fields.get(at))
                    .and_then(|field| field.parse().ok()),
            }
        })
        .collect())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    open_text(path)?
        .read_to_string(&mut text)
        .with_context(|| path.display().to_string())?;
    Ok(text)
}

/// Splits one CSV line; quoted fields may hold commas and doubled quotes.
fn split_csv(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                push(&mut fields, '"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => push(&mut fields, other),
        }
    }
    fields
}

fn push(fields: &mut [String], character: char) {
    if let Some(field) = fields.last_mut() {
        field.push(character);
    }
}

/// Names of the pitch classes.
pub const PITCH_CLASSES: [&str; 12] = [
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
];

fn pitch_class(name: &str) -> Option<usize> {
    PITCH_CLASSES.iter().position(|&known| known == name)
}

fn score(args: &Args, label: Label) -> anyhow::Result<Scored> {
    let data = &args.data;
    let path = data.join(&label.file);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    let start = Instant::now();
    let audio = decode_bytes(&bytes, extension, &DecodeLimits::default())
        .with_context(|| label.file.clone())?;
    let analysis = analyze_audio(&audio).with_context(|| label.file.clone())?;
    let seconds = start.elapsed().as_secs_f64();
    let frame_count = audio.samples.len() / audio.channel_count;
    let duration_s = frame_count as f64 / f64::from(audio.sample_rate_hz);
    let truth = label
        .beats_file
        .as_ref()
        .map(|file| read_beats(&data.join(file)))
        .transpose()?;
    let beat_f = truth
        .as_ref()
        .map(|truth| beat_f_measure(&truth.beats_s, &in_seconds(&analysis.beats_ms)));
    let downbeats = truth
        .as_ref()
        .and_then(|truth| truth.score_downbeats(&in_seconds(&analysis.downbeats_ms)));
    let readings = scored_readings(args, &audio, truth.as_ref())?;
    let labels_of = |folder: &str| {
        let stem = path.file_stem().unwrap_or_default();
        data.join(folder).join(stem).with_extension("txt")
    };
    let value = |name: &str| {
        let descriptors = &analysis.descriptors;
        let found = descriptors.iter().find(|found| found.name == name);
        found.map(|found| &found.value)
    };
    let chord_recall = chord_recall(&labels_of("chords"), value("chords"))?;
    let key_changes = key_changes(&labels_of("keys"), value("key_changes"))?;
    let evidence = if args.readings {
        Some(confidence_evidence(&audio)?)
    } else {
        None
    };
    let key_profiles = match args.keys {
        true => key_profiles(&audio)?,
        false => Vec::new(),
    };
    Ok(Scored {
        evidence,
        key_profiles,
        chord_recall,
        key_changes,
        label,
        analysis,
        duration_s,
        seconds,
        beat_f,
        downbeats,
        readings,
    })
}

/// The readings of a clip's metre and how their beats score; empty where they are not asked for.
fn scored_readings(
    args: &Args,
    audio: &AudioBuffer,
    truth: Option<&Beats>,
) -> anyhow::Result<Vec<(MetreReading, Option<f64>)>> {
    let readings = match args.readings {
        true => metre_readings(audio)?,
        false => Vec::new(),
    };
    let scored = readings.into_iter().map(|reading| {
        let beat_f = truth.map(|truth| beat_f_measure(&truth.beats_s, &reading.beats_s));
        (reading, beat_f)
    });
    Ok(scored.collect())
}

/// What a beat file tells.
struct Beats {
    beats_s: Vec<f64>,
    /// `None` when the file does not say where bars begin.
    downbeats_s: Option<Vec<f64>>,
}

impl Beats {
    /// F-measure and CMLt of downbeats.
    fn score_downbeats(&self, found: &[f64]) -> Option<(f64, f64)> {
        let truth = self.downbeats_s.as_ref()?;
        let continuous = correct_level_total(truth, found);
        Some((beat_f_measure(truth, found), continuous))
    }
}

/// Reads a beat file: seconds, and where known the place in the bar from 1.
fn read_beats(path: &Path) -> anyhow::Result<Beats> {
    let text = read_text(path)?;
    let rows = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let time: f64 = words.next()?.parse().ok()?;
        Some((time, words.next().map(str::to_owned)))
    });
    let rows: Vec<(f64, Option<String>)> = rows.collect();
    let has_places = rows.iter().any(|(_, place)| place.is_some());
    let downbeats = rows
        .iter()
        .filter(|(_, place)| place.as_deref() == Some("1"));
    Ok(Beats {
        downbeats_s: has_places.then(|| downbeats.map(|(time, _)| *time).collect()),
        beats_s: rows.into_iter().map(|(time, _)| time).collect(),
    })
}

fn in_seconds(times_ms: &[u32]) -> Vec<f64> {
    let times = times_ms.iter();
    times.map(|&time| f64::from(time) / 1_000.0).collect()
}

/// MIREX weights: exact 1, a fifth apart in the same mode 0.5, relative 0.3, parallel 0.2.
fn mirex_score(truth: (usize, bool), found: Option<(usize, bool)>) -> f64 {
    let Some(found) = found else { return 0.0 };
    if truth == found {
        return 1.0;
    }
    let interval = (found.0 + 12 - truth.0) % 12;
    if truth.1 == found.1 {
        return if interval == 7 || interval == 5 {
            0.5
        } else {
            0.0
        };
    }
    let relative = if truth.1 { 3 } else { 9 };
    match interval {
        0 => 0.2,
        _ if interval == relative => 0.3,
        _ => 0.0,
    }
}

/// Tells whether a tempo is within 4 % of the truth times one of the factors.
pub fn is_tempo_hit(truth: f64, found: Option<f64>, factors: &[f64]) -> bool {
    found.is_some_and(|found| {
        factors
            .iter()
            .any(|factor| (found / (truth * factor) - 1.0).abs() <= TEMPO_TOLERANCE)
    })
}

/// The tempo itself.
pub const SAME: [f64; 1] = [1.0];
/// The tempo, and what is heard for it at other levels.
const OCTAVES: [f64; 5] = [1.0, 2.0, 3.0, 0.5, 1.0 / 3.0];

impl Scored {
    /// A descriptor's value.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.analysis
            .descriptors
            .iter()
            .find(|found| found.name == name)
            .map(|found| &found.value)
    }

    /// A descriptor's confidence.
    pub fn confidence(&self, name: &str) -> Option<f64> {
        let found = self
            .analysis
            .descriptors
            .iter()
            .find(|found| found.name == name)?;
        found.confidence.map(f64::from)
    }

    /// Confidence in the tempo and whether it is right, octave included.
    pub fn tempo_outcome(&self) -> Option<(f64, bool)> {
        Some((self.confidence("tempo_bpm")?, self.acc1()? > 0.5))
    }

    /// Confidence in the key and whether it is exactly right.
    pub fn key_outcome(&self) -> Option<(f64, bool)> {
        Some((self.confidence("key")?, self.mirex()? > 0.99))
    }

    /// Distance of the tuning from the labelled one on the circle of a semitone.
    fn tuning_error_cents(&self) -> Option<f64> {
        let truth = self.label.tuning_cents?;
        let found = self.value("tuning_cents").and_then(Value::as_f64)?;
        let apart = (found - truth).rem_euclid(100.0);
        Some(apart.min(100.0 - apart))
    }

    fn tempo(&self) -> Option<f64> {
        self.value("tempo_bpm").and_then(Value::as_f64)
    }

    fn key(&self) -> Option<(usize, bool)> {
        let class = pitch_class(self.value("key")?.as_str()?)?;
        Some((class, self.value("mode")?.as_str()? == "minor"))
    }

    fn is_disputed(&self) -> bool {
        self.label.bpm_kind.contains("DISPUTED")
    }

    fn scored_bpm(&self) -> Option<f64> {
        self.label.bpm.filter(|_| !self.is_disputed())
    }

    /// 1 when the tempo is right, octave included, else 0.
    pub fn acc1(&self) -> Option<f64> {
        let is_octave_known = !self.label.bpm_kind.contains("octave not known");
        let truth = self.scored_bpm().filter(|_| is_octave_known)?;
        Some(f64::from(u8::from(is_tempo_hit(
            truth,
            self.tempo(),
            &SAME,
        ))))
    }

    /// 1 when the tempo is right, octaves forgiven, else 0.
    pub fn acc2(&self) -> Option<f64> {
        let truth = self.scored_bpm()?;
        Some(f64::from(u8::from(is_tempo_hit(
            truth,
            self.tempo(),
            &OCTAVES,
        ))))
    }

    /// The key's MIREX score.
    pub fn mirex(&self) -> Option<f64> {
        let truth = self
            .label
            .key
            .filter(|_| !self.label.key_kind.starts_with("weak"))?;
        Some(mirex_score(truth, self.key()))
    }

    /// 1 when the beats per bar are right, else 0; `None` where unknown or not told.
    pub fn metre(&self) -> Option<f64> {
        let is_scored = matches!(self.label.kind.as_str(), "synth" | "own-band" | "demo");
        let truth = self.label.meter.filter(|_| is_scored)?;
        let found = self.value("time_signature").and_then(Value::as_u64)?;
        Some(f64::from(u8::from(found == truth)))
    }
}

fn verbose_line(clip: &Scored, args: &Args) -> Value {
    let mut line = json!({
        "file": clip.label.file,
        "genre": clip.label.genre,
        "bpm": clip.label.bpm,
        "found_bpm": clip.tempo(),
        "alt_bpm": clip.value("tempo_alt_bpm"),
        "acc1": clip.acc1(),
        "acc2": clip.acc2(),
        "beat_f": clip.beat_f,
        "downbeat_f": clip.downbeats.map(|(f, _)| f),
        "downbeat_cmlt": clip.downbeats.map(|(_, cmlt)| cmlt),
        "key": clip.label.key,
        "found_key": clip.key(),
        "mirex": clip.mirex(),
        "tempo_confidence": clip.confidence("tempo_bpm"),
        "key_confidence": clip.confidence("key"),
        "key_strength": clip.value("key_strength"),
        "key_changes": clip.value("key_changes"),
        "chord_recall": clip.chord_recall,
        "metre_label": clip.label.meter,
        "metre": clip.value("time_signature"),
        "metre_hit": clip.metre(),
        "seconds": clip.seconds,
    });
    if args.readings
        && let Some(fields) = line.as_object_mut()
    {
        let readings: Vec<Value> = clip
            .readings
            .iter()
            .map(|(reading, beat_f)| {
                json!({
                    "bpm": reading.tempo_bpm,
                    "probability": reading.probability,
                    "group": reading.group,
                    "beat_f": beat_f,
                    "features": rounded(&reading.features),
                    "division_features": rounded(&reading.division_features),
                    "phase_features": rounded(&reading.phase_features),
                })
            })
            .collect();
        fields.insert("readings".to_owned(), Value::Array(readings));
        fields.insert("evidence".to_owned(), json!(clip.evidence));
        fields.insert("kind".to_owned(), json!(clip.label.kind));
    }
    if args.keys
        && let Some(fields) = line.as_object_mut()
    {
        let profiles: Vec<Vec<f64>> = clip.key_profiles.iter().map(|row| rounded(row)).collect();
        fields.insert("key_profiles".to_owned(), json!(profiles));
    }
    if args.embeddings
        && let Some(fields) = line.as_object_mut()
    {
        fields.insert("embedding".to_owned(), json!(clip.analysis.embedding));
    }
    line
}

fn rounded(values: &[f64]) -> Vec<f64> {
    let round = |value: &f64| (value * 1e4).round() / 1e4;
    values.iter().map(round).collect()
}

/// Mean and count of the clips that have the measure.
fn mean(values: impl Iterator<Item = f64>) -> (Option<f64>, usize) {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| {
        (sum + value, count + 1)
    });
    (
        (count > 0).then(|| (sum / count as f64 * 1e4).round() / 1e4),
        count,
    )
}

fn summary(scored: &[Scored]) -> Value {
    let of_kind = |kind: &'static str| scored.iter().filter(move |clip| clip.label.kind == kind);
    const SYNTH: &str = "synth";
    const MIDI: &str = "midi-performance";
    let audio_s: f64 = scored.iter().map(|clip| clip.duration_s).sum();
    let cpu_s: f64 = scored.iter().map(|clip| clip.seconds).sum();
    let (acc1, acc1_count) = mean(scored.iter().filter_map(Scored::acc1));
    let (acc2, acc2_count) = mean(scored.iter().filter_map(Scored::acc2));
    let mut styles: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
    for clip in of_kind(SYNTH) {
        styles.entry(&clip.label.genre).or_default().push(clip);
    }
    let styles: serde_json::Map<String, Value> = styles
        .into_iter()
        .map(|(style, clips)| {
            let part = json!({
                "tempo_acc1": mean(clips.iter().filter_map(|clip| clip.acc1())).0,
                "beat_f": mean(clips.iter().filter_map(|clip| clip.beat_f)).0,
                "key_mirex": mean(clips.iter().filter_map(|clip| clip.mirex())).0,
            });
            (style.to_owned(), part)
        })
        .collect();
    let (metre, metre_count) = mean(scored.iter().filter_map(Scored::metre));
    let mut summary = json!({
        "tempo_acc1": acc1,
        "tempo_acc1_count": acc1_count,
        "tempo_acc2": acc2,
        "tempo_acc2_count": acc2_count,
        "tempo_acc1_synth": mean(of_kind(SYNTH).filter_map(Scored::acc1)).0,
        "tempo_acc1_midi": mean(of_kind(MIDI).filter_map(Scored::acc1)).0,
        "beat_f_synth": mean(of_kind(SYNTH).filter_map(|clip| clip.beat_f)).0,
        "downbeat_f": mean(scored.iter().filter_map(|clip| Some(clip.downbeats?.0))).0,
        "downbeat_cmlt": mean(scored.iter().filter_map(|clip| Some(clip.downbeats?.1))).0,
        "beat_f_midi": mean(of_kind(MIDI).filter_map(|clip| clip.beat_f)).0,
        "key_mirex_synth": mean(of_kind(SYNTH).filter_map(Scored::mirex)).0,
        "key_mirex_midi": mean(of_kind(MIDI).filter_map(Scored::mirex)).0,
        "metre_acc": metre,
        "metre_count": metre_count,
        "styles": styles,
        "x_realtime": (audio_s / cpu_s.max(1e-9)).round(),
        "disputed": scored.iter().filter(|clip| clip.is_disputed()).count(),
        "clips": scored.len(),
    });
    let further = [confidence_summary(scored), harmony_summary(scored)];
    if let Some(fields) = summary.as_object_mut() {
        fields.extend(further.into_iter().flatten());
    }
    summary
}

/// Expected calibration errors and the reliability curves behind them.
fn confidence_summary(scored: &[Scored]) -> serde_json::Map<String, Value> {
    let mut fields = serde_json::Map::new();
    let mut reliability = serde_json::Map::new();
    let outcomes: [(&str, Vec<(f64, bool)>); 2] = [
        (
            "tempo",
            scored.iter().filter_map(Scored::tempo_outcome).collect(),
        ),
        (
            "key",
            scored.iter().filter_map(Scored::key_outcome).collect(),
        ),
    ];
    for (name, outcomes) in outcomes {
        fields.insert(format!("ece_{name}_count"), json!(outcomes.len()));
        if let Some(judged) = Calibration::of(&outcomes) {
            fields.insert(format!("ece_{name}"), json!(judged.ece));
            fields.insert(format!("ece_{name}_interval"), json!(judged.ece_interval));
            fields.insert(
                format!("ece_{name}_of_perfect"),
                json!(judged.ece_of_perfect),
            );
            fields.insert(
                format!("ece_{name}_perfect_within_bar"),
                json!(judged.perfect_within_bar),
            );
            reliability.insert(name.to_owned(), json!(judged.curve));
        }
    }
    fields.insert("reliability".to_owned(), Value::Object(reliability));
    fields
}

/// Chords, keys over time and tuning, for clips labelled with them.
fn harmony_summary(scored: &[Scored]) -> serde_json::Map<String, Value> {
    let mut fields = serde_json::Map::new();
    let (chords, count) = mean(scored.iter().filter_map(|clip| clip.chord_recall));
    fields.insert("chord_recall".to_owned(), json!(chords));
    fields.insert("chord_count".to_owned(), json!(count));
    let (tuning, count) = mean(scored.iter().filter_map(Scored::tuning_error_cents));
    fields.insert("tuning_error_cents".to_owned(), json!(tuning));
    fields.insert("tuning_count".to_owned(), json!(count));
    let mut changes = KeyChanges::default();
    for clip in scored.iter().filter_map(|clip| clip.key_changes) {
        changes.truth += clip.truth;
        changes.found += clip.found;
        changes.hits += clip.hits;
    }
    let counts = json!({"truth": changes.truth, "found": changes.found, "hits": changes.hits});
    fields.insert("key_changes".to_owned(), counts);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keys_like_mirex() {
        let c_major = (0, false);
        for (found, expected) in [
            (Some((0, false)), 1.0),
            (Some((7, false)), 0.5),
            (Some((5, false)), 0.5),
            (Some((9, true)), 0.3),
            (Some((0, true)), 0.2),
            (Some((1, false)), 0.0),
            (None, 0.0),
        ] {
            assert_eq!(mirex_score(c_major, found), expected);
        }
        assert_eq!(mirex_score((9, true), Some((0, false))), 0.3);
    }

    #[test]
    fn scores_tempi_with_and_without_octaves() {
        assert!(is_tempo_hit(100.0, Some(104.0), &SAME));
        assert!(!is_tempo_hit(100.0, Some(104.1), &SAME));
        assert!(is_tempo_hit(100.0, Some(51.0), &OCTAVES));
        assert!(is_tempo_hit(60.0, Some(180.0), &OCTAVES));
        assert!(!is_tempo_hit(100.0, Some(150.0), &OCTAVES));
        assert!(!is_tempo_hit(100.0, None, &OCTAVES));
    }

    #[test]
    fn splits_quoted_fields() {
        assert_eq!(split_csv(r#"a,"b, ""c""",,d"#), ["a", r#"b, "c""#, "", "d"]);
    }
}
