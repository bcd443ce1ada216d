//! The examples of a plugin: it must tell of them what it says that it does.

use std::f64::consts::TAU;

use leitmotif_domain::plugin::{Example, ExampleAudio, Expectation, Tone};
use serde_json::Value;

use super::error::PluginError;
use super::module::PluginModule;
use super::order::ToldDescriptor;
use super::session::PluginInput;

/// Runs every example of a plugin, each in a new memory.
///
/// - Errors: [`PluginError::Example`] for the first that is told otherwise, or fails.
pub fn check(module: &PluginModule) -> Result<(), PluginError> {
    let examples = module.manifest().examples.iter();
    for (number, example) in (1..).zip(examples) {
        let refused = |reason: String| PluginError::Example { number, reason };
        let told = run(module, example).map_err(|error| refused(error.to_string()))?;
        for (name, expected) in &example.expect {
            compare(name, expected, &told).map_err(refused)?;
        }
    }
    Ok(())
}

fn run(module: &PluginModule, example: &Example) -> Result<Vec<ToldDescriptor>, PluginError> {
    let mut session = module.start()?;
    let needs = &module.manifest().needs;
    let rate_hz = needs.audio.as_ref().map(|audio| audio.sample_rate_hz);
    let known = needs.descriptors.iter().map(|name| {
        let value = example.descriptors.get(name).unwrap_or(&Value::Null);
        (name.as_str(), value)
    });
    session.begin(&PluginInput {
        sample_rate_hz: rate_hz,
        lyrics: example.lyrics.as_deref(),
        descriptors: known.collect(),
    })?;
    if let (Some(audio), Some(rate_hz)) = (&example.audio, rate_hz) {
        session.hear(&samples_of(audio, rate_hz))?;
    }
    session.finish()
}

/// The sound of an example: the sum of its tones.
fn samples_of(audio: &ExampleAudio, rate_hz: u32) -> Vec<f32> {
    let count = (audio.seconds * f64::from(rate_hz)).round() as usize;
    let at = |index: usize| {
        let second = index as f64 / f64::from(rate_hz);
        let sounds = |tone: &&Tone| {
            (tone.from_seconds..tone.to_seconds.unwrap_or(audio.seconds)).contains(&second)
        };
        let tones = audio.tones.iter().filter(sounds);
        tones
            .map(|tone| tone.amplitude * (TAU * tone.hertz * second).sin())
            .sum::<f64>() as f32
    };
    (0..count).map(at).collect()
}

fn compare(name: &str, expected: &Expectation, told: &[ToldDescriptor]) -> Result<(), String> {
    let found = told.iter().find(|one| one.name == name);
    let value = found.map_or(&Value::Null, |one| &one.value);
    let is_near = match (value.as_f64(), expected.value.as_f64()) {
        (Some(value), Some(wanted)) => (value - wanted).abs() <= expected.tolerance,
        _ => *value == expected.value,
    };
    if is_near {
        return Ok(());
    }
    let (wanted, tolerance) = (&expected.value, expected.tolerance);
    let within = match wanted.is_number() {
        true => format!(" within {tolerance}"),
        false => String::new(),
    };
    Err(format!("`{name}` is {value}, must be {wanted}{within}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answering, plugin, power_meter, wat_with};
    use super::*;

    fn checked(module: &[u8]) -> Result<(), String> {
        let module = PluginModule::load(module).map_err(|error| error.to_string())?;
        check(&module).map_err(|error| error.to_string())
    }

    #[test]
    fn an_example_that_is_told_otherwise_is_refused() {
        assert_eq!(checked(&plugin(&wat_with("", ""))), Ok(()));
        let other = answering(r#"{"descriptors":[{"name":"mood","value":"glad"}]}"#);
        let expected = "example 1: `mood` is \"glad\", must be null";
        assert_eq!(checked(&other), Err(expected.to_owned()));
        let endless = plugin(&wat_with("", "(loop $on (br $on))"));
        let told = checked(&endless).expect_err("it never ends");
        assert!(told.starts_with("example 1: it used up its fuel"), "{told}");
    }

    #[test]
    fn a_plugin_hears_its_examples() {
        assert_eq!(checked(&power_meter("1.0.0", 1.0)), Ok(()));
        let wrong = "example 1: `is_loud` is true, must be false";
        assert_eq!(checked(&power_meter("1.0.0", 0.0)), Err(wrong.to_owned()));
    }

    #[test]
    fn numbers_may_be_off_by_their_tolerance() {
        let told = [ToldDescriptor {
            name: "x".to_owned(),
            value: 2.5.into(),
            ..ToldDescriptor::default()
        }];
        let check = |value: f64, tolerance: f64| {
            let value = value.into();
            compare("x", &Expectation { value, tolerance }, &told)
        };
        assert_eq!(check(2.0, 0.5), Ok(()));
        let told = "`x` is 2.5, must be 2.0 within 0.25".to_owned();
        assert_eq!(check(2.0, 0.25), Err(told));
    }

    #[test]
    fn tones_begin_and_end() {
        let tone = Tone {
            hertz: 2.0,
            amplitude: 0.5,
            from_seconds: 0.5,
            to_seconds: Some(0.75),
        };
        let audio = ExampleAudio {
            seconds: 1.0,
            tones: vec![tone],
        };
        let samples = samples_of(&audio, 8);
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0];
        for (sample, wanted) in samples.iter().zip(expected) {
            assert!((sample - wanted).abs() < 1e-6, "{samples:?}");
        }
        assert_eq!(samples.len(), 8);
    }
}
