//! Plugins for tests, written as text.

use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::child::obey;
use super::error::PluginError;
use super::module::PluginModule;
use super::order::{PluginAnswer, PluginHost, PluginOrder, PluginTask, ToldDescriptor};
use super::session::PluginInput;

/// A module of a text.
pub fn plugin(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is a module")
}

/// The manifest of a plugin of words.
pub fn words_manifest(version: &str) -> Value {
    json!({
        "abi": 1, "name": "line-length", "version": version, "needs": {"lyrics": true},
        "descriptors": [
            {"name": "mean_words", "kind": "number", "description": "Words of a line",
             "minimum": 0, "maximum": 100},
            {"name": "mood", "kind": "text", "description": "Its mood"}],
        "examples": [{"lyrics": "one two", "expect": {"mood": {"value": null}}}]
    })
}

/// A plugin of words that answers `{"descriptors":[]}`, with more declarations and a body of `leitmotif_begin`.
pub fn wat_with(declarations: &str, begin: &str) -> String {
    wat_of(&words_manifest("1.0.0"), declarations, begin)
}

/// The same with another manifest.
pub fn wat_of(manifest: &Value, declarations: &str, begin: &str) -> String {
    let manifest = manifest.to_string();
    format!(
        r#"(module
        {declarations}
        (memory (export "memory") 2)
        (data (i32.const 8) "{{\"descriptors\":[]}}")
        (func (export "leitmotif_buffer") (param i32) (result i32) (i32.const 4096))
        (func $self (export "leitmotif_begin") (param i32) {begin})
        (func (export "leitmotif_finish") (result i64) (i64.const 0x0000000800000012))
        (@custom "leitmotif.plugin" {manifest:?}))"#
    )
}

/// A plugin of words that always gives this answer.
pub fn answering(answer: &str) -> Vec<u8> {
    let text = wat_with("", "");
    let place = (8_u64 << 32) | answer.len() as u64;
    let text = text.replace(
        r#"(data (i32.const 8) "{\"descriptors\":[]}")"#,
        &format!("(data (i32.const 8) {:?})", answer),
    );
    plugin(&text.replace(
        "(i64.const 0x0000000800000012)",
        &format!("(i64.const {place})"),
    ))
}

/// What a plugin tells of words.
pub fn run_on(module: &[u8], lyrics: &str) -> Result<Vec<ToldDescriptor>, PluginError> {
    let module = PluginModule::load(module)?;
    let mut session = module.start()?;
    session.begin(&PluginInput {
        lyrics: Some(lyrics),
        ..PluginInput::default()
    })?;
    session.finish()
}

/// Runs plugins in this process.
pub struct HostHere;

#[async_trait]
impl PluginHost for HostHere {
    async fn ask(
        &self,
        module: PathBuf,
        task: PluginTask,
    ) -> crate::error::Result<Option<PluginAnswer>> {
        let order = PluginOrder {
            module,
            task,
            memory_bytes_max: 0,
            cpu_seconds_max: 0,
        };
        Ok(Some(obey(&order)))
    }
}

/// A plugin that hears: it tells the mean of the squares of all samples.
pub fn power_meter(version: &str, expected: f64) -> Vec<u8> {
    let manifest = json!({
        "abi": 1, "name": "power-meter", "version": version,
        "needs": {"audio": {"sample_rate_hz": 8000}},
        "descriptors": [{"name": "is_loud", "kind": "boolean",
            "description": "Whether the mean power is above a thousandth"}],
        "examples": [
            {"audio": {"seconds": 1, "tones": [{"hertz": 440, "amplitude": 0.5}]},
             "expect": {"is_loud": {"value": expected > 0.5}}},
            {"audio": {"seconds": 1}, "expect": {"is_loud": {"value": false}}}]
    });
    let manifest = manifest.to_string();
    let answer = |value: bool| {
        let told = json!({"descriptors": [{"name": "is_loud", "value": value}]});
        told.to_string()
    };
    let (yes, no) = (answer(true), answer(false));
    plugin(&format!(
        r#"(module
        (memory (export "memory") 4)
        (data (i32.const 8) {yes:?}) (data (i32.const 512) {no:?})
        (global $sum (mut f64) (f64.const 0)) (global $count (mut f64) (f64.const 0))
        (func (export "leitmotif_buffer") (param i32) (result i32) (i32.const 4096))
        (func (export "leitmotif_begin") (param i32))
        (func (export "leitmotif_audio") (param $frames i32) (local $i i32) (local $x f64)
          (loop $next
            (local.set $x (f64.promote_f32 (f32.load (i32.add (i32.const 4096)
                (i32.shl (local.get $i) (i32.const 2))))))
            (global.set $sum (f64.add (global.get $sum) (f64.mul (local.get $x) (local.get $x))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (local.get $frames))))
          (global.set $count (f64.add (global.get $count) (f64.convert_i32_u (local.get $frames)))))
        (func (export "leitmotif_finish") (result i64)
          (if (result i64) (f64.gt (f64.div (global.get $sum) (global.get $count)) (f64.const 0.001))
            (then (i64.const {})) (else (i64.const {}))))
        (@custom "leitmotif.plugin" {manifest:?}))"#,
        (8_u64 << 32) | yes.len() as u64,
        (512_u64 << 32) | no.len() as u64,
    ))
}
