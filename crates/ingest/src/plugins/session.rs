//! One run of a plugin: its calls, each within its fuel, and its answer, checked.

use std::collections::{BTreeMap, BTreeSet};

use leitmotif_domain::limits;
use leitmotif_domain::plugin::PluginManifest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmi::{
    Instance, Linker, Memory, Store, StoreLimits, StoreLimitsBuilder, TrapCode, TypedFunc,
    WasmParams, WasmResults,
};

use super::error::PluginError;
use super::module::PluginModule;
use super::order::ToldDescriptor;

/// Largest table of a module in elements: its functions, and more.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// What a plugin is told before it hears anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PluginInput<'a> {
    /// Rate of the sound that follows, if any does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate_hz: Option<u32>,
    /// The words, if it needs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lyrics: Option<&'a str>,
    /// The descriptors of ours that it asked for.
    pub descriptors: BTreeMap<&'a str, &'a Value>,
}

/// A plugin at work on one track.
///
/// - Determinism: the same input gives the same answer; there is nothing else that it could read.
pub struct Session<'m> {
    manifest: &'m PluginManifest,
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
    buffer: TypedFunc<i32, i32>,
}

/// A descriptor as a plugin writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDescriptor {
    name: String,
    value: Value,
    #[serde(default)]
    confidence: Option<f32>,
    #[serde(default)]
    method: String,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    descriptors: Vec<RawDescriptor>,
}

impl<'m> Session<'m> {
    pub(super) fn start(plugin: &'m PluginModule) -> Result<Self, PluginError> {
        let bounds = StoreLimitsBuilder::new()
            .memory_size(limits::PLUGIN_MEMORY_BYTES_MAX)
            .table_elements(TABLE_ELEMENTS_MAX)
            .instances(1)
            .memories(1)
            .build();
        let mut store = Store::new(&plugin.engine, bounds);
        store.limiter(|bounds| bounds);
        let broken = |error: wasmi::Error| PluginError::Malformed {
            reason: error.to_string(),
        };
        store.set_fuel(limits::PLUGIN_FUEL).map_err(broken)?;
        let instance = Linker::new(&plugin.engine)
            .instantiate_and_start(&mut store, &plugin.module)
            .map_err(broken)?;
        let memory = instance.get_memory(&store, "memory");
        let memory = memory.ok_or(PluginError::Export {
            wanted: "its memory as `memory`",
        })?;
        let buffer = instance
            .get_typed_func(&store, "leitmotif_buffer")
            .map_err(broken)?;
        Ok(Self {
            manifest: plugin.manifest(),
            store,
            instance,
            memory,
            buffer,
        })
    }

    /// Tells the plugin of the track.
    ///
    /// - Errors: [`PluginError`] when it traps, runs on, or has no room for what it asked for.
    pub fn begin(&mut self, input: &PluginInput<'_>) -> Result<(), PluginError> {
        let text =
            serde_json::to_vec(input).map_err(|error| PluginError::answer(error.to_string()))?;
        let size = self.hand_over("leitmotif_begin", &text)?;
        self.call("leitmotif_begin", size)
    }

    /// Lets the plugin hear a part of the sound, of a second at most. Its fuel grows with what it hears.
    ///
    /// - Errors: as [`Session::begin`].
    pub fn hear(&mut self, samples: &[f32]) -> Result<(), PluginError> {
        let rate_hz = self.manifest.needs.audio.as_ref();
        let rate_hz = rate_hz.map_or(1, |audio| audio.sample_rate_hz).max(1);
        for part in samples.chunks(rate_hz as usize) {
            let fuel = limits::PLUGIN_FUEL_PER_SECOND * part.len() as u64 / u64::from(rate_hz);
            self.refuel(fuel);
            let bytes: Vec<u8> = part
                .iter()
                .flat_map(|sample| sample.to_le_bytes())
                .collect();
            self.hand_over("leitmotif_audio", &bytes)?;
            let frame_count = i32::try_from(part.len()).unwrap_or(i32::MAX);
            self.call::<i32, ()>("leitmotif_audio", frame_count)?;
        }
        Ok(())
    }

    /// Takes the answer of the plugin: one entry for each declared descriptor, in their order.
    ///
    /// - Errors: as [`Session::begin`], and [`PluginError::Answer`] for what is too large, no JSON, not
    ///   declared, said twice, of another kind or out of range.
    pub fn finish(mut self) -> Result<Vec<ToldDescriptor>, PluginError> {
        self.refuel(limits::PLUGIN_FUEL);
        let place: i64 = self.call("leitmotif_finish", ())?;
        let place = place.cast_unsigned();
        let (at, size) = ((place >> 32) as usize, (place & 0xFFFF_FFFF) as usize);
        if size > limits::PLUGIN_OUTPUT_BYTES_MAX {
            let size_max = limits::PLUGIN_OUTPUT_BYTES_MAX;
            return Err(PluginError::answer(format!(
                "{size} bytes, at most {size_max}"
            )));
        }
        let text = self.memory.data(&self.store);
        let text = at.checked_add(size).and_then(|end| text.get(at..end));
        let text = text.ok_or_else(|| PluginError::answer("it lies outside of its memory"))?;
        let answer: RawAnswer = serde_json::from_slice(text)
            .map_err(|error| PluginError::answer(format!("it does not read: {error}")))?;
        checked(self.manifest, answer)
    }

