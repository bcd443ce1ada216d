//! Statements and import audits.

use leitmotif_domain::statement::{StatementKind, StatementStatus};
use leitmotif_domain::{AuditId, ErrorKind, Timestamp, TrackId, limits};
use serde_json::json;

use super::kind_of;
use super::world::{World, page, patch};
use crate::ports::{ImportAudit, Statement};

pub(super) fn statement(track: TrackId, author: &str, hash: u8) -> Statement {
    Statement {
        track,
        source: "rap-scraper".to_owned(),
        author: author.to_owned(),
        version: "1".to_owned(),
        content_hash: [hash; 32],
        kind: StatementKind::Opinion,
        status: StatementStatus::Good,
        said_at: Some(Timestamp::from_ms(7)),
        document: json!({ "mood": "calm" }),
    }
}

pub(super) fn audit(id: u128) -> ImportAudit {
    ImportAudit {
        id: AuditId::from_u128(id),
        created_at: Timestamp::from_ms(5),
        source: "table".to_owned(),
        document: json!({ "tables": [] }),
    }
}

pub async fn statements_are_written_once(world: &World) {
    let (scope, imports) = (world.first(), &world.imports);
    let track = world.track(&scope, patch("one", &[])).await;
    let sent = vec![
        statement(track, "b", 1),
        statement(track, "a", 2),
        statement(track, "a", 1),
        statement(track, "a", 1),
    ];
    let put = async |sent: Vec<Statement>| imports.put_statements(&scope, sent).await;
    assert_eq!(put(sent.clone()).await.unwrap(), 3);
    assert_eq!(put(sent.clone()).await.unwrap(), 0);
    let read = imports.statements(&scope, track).await.unwrap();
    assert_eq!(
        read,
        [
            statement(track, "a", 1),
            statement(track, "a", 2),
            statement(track, "b", 1)
        ]
    );
    let mut judged = statement(track, "b", 1);
    judged.status = StatementStatus::Fallback;
    assert_eq!(put(vec![judged.clone()]).await.unwrap(), 1);
    assert_eq!(put(vec![judged]).await.unwrap(), 0);
    let counts = imports.statement_counts(&scope).await.unwrap();
    let shown: Vec<_> = counts
        .iter()
        .map(|row| (row.author.as_str(), row.status, row.count))
        .collect();
    assert_eq!(
        shown,
        [
            ("a", StatementStatus::Good, 2),
            ("b", StatementStatus::Fallback, 1)
        ]
    );
    let unknown = vec![
        statement(track, "c", 1),
        statement(TrackId::from_u128(9), "c", 1),
    ];
    assert_eq!(kind_of(put(unknown).await), ErrorKind::NotFound);
    assert_eq!(imports.statements(&scope, track).await.unwrap().len(), 3);
}

pub async fn statements_are_bounded_and_leave_with_their_track(world: &World) {
    let (scope, imports) = (world.first(), &world.imports);
    let track = world.track(&scope, patch("one", &[])).await;
    let numbered = |number: usize| {
        let mut one = statement(track, "a", 0);
        one.version = format!("{number:06}");
        one
    };
    let many: Vec<_> = (0..limits::STATEMENTS_PER_BATCH_MAX)
        .map(numbered)
        .collect();
    let mut beyond = many.clone();
    beyond.push(numbered(999_999));
    assert_eq!(
        kind_of(imports.put_statements(&scope, beyond).await),
        ErrorKind::Invalid
    );
    imports.put_statements(&scope, many).await.unwrap();
    let shown = imports.statements(&scope, track).await.unwrap();
    assert_eq!(shown.len(), limits::STATEMENTS_PER_TRACK_SHOWN);
    assert!(world.catalog.delete_track(&scope, track).await.unwrap());
    assert_eq!(imports.statements(&scope, track).await.unwrap(), []);
    assert_eq!(imports.statement_counts(&scope).await.unwrap(), []);
}

pub async fn audits_are_listed_newest_first(world: &World) {
    let (scope, imports) = (world.first(), &world.imports);
    for id in 1..=3 {
        imports.put_audit(&scope, audit(id)).await.unwrap();
    }
    assert_eq!(
        kind_of(imports.put_audit(&scope, audit(2)).await),
        ErrorKind::Conflict
    );
    let two = AuditId::from_u128(2);
    assert_eq!(imports.audit(&scope, two).await.unwrap(), Some(audit(2)));
    let none = imports.audit(&scope, AuditId::from_u128(9)).await.unwrap();
    assert_eq!(none, None);
    let newest = imports.list_audits(&scope, &page(2, None)).await.unwrap();
    assert_eq!(newest.items, [audit(3), audit(2)]);
    let rest = imports.list_audits(&scope, &page(2, newest.next)).await;
    assert_eq!(rest.unwrap().items, [audit(1)]);
}
