//! Where a tenant wants to be told of what happened, and of what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::chance::Entropy;
use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, RecordedEvent, Verdict};
use crate::ids::{EventId, WebhookId};
use crate::job::{Job, JobTask};

/// Bytes of a new secret: the 192 bits that Standard Webhooks asks for at least.
pub const SECRET_BYTES: usize = 24;

/// What a notice tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// A track was analysed.
    #[serde(rename = "analysis.completed")]
    AnalysisCompleted,
    /// The analysis of a track failed for good.
    #[serde(rename = "analysis.failed")]
    AnalysisFailed,
    /// A training ended with a new model, in production or not.
    #[serde(rename = "training.finished")]
    TrainingFinished,
    /// A training failed for good.
    #[serde(rename = "training.failed")]
    TrainingFailed,
    /// Other queued work failed for good.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// Artists that listeners play often have new tracks: once a day.
    #[serde(rename = "releases.digest")]
    ReleasesDigest,
    /// Most of a day's requests are spent: once a day.
    #[serde(rename = "quota.nearly_spent")]
    QuotaNearlySpent,
    /// What is played, or how, differs from the week before: once a day.
    #[serde(rename = "drift.noticed")]
    DriftNoticed,
    /// Another webhook is paused because it kept failing.
    #[serde(rename = "webhook.paused")]
    WebhookPaused,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::AnalysisCompleted,
        Self::AnalysisFailed,
        Self::TrainingFinished,
        Self::TrainingFailed,
        Self::JobFailed,
        Self::ReleasesDigest,
        Self::QuotaNearlySpent,
        Self::DriftNoticed,
        Self::WebhookPaused,
    ];

    /// The stable name, which is also the subject of the verdict that carries the notice.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnalysisCompleted => "analysis.completed",
            Self::AnalysisFailed => "analysis.failed",
            Self::TrainingFinished => "training.finished",
            Self::TrainingFailed => "training.failed",
            Self::JobFailed => "job.failed",
            Self::ReleasesDigest => "releases.digest",
            Self::QuotaNearlySpent => "quota.nearly_spent",
            Self::DriftNoticed => "drift.noticed",
            Self::WebhookPaused => "webhook.paused",
        }
    }

    /// What an event of the log tells of; none for what nobody is told, such as a play.
    pub fn of_event(recorded: &RecordedEvent) -> Option<Self> {
        match &recorded.event.payload {
            EventPayload::AnalysisCompleted(_) => Some(Self::AnalysisCompleted),
            EventPayload::Verdict(verdict) => verdict.subject.parse().ok(),
            _ => None,
        }
    }
}

impl FromStr for NoticeKind {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            let shown: String = text.chars().take(64).collect();
            let reason = format!("`{shown}` is none of: {}", known.join(", "));
            InvalidValue::new("kinds", reason)
        })
    }
}

/// The event of a notice. The same id is one notice, however often it is appended.
pub fn notice(
    kind: NoticeKind,
    event_id: EventId,
    at: Timestamp,
    conclusion: String,
    detail: serde_json::Value,
) -> Event {
    Event {
        event_id,
        occurred_at: at,
        listener: None,
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::Verdict(Verdict {
            subject: kind.name().to_owned(),
            conclusion,
            detail: Some(detail),
        }),
    }
}

/// The notice of a job that failed for good, at its end. A job that is revived and fails again is told again.
pub fn failed_job_notice(job: &Job, reason: String) -> Event {
    let mut detail = json!({"job": job.id, "task": job.task.kind(), "attempts": job.attempts});
    let kind = match &job.task {
        JobTask::AnalyzeTrack { track } => {
            detail["track"] = json!(track);
            NoticeKind::AnalysisFailed
        }
        JobTask::Train(_) => NoticeKind::TrainingFailed,
        _ => NoticeKind::JobFailed,
    };
    let event_id = EventId::derive(&[
        b"job failed",
        &job.id.as_u128().to_be_bytes(),
        &job.updated_at.as_ms().to_be_bytes(),
    ]);
    notice(kind, event_id, job.updated_at, reason, detail)
}

/// What signs the messages of one webhook. It does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = vec![0; SECRET_BYTES];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Takes bytes as they are.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes that sign.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret(…)")
    }
}

/// An address that is told of what happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where messages are posted to.
    pub url: String,
    /// What it is told of; everything when empty.
    pub kinds: Vec<NoticeKind>,
    /// What signs its messages.
    pub secret: WebhookSecret,
    /// When it was registered.
    pub created_at: Timestamp,
    /// The last event before it was registered: it is told of what came after.
    pub after_offset: u64,
    /// Why nothing is sent at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

impl Webhook {
    /// Whether it is told of this.
    pub fn wants(&self, kind: NoticeKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// Why a webhook is sent nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Whom it was for.
    pub webhook: WebhookId,
    /// Where in the log the event is that it tells of.
    pub offset: u64,
    /// The event, and the id of the message.
    pub event_id: EventId,
    /// What it tells of.
    pub kind: NoticeKind,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: String,
    /// When it was given up.
    pub failed_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_name_everywhere() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.name().parse::<NoticeKind>().unwrap(), kind);
            let written = serde_json::to_string(&kind).unwrap();
            assert_eq!(written, format!("\"{}\"", kind.name()));
        }
        assert!("analysis".parse::<NoticeKind>().is_err());
    }

    #[test]
    fn verdicts_are_notices_by_their_subject() {
        let check = |subject: &str, expected| {
            let verdict = Verdict {
                subject: subject.to_owned(),
                conclusion: "x".to_owned(),
                detail: None,
            };
            let recorded = RecordedEvent {
                offset: 1,
                recorded_at: Timestamp::from_ms(0),
                event: Event {
                    event_id: EventId::from_u128(1),
                    occurred_at: Timestamp::from_ms(0),
                    listener: None,
                    schema_version: EVENT_SCHEMA_VERSION,
                    payload: EventPayload::Verdict(verdict),
                },
            };
            assert_eq!(NoticeKind::of_event(&recorded), expected);
        };
        check("job.failed", Some(NoticeKind::JobFailed));
        check("duplicates", None);
    }

    #[test]
    fn a_webhook_without_kinds_wants_all_and_its_secret_does_not_print() {
        let mut webhook = Webhook {
            id: WebhookId::from_u128(1),
            url: "http://example.org/".to_owned(),
            kinds: Vec::new(),
            secret: WebhookSecret::from_bytes(vec![200; 24]),
            created_at: Timestamp::from_ms(0),
            after_offset: 0,
            pause: None,
        };
        assert!(webhook.wants(NoticeKind::JobFailed));
        webhook.kinds = vec![NoticeKind::WebhookPaused];
        assert!(!webhook.wants(NoticeKind::JobFailed));
        assert!(!format!("{webhook:?}").contains("200"));
    }
}