    /// Adds fuel to what is left.
    fn refuel(&mut self, fuel: u64) {
        let left = self.store.get_fuel().unwrap_or_default();
        // Setting fuel fails only where it is not counted.
        let _ = self.store.set_fuel(left.saturating_add(fuel));
    }

    /// Writes bytes to where the plugin says that it has room for them.
    fn hand_over(&mut self, call: &'static str, bytes: &[u8]) -> Result<i32, PluginError> {
        let size = i32::try_from(bytes.len()).map_err(|_| PluginError::answer("too much input"))?;
        let at = self.buffer.call(&mut self.store, size);
        let at = at.map_err(|error| failure("leitmotif_buffer", &error))?;
        let written = self
            .memory
            .write(&mut self.store, at.cast_unsigned() as usize, bytes);
        written.map_err(|_| PluginError::Trap {
            call,
            reason: format!("`leitmotif_buffer` has no room for {size} bytes at {at}"),
        })?;
        Ok(size)
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &'static str,
        parameters: P,
    ) -> Result<R, PluginError> {
        let function = self.instance.get_typed_func::<P, R>(&self.store, name);
        let outcome = function.and_then(|function| function.call(&mut self.store, parameters));
        outcome.map_err(|error| failure(name, &error))
    }
}

fn failure(call: &'static str, error: &wasmi::Error) -> PluginError {
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => PluginError::Fuel { call },
        _ => PluginError::Trap {
            call,
            reason: error.to_string(),
        },
    }
}

