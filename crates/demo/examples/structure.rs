//! Judges the sections that are heard in synthesised songs of known form:
//! `cargo run --release -p leitmotif-demo --example structure -- FIRST_SEED SEEDS [each]`
//! plays a whole song of every style for every seed; with `each` it also prints every boundary.

use std::io::Error;

use leitmotif_analysis::audio::{AudioBuffer, analyze_audio};
use leitmotif_demo::form_scores::{HeardSection, boundary_f, hits, pairwise_f};
use leitmotif_demo::songs::{SongSpec, Style, render_song};
use serde_json::Value;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |name: &str| -> Result<u64, Error> {
        let text = arguments
            .next()
            .ok_or_else(|| Error::other(format!("{name} is missing")))?;
        text.parse().map_err(Error::other)
    };
    let (first, count) = (number("FIRST_SEED")?, number("SEEDS")?);
    let is_each = arguments.next().is_some();
    let mut sums = [0.0; 3];
    let mut song_count = 0.0;
    for seed in first..first + count {
        for style in Style::ALL {
            let song = render_song(&SongSpec::whole(style, seed));
            let audio = AudioBuffer {
                samples: song.samples,
                channel_count: song.channel_count,
                sample_rate_hz: song.sample_rate_hz,
            };
            let heard = heard(&audio)?;
            let truth = &song.truth.sections;
            let scores = [
                boundary_f(truth, &heard, 3.0),
                boundary_f(truth, &heard, 0.5),
                pairwise_f(truth, &heard),
            ];
            for (sum, score) in sums.iter_mut().zip(scores) {
                *sum += score;
            }
            song_count += 1.0;
            if is_each {
                let starts: Vec<f64> = truth.iter().skip(1).map(|part| part.start_s).collect();
                for (section, is_hit) in heard.iter().skip(1).zip(hits(&starts, &heard, 3.0)) {
                    let confidence = section.confidence.unwrap_or_default();
                    println!(
                        "{style:?} {seed} {:.2} {confidence:.3} {is_hit}",
                        section.start_s
                    );
                }
            }
        }
    }
    let [wide, narrow, pairs] = sums.map(|sum| sum / song_count);
    println!(
        "{song_count} songs: boundaries F {wide:.3} at 3 s, {narrow:.3} at 0.5 s, label pairs F {pairs:.3}"
    );
    Ok(())
}

fn heard(audio: &AudioBuffer) -> Result<Vec<HeardSection>, Error> {
    let analysis = analyze_audio(audio).map_err(Error::other)?;
    let mut descriptors = analysis.descriptors.iter();
    let structure = descriptors.find(|descriptor| descriptor.name == "structure");
    let sections = structure.and_then(|found| found.value.as_array());
    let section = |value: &Value| {
        Some(HeardSection {
            start_s: value["start_ms"].as_f64()? / 1_000.0,
            label: value["label"].as_str()?.to_owned(),
            confidence: value["confidence"].as_f64(),
        })
    };
    Ok(sections.into_iter().flatten().filter_map(section).collect())
}
