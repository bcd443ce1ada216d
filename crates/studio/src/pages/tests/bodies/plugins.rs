//! Plugins.

use leitmotif_api::native::plugins::{PluginAnswer, PluginDescriptorAnswer, PluginsAnswer};
use maud::Markup;
use serde_json::json;

use super::super::super::plugins;
use super::{AT, more, text};

fn plugin(stage: &'static str) -> PluginAnswer {
    let descriptor = |values: Vec<String>, minimum| PluginDescriptorAnswer {
        name: text(),
        kind: "number",
        unit: text(),
        description: text(),
        minimum,
        maximum: None,
        values,
    };
    PluginAnswer {
        name: text(),
        version: text(),
        description: text(),
        author: text(),
        needs: vec![text()],
        sample_rate_hz: Some(8_000),
        descriptors: vec![
            descriptor(vec![text()], None),
            descriptor(Vec::new(), Some(f64::NAN)),
        ],
        examples: vec![json!({ "lyrics": text() })],
        module_hash: text(),
        size_bytes: 1_000_000,
        added_at: AT,
        is_enabled: true,
        stage,
        trial_share: 0.01,
        answers: 20,
        failures: 3,
        last_failure: Some(text()),
        stopped_because: Some(text()),
    }
}

pub(super) fn some_plugins() -> [Markup; 2] {
    let stages = ["trial", "everywhere", "stopped"];
    let list = PluginsAnswer {
        plugins: stages.into_iter().map(plugin).collect(),
        page: more(),
    };
    [
        plugins::plugins_body(&list, true, true),
        plugins::plugin_body(&plugin("stopped"), true),
    ]
}
