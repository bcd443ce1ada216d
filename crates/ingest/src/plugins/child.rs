//! The child's side: limits first, then the module.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};

use leitmotif_analysis::audio::{DecodeLimits, mono_in_blocks};
use leitmotif_domain::limits;
use serde_json::Value;

use super::error::PluginError;
use super::examples;
use super::module::PluginModule;
use super::order::{PluginAnswer, PluginOrder, PluginSound, PluginTask, ToldDescriptor};
use super::session::{PluginInput, Session};
use crate::jobs::child::{confine, read_order};

/// Reads one order, obeys it under its own limits, writes the answer.
///
/// - Errors: only what keeps the child from answering; a bad plugin is an answer.
pub fn run(input: impl Read, mut output: impl Write) -> Result<(), String> {
    let order: PluginOrder = read_order(input, limits::CHILD_ORDER_BYTES_MAX)?;
    confine(order.memory_bytes_max, order.cpu_seconds_max)?;
    let answer = obey(&order);
    serde_json::to_writer(&mut output, &answer).map_err(|error| error.to_string())?;
    output.flush().map_err(|error| error.to_string())
}

/// Does what the order says, whatever the module is.
pub(super) fn obey(order: &PluginOrder) -> PluginAnswer {
    let answered = std::panic::catch_unwind(|| attempt(order));
    match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => PluginAnswer::Failed {
            reason: error.to_string(),
        },
        Err(_) => PluginAnswer::Failed {
            reason: "the engine failed on this module".to_owned(),
        },
    }
}

fn attempt(order: &PluginOrder) -> Result<PluginAnswer, PluginError> {
    let bytes = std::fs::read(&order.module).map_err(|error| PluginError::Malformed {
        reason: error.to_string(),
    })?;
    let module = PluginModule::load(&bytes)?;
    match &order.task {
        PluginTask::Check => {
            examples::check(&module)?;
            Ok(PluginAnswer::Accepted(Box::new(module.manifest().clone())))
        }
        PluginTask::Run {
            sound,
            lyrics,
            descriptors,
        } => {
            let told = run_on(&module, sound.as_ref(), lyrics.as_deref(), descriptors)?;
            Ok(PluginAnswer::Told(told))
        }
    }
}

fn run_on(
    module: &PluginModule,
    sound: Option<&PluginSound>,
    lyrics: Option<&str>,
    descriptors: &BTreeMap<String, Value>,
) -> Result<Vec<ToldDescriptor>, PluginError> {
    let mut session = module.start()?;
    let rate_hz = module.manifest().needs.audio.as_ref();
    let rate_hz = rate_hz.map(|audio| audio.sample_rate_hz);
    let known = descriptors.iter();
    session.begin(&PluginInput {
        sample_rate_hz: rate_hz,
        lyrics,
        descriptors: known.map(|(name, value)| (name.as_str(), value)).collect(),
    })?;
    if let (Some(sound), Some(rate_hz)) = (sound, rate_hz) {
        hear(&mut session, sound, rate_hz)?;
    }
    session.finish()
}

/// Decodes a file for a plugin, block by block. What it hears after it failed is passed over.
fn hear(session: &mut Session<'_>, sound: &PluginSound, rate_hz: u32) -> Result<(), PluginError> {
    let limits = DecodeLimits {
        seconds_max: f64::from(sound.seconds_max),
        ..DecodeLimits::default()
    };
    let open = || Ok(Box::new(File::open(&sound.path)?) as _);
    let mut outcome = Ok(());
    let mut give = |samples: &[f32]| {
        if outcome.is_ok() {
            outcome = session.hear(samples);
        }
    };
    let decoded = mono_in_blocks(&open, Some(&sound.extension), &limits, rate_hz, &mut give);
    outcome?;
    match decoded {
        Ok(_) => Ok(()),
        Err(error) => Err(PluginError::Sound {
            reason: error.to_string(),
        }),
    }
}
