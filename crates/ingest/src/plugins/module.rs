//! A module with its manifest, loaded and found to be one that can run.

use leitmotif_domain::limits;
use leitmotif_domain::plugin::PluginManifest;
use wasmi::{
    CompilationMode, Config, EnforcedLimits, Engine, ExternType, FuncType, Module, ValType,
};

use super::error::PluginError;
use super::session::Session;

/// Name of the custom section that holds the manifest as JSON.
pub const MANIFEST_SECTION: &str = "leitmotif.plugin";

/// Deepest nesting of calls.
const CALL_DEPTH_MAX: usize = 512;
/// Largest stack of the engine in bytes.
const STACK_BYTES_MAX: usize = 1024 * 1024;

/// A plugin that can be run.
pub struct PluginModule {
    pub(super) engine: Engine,
    pub(super) module: Module,
    manifest: PluginManifest,
}

/// What a plugin must export besides its memory, with how an author would write it.
const CALLS: [(&str, &[ValType], &[ValType], &str); 4] = [
    (
        "leitmotif_buffer",
        &[ValType::I32],
        &[ValType::I32],
        "`leitmotif_buffer(i32) -> i32`",
    ),
    (
        "leitmotif_begin",
        &[ValType::I32],
        &[],
        "`leitmotif_begin(i32)`",
    ),
    (
        "leitmotif_finish",
        &[],
        &[ValType::I64],
        "`leitmotif_finish() -> i64`",
    ),
    (
        "leitmotif_audio",
        &[ValType::I32],
        &[],
        "`leitmotif_audio(i32)`",
    ),
];

impl PluginModule {
    /// Loads a module; nothing of it runs.
    ///
    /// - Errors: [`PluginError`] for what is no module, imports anything, lacks an export or its manifest.
    /// - Cost: O(bytes): every function is checked and translated.
    pub fn load(bytes: &[u8]) -> Result<Self, PluginError> {
        let engine = Engine::new(&config());
        let module = Module::new(&engine, bytes).map_err(|error| PluginError::Malformed {
            reason: error.to_string(),
        })?;
        if let Some(import) = module.imports().next() {
            return Err(PluginError::Import {
                module: import.module().to_owned(),
                name: import.name().to_owned(),
            });
        }
        let manifest = read_manifest(&module)?;
        check_exports(&module, &manifest)?;
        Ok(Self {
            engine,
            module,
            manifest,
        })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    /// Begins a run of it, with a memory of its own.
    ///
    /// - Errors: [`PluginError::Malformed`] when its data does not fit its memory, or that its bound.
    pub fn start(&self) -> Result<Session<'_>, PluginError> {
        Session::start(self)
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .compilation_mode(CompilationMode::Eager)
        .enforced_limits(EnforcedLimits::strict())
        .allow_start_fn(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .set_max_recursion_depth(CALL_DEPTH_MAX)
        .set_max_stack_height(STACK_BYTES_MAX)
        .set_max_cached_stacks(1);
    config
}

fn read_manifest(module: &Module) -> Result<PluginManifest, PluginError> {
    let refused = |reason: String| PluginError::Manifest { reason };
    let mut sections = module.custom_sections();
    let found = sections.find(|section| section.name() == MANIFEST_SECTION);
    let section = found.ok_or_else(|| {
        refused(format!(
            "there is none, add it as the custom section `{MANIFEST_SECTION}`"
        ))
    })?;
    let text = section.data();
    if text.len() > limits::PLUGIN_MANIFEST_BYTES_MAX {
        let (size, size_max) = (text.len(), limits::PLUGIN_MANIFEST_BYTES_MAX);
        return Err(refused(format!("{size} bytes, at most {size_max}")));
    }
    let manifest: PluginManifest =
        serde_json::from_slice(text).map_err(|error| refused(error.to_string()))?;
    manifest.check()?;
    Ok(manifest)
}

fn check_exports(module: &Module, manifest: &PluginManifest) -> Result<(), PluginError> {
    if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
        let wanted = "its memory as `memory`";
        return Err(PluginError::Export { wanted });
    }
    for (name, parameters, results, wanted) in CALLS {
        if name == "leitmotif_audio" && manifest.needs.audio.is_none() {
            continue;
        }
        let is_of = |kind: &FuncType| kind.params() == parameters && kind.results() == results;
        match module.get_export(name) {
            Some(ExternType::Func(kind)) if is_of(&kind) => {}
            _ => return Err(PluginError::Export { wanted }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{plugin, wat_of, wat_with, words_manifest};
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        let loaded = PluginModule::load(bytes);
        loaded.err().expect("it is refused").to_string()
    }

    #[test]
    fn a_module_that_imports_is_refused_by_name() {
        let text = wat_with(
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
            "",
        );
        let told = refused(&plugin(&text));
        let expected =
            "it imports `wasi_snapshot_preview1.fd_write`; a plugin is given nothing to call";
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_no_plugin_is_refused_with_a_sentence() {
        let check = |bytes: &[u8], expected: &str| {
            let told = refused(bytes);
            assert!(told.contains(expected), "{told}");
        };
        check(b"", "no module that can be loaded");
        check(b"RIFF....WAVE", "no module that can be loaded");
        check(
            &plugin("(module)"),
            "there is none, add it as the custom section",
        );
        let none = r#"(module (@custom "leitmotif.plugin" "{"))"#;
        check(&plugin(none), "its manifest: EOF");
        let large = format!(
            r#"(module (@custom "leitmotif.plugin" "{}"))"#,
            " ".repeat(limits::PLUGIN_MANIFEST_BYTES_MAX + 1)
        );
        check(&plugin(&large), "65537 bytes, at most 65536");
        let whole = wat_with("", "");
        for (gone, expected) in [
            ("memory", "its memory as `memory`"),
            ("leitmotif_buffer", "`leitmotif_buffer(i32) -> i32`"),
            ("leitmotif_finish", "`leitmotif_finish() -> i64`"),
        ] {
            let without = whole.replace(&format!("(export \"{gone}\")"), "");
            check(&plugin(&without), expected);
        }
        let mut deaf = words_manifest("1.0.0");
        deaf["needs"] = json!({"audio": {"sample_rate_hz": 8_000}});
        deaf["examples"][0] = json!({"audio": {"seconds": 1}, "expect": {"mood": {"value": null}}});
        let deaf = wat_of(&deaf, "", "");
        check(&plugin(&deaf), "`leitmotif_audio(i32)`");
    }
}
