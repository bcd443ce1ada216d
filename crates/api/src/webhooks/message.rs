//! What is sent.

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::{EventPayload, RecordedEvent};
use leitmotif_domain::webhook::{NoticeKind, Webhook};
use serde_json::{Value, json};

use super::signature::sign;
use super::{Outgoing, Target};

/// Writes the message of an event: always the same bytes for the same event, so that a message that is sent
/// again is the same message.
pub fn body_of(kind: NoticeKind, recorded: &RecordedEvent) -> Vec<u8> {
    let event = &recorded.event;
    let data = match &event.payload {
        EventPayload::AnalysisCompleted(done) => {
            json!({"track": done.track, "analyzers": done.analyzers})
        }
        EventPayload::Verdict(verdict) => match &verdict.detail {
            Some(Value::Object(detail)) => {
                let mut data = detail.clone();
                data.insert("conclusion".to_owned(), json!(verdict.conclusion));
                Value::Object(data)
            }
            _ => json!({"conclusion": verdict.conclusion}),
        },
        _ => Value::Null,
    };
    let document = json!({
        "type": kind.name(),
        "timestamp": event.occurred_at,
        "data": data,
    });
    document.to_string().into_bytes()
}

/// Addresses and signs the message of an event.
///
/// - Errors: an address that does not read, for a person.
pub fn outgoing(
    webhook: &Webhook,
    kind: NoticeKind,
    recorded: &RecordedEvent,
    now: Timestamp,
) -> Result<Outgoing, String> {
    let body = body_of(kind, recorded);
    let (id, at_s) = (
        recorded.event.event_id.to_string(),
        now.as_ms().div_euclid(1_000),
    );
    let signature = sign(&webhook.secret, &id, at_s, &body);
    Ok(Outgoing {
        url: Target::parse(&webhook.url)?.url,
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "leitmotif-webhooks".to_owned()),
            ("webhook-id", id),
            ("webhook-timestamp", at_s.to_string()),
            ("webhook-signature", signature),
        ],
        body,
    })
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::EventId;
    use leitmotif_domain::webhook::notice;

    use super::*;

    #[test]
    fn a_message_says_its_kind_its_moment_and_the_particulars() {
        let (kind, at) = (NoticeKind::JobFailed, Timestamp::from_ms(1_700_000_000_000));
        let conclusion = "no such folder".to_owned();
        let recorded = RecordedEvent {
            offset: 1,
            recorded_at: Timestamp::from_ms(0),
            event: notice(
                kind,
                EventId::from_u128(1),
                at,
                conclusion,
                json!({"job": "j"}),
            ),
        };
        let body = body_of(kind, &recorded);
        let document: Value = serde_json::from_slice(&body).unwrap();
        let expected = json!({
            "type": "job.failed", "timestamp": "2023-11-14T22:13:20.000Z",
            "data": {"job": "j", "conclusion": "no such folder"},
        });
        assert_eq!(document, expected);
    }
}
