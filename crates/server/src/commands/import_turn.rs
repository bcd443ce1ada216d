//! The turn of an import: while it runs, no other writes tracks of another table.

use std::time::{Duration, Instant};

use anyhow::Context;
use leitmotif_demo::tour::Call;
use serde_json::{Value, json};

use super::audit::problem_of;
use super::text_of;
use crate::client::Client;

/// The turn is kept so many times as often as it must be: a call may take long or be lost.
const SIGNS_PER_LEASE: u32 = 6;

/// A turn that is ours until it is ended, or not kept for too long.
pub struct ImportTurn {
    path: String,
    lease: String,
    /// Time between two signs of life.
    pub beat: Duration,
    told_at: Instant,
}

impl ImportTurn {
    /// Takes the turn.
    ///
    /// - Errors: another import runs; the sentence names it.
    pub async fn begin(source: &str, client: &Client) -> anyhow::Result<Self> {
        let begun = client
            .post("/api/v1/import-turns", &json!({ "source": source }))
            .await?;
        let lease_ms = begun.get("lease_ms").and_then(Value::as_u64);
        let lease_ms = lease_ms.context("the server's answer has no `lease_ms`")?;
        Ok(Self {
            path: format!("/api/v1/import-turns/{}", text_of(&begun, "job")),
            lease: text_of(&begun, "lease").to_owned(),
            beat: Duration::from_millis(lease_ms) / SIGNS_PER_LEASE,
            told_at: Instant::now(),
        })
    }

    /// Keeps the turn, if it is time to; `done` are the rows sent so far.
    ///
    /// - Errors: it was lost, and another import may be writing: nothing may be sent any more.
    pub async fn keep(&mut self, done: u64, client: &Client) -> anyhow::Result<()> {
        if self.told_at.elapsed() < self.beat {
            return Ok(());
        }
        let sign = json!({ "lease": self.lease, "progress_done": done, "progress_total": 0 });
        client.put(&self.path, &sign).await.context(
            "the turn of this import was lost; what was sent before is kept, and the same command goes on from there",
        )?;
        self.told_at = Instant::now();
        Ok(())
    }

    /// Ends the turn, so that the next import may begin.
    pub async fn end(self, client: &Client) -> anyhow::Result<()> {
        let call = Call {
            method: "DELETE",
            path: format!("{}?lease={}", self.path, self.lease),
            ..Call::default()
        };
        let answer = client.send(call).await?;
        anyhow::ensure!(answer.status < 400, "{}", problem_of(&answer));
        Ok(())
    }
}