/// The answer in the order of the declarations; what was declared and not told is unknown.
fn checked(
    manifest: &PluginManifest,
    answer: RawAnswer,
) -> Result<Vec<ToldDescriptor>, PluginError> {
    let mut told = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for raw in answer.descriptors {
        let Some(declared) = manifest.descriptor(&raw.name) else {
            let shown: String = raw.name.chars().take(80).collect();
            return Err(PluginError::answer(format!("`{shown}` is not declared")));
        };
        let refused =
            |reason: String| PluginError::answer(format!("`{}`: {reason}", declared.name));
        if !seen.insert(declared.name.clone()) {
            return Err(refused("it is told twice".to_owned()));
        }
        declared.check_value(&raw.value).map_err(refused)?;
        if raw
            .confidence
            .is_some_and(|sure| !(0.0..=1.0).contains(&sure))
        {
            return Err(refused("its confidence is not in 0..=1".to_owned()));
        }
        for text in [&raw.method, raw.reason.as_ref().unwrap_or(&raw.method)] {
            leitmotif_domain::track::check_text("text", text)
                .map_err(|error| refused(error.reason))?;
        }
        told.insert(declared.name.clone(), raw);
    }
    let each = manifest.descriptors.iter().map(|declared| {
        let Some(raw) = told.remove(&declared.name) else {
            return ToldDescriptor {
                name: declared.name.clone(),
                reason: Some("the plugin did not tell it".to_owned()),
                ..ToldDescriptor::default()
            };
        };
        ToldDescriptor {
            reason: raw.reason.filter(|_| raw.value.is_null()),
            name: raw.name,
            value: raw.value,
            confidence: raw.confidence,
            method: raw.method,
        }
    });
    Ok(each.collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answering, plugin, run_on, wat_with};
    use super::*;

    fn told_by(answer: &str) -> Result<Vec<ToldDescriptor>, PluginError> {
        run_on(&answering(answer), "one two")
    }

    /// Why a plugin with such a body fails.
    fn fails(body: &str) -> String {
        let text = wat_with("", body);
        let outcome = run_on(&plugin(&text), "one two");
        outcome.expect_err("it fails").to_string()
    }

    #[test]
    fn an_answer_is_taken_in_the_order_of_the_declarations() {
        let told = told_by(r#"{"descriptors":[{"name":"mean_words","value":2,"method":"count"}]}"#);
        let told = told.expect("it is an answer");
        assert_eq!(told.len(), 2);
        assert_eq!(
            (told[0].name.as_str(), &told[0].value),
            ("mean_words", &2.into())
        );
        assert_eq!(told[1].name, "mood");
        assert!(told[1].value.is_null());
        assert_eq!(
            told[1].reason.as_deref(),
            Some("the plugin did not tell it")
        );
    }

    #[test]
    fn what_was_not_agreed_is_refused_with_a_sentence() {
        let check = |answer: &str, expected: &str| {
            let told = told_by(answer).expect_err("it is refused").to_string();
            assert!(told.contains(expected), "{answer}: {told}");
        };
        let one = |rest: &str| format!(r#"{{"descriptors":[{{"name":"mean_words",{rest}}}]}}"#);
        check("", "it does not read");
        check("no JSON", "it does not read");
        check(&one(r#""value":NaN"#), "it does not read");
        check(&one(r#""value":1e999"#), "it does not read");
        check(&one(r#""value":101"#), "101 is not in 0..=100");
        check(&one(r#""value":"two""#), "is no number");
        check(
            &one(r#""value":1,"confidence":2"#),
            "confidence is not in 0..=1",
        );
        check(&one(r#""value":1,"secret":2"#), "unknown field `secret`");
        let other = r#"{"descriptors":[{"name":"tempo_bpm","value":1}]}"#;
        check(other, "`tempo_bpm` is not declared");
        let twice =
            r#"{"descriptors":[{"name":"mood","value":null},{"name":"mood","value":null}]}"#;
        check(twice, "`mood`: it is told twice");
    }

    #[test]
    fn what_runs_on_or_breaks_off_is_stopped() {
        let check = |body: &str, expected: &str| {
            let told = fails(body);
            assert!(told.contains(expected), "{body}: {told}");
        };
        check(
            "(loop $on (br $on))",
            "it used up its fuel in `leitmotif_begin`",
        );
        check("(unreachable)", "it broke off in `leitmotif_begin`");
        check(
            "(call $self (local.get 0))",
            "it broke off in `leitmotif_begin`",
        );
        check(
            "(drop (i32.load (i32.const -8)))",
            "it broke off in `leitmotif_begin`",
        );
        check(
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            "it broke off in `leitmotif_begin`",
        );
        check(
            "(memory.fill (i32.const 0) (i32.const 0) (i32.const 60000)) (loop $on (memory.fill (i32.const 0) (i32.const 0) (i32.const 60000)) (br $on))",
            "it used up its fuel",
        );
    }

    #[test]
    fn memory_grows_to_its_bound_and_no_further() {
        // Growing beyond the bound answers -1, as the standard has it; the plugin then breaks off by itself.
        let told = fails(
            "(if (i32.eq (memory.grow (i32.const 2000)) (i32.const -1)) (then (unreachable)))",
        );
        assert!(told.contains("unreachable"), "{told}");
        let text = wat_with("", "(drop (memory.grow (i32.const 1000)))");
        assert!(run_on(&plugin(&text), "one").is_ok(), "64 MiB are there");
        let large = wat_with("", "").replace(
            "(memory (export \"memory\") 2)",
            "(memory (export \"memory\") 2000)",
        );
        let told = run_on(&plugin(&large), "one").expect_err("too large at once");
        assert!(
            told.to_string().contains("no module that can be loaded"),
            "{told}"
        );
    }

    #[test]
    fn answers_and_buffers_lie_in_the_memory() {
        let whole = wat_with("", "");
        let check = |from: &str, to: &str, expected: &str| {
            assert!(whole.contains(from), "{from}");
            let told = run_on(&plugin(&whole.replace(from, to)), "one");
            let told = told.expect_err("it fails").to_string();
            assert!(told.contains(expected), "{to}: {told}");
        };
        let finish = "(i64.const 0x0000000800000012)";
        check(
            finish,
            "(i64.const 0x0000000000010001)",
            "65537 bytes, at most 65536",
        );
        check(
            finish,
            "(i64.const 0xFFFFFFFF00000010)",
            "outside of its memory",
        );
        check("(i32.const 4096)", "(i32.const -4)", "has no room for");
    }

    #[test]
    fn a_plugin_from_the_compiler_tells_of_its_examples_and_of_songs() {
        let module = include_bytes!("../../tests/fixtures/plugin/line_length.wasm");
        let loaded = PluginModule::load(module).expect("it is a plugin");
        super::super::examples::check(&loaded).expect("its examples hold");
        let told = run_on(module, "one two\n\nthree four five six").expect("it answers");
        let values: Vec<&Value> = told.iter().map(|one| &one.value).collect();
        assert_eq!(values, [&Value::from(3.0), &Value::from(4)]);
        let told = run_on(module, " \n").expect("it answers");
        assert_eq!(told[0].reason.as_deref(), Some("there are no words"));
    }

    #[test]
    fn the_same_input_gives_the_same_answer() {
        let module = answering(r#"{"descriptors":[{"name":"mean_words","value":0.1}]}"#);
        let first = run_on(&module, "one").expect("it answers");
        assert_eq!(run_on(&module, "one").expect("it answers"), first);
    }
}
