//! Webhooks.

use leitmotif_api::native::webhooks::{
    DeadLetterAnswer, DeadLettersAnswer, ReplayedLetterAnswer, WebhookAnswer, WebhooksAnswer,
};
use maud::Markup;

use super::super::super::webhooks;
use super::{AT, more, text};

fn webhook() -> WebhookAnswer {
    WebhookAnswer {
        id: text(),
        url: text(),
        kinds: vec!["job.failed"],
        created_at: AT,
        paused_at: Some(AT),
        paused_because: Some(text()),
        offset: 9,
        delivered: 8,
        given_up: 1,
        last_delivered_at: Some(AT),
        failed_attempts: 2,
        next_attempt_at: Some(AT),
        last_error: Some(text()),
    }
}

pub(super) fn some_webhooks() -> [Markup; 2] {
    let list = WebhooksAnswer {
        webhooks: vec![webhook()],
        page: more(),
    };
    let letters = DeadLettersAnswer {
        dead_letters: vec![DeadLetterAnswer {
            offset: 7,
            event_id: text(),
            kind: "job.failed",
            attempts: 8,
            error: text(),
            failed_at: AT,
        }],
        page: more(),
    };
    let sent = ReplayedLetterAnswer {
        is_taken: false,
        error: Some(text()),
    };
    [
        webhooks::webhooks_body(&list, true),
        webhooks::webhook_body(&webhook(), &letters, true, Some(&sent)),
    ]
}
