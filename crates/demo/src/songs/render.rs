//! From notes and strokes to samples: mixing, reverb, compression.

use super::SongSpec;
use super::arrange::Score;
use super::singer::render_syllable;
use super::voices::{Drum, render_note};

/// Level the compressor aims at, as the mean of the rectified signal: about −14 dB RMS.
const TARGET_LEVEL: f32 = 0.16;
/// Delays of the reverb's combs in seconds, mutually prime in samples at usual rates.
const COMB_DELAYS_S: [f32; 2] = [0.0411, 0.0533];
/// Feedback of the combs: a room of about a second.
const COMB_FEEDBACK: f32 = 0.72;

/// Renders a score.
pub(super) fn render(spec: &SongSpec, score: &Score) -> Vec<f32> {
    let rate_hz = spec.sample_rate_hz as f32;
    let frame_count = (spec.seconds * f64::from(spec.sample_rate_hz)) as usize;
    let mut channels: Vec<Channel> = (0..spec.channel_count)
        .map(|_| Channel::new(frame_count))
        .collect();
    let place = |start_s: f64| (start_s * f64::from(spec.sample_rate_hz)) as usize;
    let mut scratch = Vec::new();
    for placed in &score.notes {
        render_note(&placed.note, rate_hz, &mut scratch);
        for (side, channel) in channels.iter_mut().enumerate() {
            let gain = pan_gain(placed.pan, side, spec.channel_count);
            let target = if placed.is_wet {
                &mut channel.wet
            } else {
                &mut channel.dry
            };
            add(target, place(placed.start_s), &scratch, gain);
        }
    }
    for syllable in &score.syllables {
        render_syllable(syllable, rate_hz, &mut scratch);
        for channel in &mut channels {
            add(&mut channel.wet, place(syllable.start_s), &scratch, 1.0);
        }
    }
    for drum in Drum::ALL {
        let mut strokes = score
            .strokes
            .iter()
            .filter(|stroke| stroke.drum == drum)
            .peekable();
        if strokes.peek().is_none() {
            continue;
        }
        let sound = drum.stroke(rate_hz, score.drum_color);
        for stroke in strokes {
            for channel in &mut channels {
                add(
                    &mut channel.dry,
                    place(stroke.start_s),
                    &sound,
                    stroke.velocity,
                );
            }
        }
    }
    for (side, channel) in channels.iter_mut().enumerate() {
        channel.add_reverb(rate_hz, score.reverb, side);
        channel.compress(rate_hz, score.drive);
    }
    interleave(channels, frame_count)
}

struct Channel {
    dry: Vec<f32>,
    wet: Vec<f32>,
}

impl Channel {
    fn new(frame_count: usize) -> Self {
        Self {
            dry: vec![0.0; frame_count],
            wet: vec![0.0; frame_count],
        }
    }

    /// Adds the wet bus, with two feedback combs behind it.
    fn add_reverb(&mut self, rate_hz: f32, amount: f32, side: usize) {
        let spread = 1.0 + 0.013 * side as f32;
        for (dry, wet) in self.dry.iter_mut().zip(&self.wet) {
            *dry += wet;
        }
        for delay_s in COMB_DELAYS_S {
            let delay = ((delay_s * spread * rate_hz) as usize).max(1);
            let mut line = vec![0.0f32; delay];
            let mut damped = 0.0f32;
            let mut place = 0;
            for (dry, wet) in self.dry.iter_mut().zip(&self.wet) {
                let echo = line[place];
                damped += 0.45 * (echo - damped);
                line[place] = wet + COMB_FEEDBACK * damped;
                *dry += amount * echo;
                place += 1;
                if place == delay {
                    place = 0;
                }
            }
        }
    }

    /// Brings the song to the target level, evens it out and rounds the peaks off.
    fn compress(&mut self, rate_hz: f32, drive: f32) {
        let count = self.dry.len().max(1) as f32;
        let mean = self.dry.iter().map(|sample| sample.abs()).sum::<f32>() / count;
        let makeup = if mean > 0.0 { TARGET_LEVEL / mean } else { 0.0 };
        let attack = 1.0 - (-1.0 / (0.01 * rate_hz)).exp();
        let release = 1.0 - (-1.0 / (0.20 * rate_hz)).exp();
        let mut level = TARGET_LEVEL;
        // Driven styles are pressed harder; the ceiling keeps peaks below one.
        let ratio = 0.25 + 0.15 * drive.min(2.5);
        for sample in &mut self.dry {
            let value = *sample * makeup;
            let rectified = value.abs();
            level += (if rectified > level { attack } else { release }) * (rectified - level);
            let excess = (level / TARGET_LEVEL).max(1.0);
            let pressed = value / (1.0 + ratio * (excess - 1.0));
            *sample = pressed / (1.0 + pressed * pressed).sqrt();
        }
    }
}

fn pan_gain(pan: f32, side: usize, channel_count: usize) -> f32 {
    match (channel_count, side) {
        (1, _) => 1.0,
        (_, 0) => 1.0 - pan.max(0.0),
        _ => 1.0 + pan.min(0.0),
    }
}

fn add(target: &mut [f32], start: usize, sound: &[f32], gain: f32) {
    let Some(room) = target.get_mut(start..) else {
        return;
    };
    room.iter_mut()
        .zip(sound)
        .for_each(|(cell, sample)| *cell += gain * sample);
}

fn interleave(channels: Vec<Channel>, frame_count: usize) -> Vec<f32> {
    let channel_count = channels.len();
    if channel_count == 1 {
        return channels
            .into_iter()
            .next()
            .map_or(Vec::new(), |channel| channel.dry);
    }
    let mut samples = vec![0.0; frame_count * channel_count];
    for (side, channel) in channels.iter().enumerate() {
        for (cell, sample) in samples
            .iter_mut()
            .skip(side)
            .step_by(channel_count)
            .zip(&channel.dry)
        {
            *cell = *sample;
        }
    }
    samples
}
