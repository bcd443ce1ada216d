//! `leitmotif plugin`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use leitmotif_demo::tour::Call;
use serde_json::{Value, json};

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;

const PLUGINS: &str = "/api/v1/plugins";

#[derive(Subcommand)]
pub enum PluginCommand {
    /// Adds a plugin, or puts another version in its place; its trial begins.
    Add {
        /// The WebAssembly module, with its manifest in it.
        file: PathBuf,
    },
    /// Lists plugins and how they do.
    List,
    /// Shows a plugin with what it tells of tracks.
    Show {
        /// Its name.
        name: String,
    },
    /// Lets a plugin run; one that was stopped begins its trial anew.
    Enable {
        /// Its name.
        name: String,
    },
    /// Keeps a plugin from running; what it told stays.
    Disable {
        /// Its name.
        name: String,
    },
    /// Removes a plugin, and by and by what it told.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Manages plugins.
pub async fn run(
    command: PluginCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        PluginCommand::Add { file } => {
            let body = std::fs::read(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let call = Call {
                method: "POST",
                path: PLUGINS.to_owned(),
                content_type: "application/wasm",
                body,
            };
            print(&client.json(call).await?, as_json, show);
        }
        PluginCommand::List => {
            let listed = client.get(&format!("{PLUGINS}?limit=200")).await?;
            print(&listed, as_json, |listed| {
                list_of(listed, "plugins").iter().for_each(line);
            });
        }
        PluginCommand::Show { name } => {
            let path = format!("{PLUGINS}/{}", escape(&name));
            print(&client.get(&path).await?, as_json, show);
        }
        PluginCommand::Enable { name } => {
            let path = format!("{PLUGINS}/{}/enable", escape(&name));
            print(&client.post(&path, &json!({})).await?, as_json, line);
        }
        PluginCommand::Disable { name } => {
            let path = format!("{PLUGINS}/{}/disable", escape(&name));
            print(&client.post(&path, &json!({})).await?, as_json, line);
        }
        PluginCommand::Remove { name } => {
            let call = Call {
                method: "DELETE",
                path: format!("{PLUGINS}/{}", escape(&name)),
                ..Call::default()
            };
            client.json(call).await?;
            println!("removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(plugin: &Value) {
    let stage = match (plugin["is_enabled"] == true, text_of(plugin, "stage")) {
        (false, _) => "disabled".to_owned(),
        (true, "trial") => {
            let share = plugin["trial_share"].as_f64().unwrap_or_default();
            format!("on trial with {:.0} % of the tracks", share * 100.0)
        }
        (true, stage) => stage.to_owned(),
    };
    println!(
        "{:20} {:10} {stage}, {} answers, {} failures",
        text_of(plugin, "name"),
        text_of(plugin, "version"),
        plugin["answers"],
        plugin["failures"]
    );
    let stopped = text_of(plugin, "stopped_because");
    if !stopped.is_empty() {
        println!("  stopped: {stopped}");
    }
}

fn show(plugin: &Value) {
    line(plugin);
    println!("  {}", text_of(plugin, "description"));
    for told in list_of(plugin, "descriptors") {
        println!(
            "  {:32} {:8} {}",
            text_of(told, "name"),
            text_of(told, "kind"),
            text_of(told, "description")
        );
    }
    let failure = text_of(plugin, "last_failure");
    if !failure.is_empty() {
        println!("  last failure: {failure}");
    }
}
