//! `leitmotif webhook`.

use std::process::ExitCode;

use clap::Subcommand;
use leitmotif_demo::tour::Call;
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::client::Client;

const WEBHOOKS: &str = "/api/v1/webhooks";

#[derive(Subcommand)]
pub enum WebhookCommand {
    /// Registers an address that is told of what happens, and prints its secret, once.
    Add {
        /// Where messages are posted to, beginning with `http://`.
        address: String,
        /// What it is told of, such as `training.finished`; everything when left out.
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<String>,
    },
    /// Lists webhooks and how their deliveries go.
    List,
    /// Removes a webhook.
    Remove {
        /// Its id.
        id: String,
    },
    /// Lets a paused webhook go on.
    Resume {
        /// Its id.
        id: String,
    },
    /// Lists the messages that were given up.
    DeadLetters {
        /// The webhook.
        id: String,
    },
    /// Sends messages that were given up once more; all of them when none is named.
    Replay {
        /// The webhook.
        id: String,
        /// The message, by the offset of its event.
        #[arg(long)]
        offset: Option<u64>,
    },
}

/// Manages webhooks. Ends with 1 when a message that was sent again is refused again.
pub async fn run(
    command: WebhookCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        WebhookCommand::Add { address, kinds } => {
            let asked = json!({ "url": address, "kinds": kinds });
            print(&client.post(WEBHOOKS, &asked).await?, as_json, |made| {
                println!("webhook {}", text_of(made, "id"));
                println!("secret  {}   (shown once)", text_of(made, "secret"));
                if made["is_secret_encrypted"] != true {
                    println!(
                        "        stored as it is: `webhook_secrets_key` of the settings encrypts it"
                    );
                }
            });
        }
        WebhookCommand::List => {
            let listed = client.get(&format!("{WEBHOOKS}?limit=200")).await?;
            print(&listed, as_json, |listed| {
                list_of(listed, "webhooks").iter().for_each(show);
            });
        }
        WebhookCommand::Remove { id } => {
            let call = Call {
                method: "DELETE",
                path: format!("{WEBHOOKS}/{id}"),
                ..Call::default()
            };
            client.json(call).await?;
            println!("removed");
        }
        WebhookCommand::Resume { id } => {
            let path = format!("{WEBHOOKS}/{id}/resume");
            print(&client.post(&path, &json!({})).await?, as_json, show);
        }
        WebhookCommand::DeadLetters { id } => {
            let path = format!("{WEBHOOKS}/{id}/dead-letters?limit=200");
            print(&client.get(&path).await?, as_json, |listed| {
                for letter in list_of(listed, "dead_letters") {
                    println!(
                        "{:>10}  {:20}  {} attempts  {}",
                        letter["offset"].as_u64().unwrap_or_default(),
                        text_of(letter, "kind"),
                        letter["attempts"],
                        text_of(letter, "error")
                    );
                }
            });
        }
        WebhookCommand::Replay { id, offset } => return replay(client, &id, offset, as_json).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(
    client: &Client,
    id: &str,
    offset: Option<u64>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let letters = format!("{WEBHOOKS}/{id}/dead-letters");
    let mut offsets: Vec<u64> = offset.into_iter().collect();
    if offset.is_none() {
        let mut path = format!("{letters}?limit=200");
        loop {
            let page = client.get(&path).await?;
            let listed = list_of(&page, "dead_letters").iter();
            offsets.extend(listed.filter_map(|letter| letter["offset"].as_u64()));
            let Some(cursor) = page.get("next_cursor").and_then(Value::as_str) else {
                break;
            };
            path = format!("{letters}?limit=200&cursor={cursor}");
        }
    }
    let mut taken = 0;
    for offset in &offsets {
        let path = format!("{letters}/{offset}/replay");
        let sent = client.post(&path, &json!({})).await?;
        if sent["is_taken"] == true {
            taken += 1;
        } else {
            eprintln!("{offset}: {}", text_of(&sent, "error"));
        }
    }
    let told = json!({ "sent": offsets.len(), "taken": taken });
    print(&told, as_json, |_| {
        println!("{taken} of {} messages were taken", offsets.len());
    });
    Ok(match taken == offsets.len() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn show(webhook: &Value) {
    let paused = text_of(webhook, "paused_because");
    println!(
        "{}  {}  {} delivered, {} given up{}",
        text_of(webhook, "id"),
        text_of(webhook, "url"),
        webhook["delivered"],
        webhook["given_up"],
        match (paused, text_of(webhook, "last_error")) {
            ("", "") => String::new(),
            ("", error) => format!("  waits: {error}"),
            (reason, _) => format!("  paused: {reason}"),
        }
    );
}
