//! `leitmotif tenant` and `leitmotif key`.

use std::process::ExitCode;

use clap::Subcommand;
use leitmotif_demo::tour::Call;
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum TenantCommand {
    /// Makes a tenant and prints its first key, once.
    Create {
        /// Its name: 1 to 64 characters a-z 0-9 -.
        name: String,
    },
    /// Lists tenants.
    List,
    /// Removes a tenant with all its data.
    Delete {
        /// Its id.
        id: String,
    },
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Issues a key and prints it, once.
    Create {
        /// What a person calls it.
        label: String,
        /// What it may do: read, write, admin.
        #[arg(long, value_delimiter = ',', default_value = "read")]
        scopes: Vec<String>,
    },
    /// Lists keys.
    List,
    /// Issues a successor; the old key goes on for a while.
    Rotate {
        /// Its id.
        id: String,
        /// Seconds in which the old key still opens.
        #[arg(long, default_value_t = 3_600)]
        overlap_s: u64,
    },
    /// Revokes a key at once.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// Manages tenants.
pub async fn tenant(
    command: TenantCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        TenantCommand::Create { name } => {
            let made = client
                .post("/api/v1/tenants", &json!({ "name": name }))
                .await?;
            print(&made, as_json, |made| {
                let key = made.get("key").cloned().unwrap_or_default();
                println!("tenant {}", text_of(made, "id"));
                println!("key    {}   (shown once)", text_of(&key, "secret"));
            });
        }
        TenantCommand::List => {
            let listed = client.get("/api/v1/tenants?limit=200").await?;
            print(&listed, as_json, |listed| {
                for tenant in list_of(listed, "tenants") {
                    println!("{}  {}", text_of(tenant, "id"), text_of(tenant, "name"));
                }
            });
        }
        TenantCommand::Delete { id } => delete(client, &format!("/api/v1/tenants/{id}")).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Manages keys.
pub async fn key(command: KeyCommand, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let show = |issued: &Value| {
        println!("key {}   (shown once)", text_of(issued, "secret"));
        println!("id  {}", text_of(issued, "id"));
    };
    match command {
        KeyCommand::Create { label, scopes } => {
            let asked = json!({ "label": label, "scopes": scopes });
            print(&client.post("/api/v1/keys", &asked).await?, as_json, show);
        }
        KeyCommand::List => {
            let listed = client.get("/api/v1/keys?limit=200").await?;
            print(&listed, as_json, |listed| {
                for key in list_of(listed, "keys") {
                    let scopes = key.get("scopes").map(Value::to_string).unwrap_or_default();
                    println!(
                        "{}  {}  {scopes}",
                        text_of(key, "id"),
                        text_of(key, "label")
                    );
                }
            });
        }
        KeyCommand::Rotate { id, overlap_s } => {
            let path = format!("/api/v1/keys/{id}/rotate");
            let asked = json!({ "overlap_s": overlap_s });
            print(&client.post(&path, &asked).await?, as_json, show);
        }
        KeyCommand::Revoke { id } => delete(client, &format!("/api/v1/keys/{id}")).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn delete(client: &Client, path: &str) -> anyhow::Result<()> {
    let call = Call {
        method: "DELETE",
        path: path.to_owned(),
        ..Call::default()
    };
    client.json(call).await?;
    println!("removed");
    Ok(())
}
