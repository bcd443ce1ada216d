//! The event log.

use leitmotif_domain::event::{EventPayload, Search};
use leitmotif_domain::{ErrorKind, EventId, ListenerId, Timestamp, limits};

use super::kind_of;
use super::world::{World, listen, page};
use crate::ports::{Checkpoint, ConsumerPosition, EventSelection, EventWindow, StatePart};

pub async fn appends_are_numbered_and_idempotent(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    assert_eq!(events.head(&scope).await.unwrap(), 0);
    let check = async |ids: &[u128], expected: &[(u64, bool)]| {
        let batch = ids.iter().map(|id| listen(*id, None)).collect();
        let appended = events.append(&scope, batch).await.unwrap();
        let seen: Vec<_> = appended
            .iter()
            .map(|one| (one.offset, one.is_duplicate))
            .collect();
        assert_eq!(seen, expected);
    };
    check(&[], &[]).await;
    check(&[7, 8], &[(1, false), (2, false)]).await;
    check(&[8, 9, 9], &[(2, true), (3, false), (3, true)]).await;
    check(&[7], &[(1, true)]).await;
    assert_eq!(events.head(&scope).await.unwrap(), 3);
    // Three new events of a client are three in the usage, however often they were sent.
    let usage = world
        .ledger
        .usage(&scope, "2000-01-01", "2100-01-01")
        .await
        .unwrap();
    let rows: Vec<_> = usage
        .iter()
        .map(|row| (row.metric.as_str(), row.amount))
        .collect();
    assert_eq!(rows, [("events", 3)]);
    // The first write wins.
    let mut other = listen(7, None);
    other.schema_version += 1;
    events.append(&scope, vec![other]).await.unwrap();
    let stored = events.read(&scope, 0, 1).await.unwrap();
    assert_eq!(stored[0].event, listen(7, None));
    assert_eq!((stored[0].offset, stored[0].recorded_at), (1, world.now()));
}

pub async fn batches_are_bounded_and_read_in_order(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let batch = |count: usize| (0..count).map(|id| listen(id as u128, None)).collect();
    let refused = events
        .append(&scope, batch(limits::EVENTS_PER_BATCH_MAX + 1))
        .await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
    assert_eq!(events.head(&scope).await.unwrap(), 0);
    let most = events
        .append(&scope, batch(limits::EVENTS_PER_BATCH_MAX))
        .await;
    assert_eq!(most.unwrap().len(), limits::EVENTS_PER_BATCH_MAX);
    for (after, limit, expected) in [
        (0, 3, vec![1, 2, 3]),
        (4_998, 9, vec![4_999, 5_000]),
        (5_000, 9, vec![]),
        (u64::MAX, 9, vec![]),
        (0, 0, vec![]),
    ] {
        let read = events.read(&scope, after, limit).await.unwrap();
        let offsets: Vec<u64> = read.iter().map(|event| event.offset).collect();
        assert_eq!(offsets, expected, "after {after}");
    }
}

pub async fn a_kind_is_read_by_moment(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let (one, other) = (ListenerId::from_u128(1), ListenerId::from_u128(2));
    let moment = |ms: i64| Timestamp::from_ms(1_600_000_000_000 + ms);
    let at = |id: u128, listener, ms: i64| {
        let mut event = listen(id, listener);
        event.occurred_at = moment(ms);
        event
    };
    let mut search = at(6, Some(one), 25);
    search.payload = EventPayload::Search(Search {
        query: "q".to_owned(),
        result_count: 0,
    });
    // Late events find their place by the moment they happened.
    let batch = vec![
        at(1, Some(one), 30),
        at(2, Some(one), 10),
        at(3, Some(other), 15),
        at(4, Some(one), 20),
        at(5, None, 20),
        search,
        at(7, Some(one), 20),
    ];
    events.append(&scope, batch).await.unwrap();
    let all = EventWindow::of_kind("listen");
    let bounded = EventWindow {
        after: Some(moment(10)),
        before: Some(moment(30)),
        ..all.clone()
    };
    let earliest = EventWindow {
        is_earliest_first: true,
        ..all.clone()
    };
    for (window, limit, expected) in [
        (&all, 9, vec![1, 7, 4, 2]),
        (&all, 2, vec![1, 7]),
        (&bounded, 9, vec![7, 4]),
        (&earliest, 3, vec![2, 4, 7]),
        (&EventWindow::at("listen", moment(10)), 9, vec![2]),
        (&EventWindow::of_kind("search"), 9, vec![6]),
        (&EventWindow::of_kind("scrobble"), 9, vec![]),
        (&all, 0, vec![]),
    ] {
        let read = events.of_kind(&scope, one, window, limit).await.unwrap();
        let ids: Vec<u128> = read
            .iter()
            .map(|found| found.event.event_id.as_u128())
            .collect();
        assert_eq!(ids, expected, "{window:?}");
    }
    let count = events.count_of_kind(&scope, one, "listen").await.unwrap();
    assert_eq!(count, 4);
    let first = events.read(&scope, 0, 1).await.unwrap().remove(0);
    let by_id = events.event(&scope, first.event.event_id).await.unwrap();
    assert_eq!(by_id, Some(first));
    let unknown = EventId::from_u128(999_999);
    assert_eq!(events.event(&scope, unknown).await.unwrap(), None);
}

pub async fn a_listener_is_read_newest_first(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let (one, other) = (ListenerId::from_u128(1), ListenerId::from_u128(2));
    let batch = (1..=7_u128)
        .map(|id| listen(id, Some(if id % 2 == 1 { one } else { other })))
        .chain([listen(8, None)])
        .collect();
    events.append(&scope, batch).await.unwrap();
    let offsets = async |request| {
        let read = events.of_listener(&scope, one, &request).await.unwrap();
        let offsets: Vec<u64> = read.items.iter().map(|event| event.offset).collect();
        (offsets, read.next)
    };
    let (newest, next) = offsets(page(2, None)).await;
    assert_eq!(newest, [7, 5]);
    events
        .append(&scope, vec![listen(9, Some(one))])
        .await
        .unwrap();
    assert_eq!(offsets(page(2, next)).await, (vec![3, 1], None));
    let foreign = page(2, Some("x".to_owned()));
    let refused = events.of_listener(&scope, one, &foreign).await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
}

pub async fn checkpoints_never_go_back(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let point = |offset, state: &[u8]| Checkpoint {
        offset,
        state: state.to_vec(),
    };
    assert_eq!(events.checkpoint(&scope, "taste").await.unwrap(), None);
    for (offset, state) in [(4, b"a"), (4, b"b"), (9, b"c")] {
        let saved = events.save_checkpoint(&scope, "taste", point(offset, state));
        saved.await.unwrap();
    }
    let behind = events
        .save_checkpoint(&scope, "taste", point(8, b"d"))
        .await;
    assert_eq!(kind_of(behind), ErrorKind::Conflict);
    let stored = events.checkpoint(&scope, "taste").await.unwrap();
    assert_eq!(stored, Some(point(9, b"c")));
    assert_eq!(events.checkpoint(&scope, "other").await.unwrap(), None);
    events.drop_checkpoint(&scope, "taste").await.unwrap();
    events.drop_checkpoint(&scope, "taste").await.unwrap();
    let anew = events.save_checkpoint(&scope, "taste", point(1, b"e"));
    anew.await.unwrap();
}

pub async fn parts_stand_until_later_ones_are_committed(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let part = |part: u32, state: &[u8]| StatePart {
        part,
        state: state.to_vec(),
    };
    let head = |offset: u64| Checkpoint {
        offset,
        state: vec![offset as u8],
    };
    let save = async |offset, parts| events.save_parts(&scope, "taste", offset, parts).await;
    let commit = async |since, offset| {
        let committed = events.commit_parts(&scope, "taste", since, head(offset));
        committed.await
    };
    let stored = async || events.parts(&scope, "taste", 0, 9).await.unwrap();
    assert_eq!(stored().await, []);
    save(3, vec![part(0, b"a"), part(7, b"bb")]).await.unwrap();
    save(3, vec![part(2, b"c")]).await.unwrap();
    assert_eq!(stored().await, [], "nothing was committed");
    assert_eq!(events.checkpoint(&scope, "taste").await.unwrap(), None);
    commit(0, 3).await.unwrap();
    let first = [part(0, b"a"), part(2, b"c"), part(7, b"bb")];
    assert_eq!(stored().await, first);
    let read = events.checkpoint(&scope, "taste").await.unwrap();
    assert_eq!(read, Some(head(3)));
    // Another process wrote and died; this one goes another way.
    save(9, vec![part(0, b"dead"), part(8, b"dead")])
        .await
        .unwrap();
    assert_eq!(stored().await, first);
    save(5, vec![part(2, b"old")]).await.unwrap();
    save(5, vec![part(2, b"d")]).await.unwrap();
    assert_eq!(stored().await, first);
    commit(3, 5).await.unwrap();
    commit(3, 5).await.unwrap();
    let second = [part(0, b"a"), part(2, b"d"), part(7, b"bb")];
    assert_eq!(stored().await, second);
    assert_eq!(
        events.parts(&scope, "taste", 1, 1).await.unwrap(),
        second[1..2]
    );
    assert_eq!(events.parts(&scope, "other", 0, 9).await.unwrap(), []);
    let known = events.consumers(&scope).await.unwrap();
    assert_eq!((known[0].offset, known[0].state_bytes), (5, 5));
    for offset in [4, 5] {
        assert_eq!(kind_of(save(offset, Vec::new()).await), ErrorKind::Conflict);
    }
    for (since, offset) in [(3, 6), (0, 6), (6, 6), (5, 4)] {
        assert_eq!(kind_of(commit(since, offset).await), ErrorKind::Conflict);
    }
    commit(5, 9).await.unwrap();
    assert_eq!(stored().await, second, "what the dead one wrote is gone");
    events.drop_checkpoint(&scope, "taste").await.unwrap();
    assert_eq!(stored().await, []);
    save(1, vec![part(0, b"e")]).await.unwrap();
    commit(0, 1).await.unwrap();
    assert_eq!(stored().await, [part(0, b"e")]);
}

pub async fn a_selection_is_read_both_ways(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let (one, other) = (ListenerId::from_u128(1), ListenerId::from_u128(2));
    let mut search = listen(9, Some(one));
    search.payload = EventPayload::Search(Search {
        query: "q".to_owned(),
        result_count: 0,
    });
    let mut batch: Vec<_> = (1..=7_u128)
        .map(|id| listen(id, Some(if id % 2 == 1 { one } else { other })))
        .collect();
    batch.push(search);
    batch.push(listen(10, None));
    events.append(&scope, batch).await.unwrap();
    let check = async |selection: &EventSelection, from, limit, expected: &[u64], reached| {
        let slice = events.select(&scope, selection, from, limit).await.unwrap();
        let offsets: Vec<u64> = slice.events.iter().map(|event| event.offset).collect();
        assert_eq!(
            (&*offsets, slice.reached),
            (expected, reached),
            "{selection:?}"
        );
    };
    let all = EventSelection::default();
    let of_one = EventSelection {
        listener: Some(one),
        ..all.clone()
    };
    let searches = EventSelection {
        kind: Some("search".to_owned()),
        ..all.clone()
    };
    let newest = |selection: &EventSelection| EventSelection {
        is_newest_first: true,
        ..selection.clone()
    };
    let without_answers = |selection: &EventSelection| EventSelection {
        is_without_answers: true,
        ..selection.clone()
    };
    check(&all, 0, 2, &[1, 2], 2).await;
    check(&all, 7, 9, &[8, 9], 9).await;
    check(&all, 9, 9, &[], 9).await;
    check(&all, 99, 9, &[], 99).await;
    check(&of_one, 1, 2, &[3, 5], 5).await;
    check(&of_one, 5, 9, &[7, 8], 9).await;
    check(&searches, 0, 9, &[8], 9).await;
    check(&newest(&all), u64::MAX, 3, &[9, 8, 7], 7).await;
    check(&newest(&all), 2, 9, &[1], 1).await;
    check(&newest(&all), 1, 9, &[], 1).await;
    check(&newest(&of_one), u64::MAX, 2, &[8, 7], 7).await;
    check(&newest(&searches), u64::MAX, 9, &[8], 1).await;
    check(&without_answers(&all), 6, 9, &[7, 9], 9).await;
    check(&without_answers(&newest(&all)), u64::MAX, 2, &[9, 7], 7).await;
    check(&without_answers(&searches), 0, 9, &[], 9).await;
    let of_one = without_answers(&of_one);
    let mut offsets = Vec::new();
    let mut from = 0;
    while from < 9 {
        let slice = events.select(&scope, &of_one, from, 2).await.unwrap();
        offsets.extend(slice.events.iter().map(|event| event.offset));
        assert!(slice.reached > from, "a reader comes on");
        from = slice.reached;
    }
    assert_eq!(offsets, [1, 3, 5, 7]);
    let point = Checkpoint {
        offset: 4,
        state: b"abc".to_vec(),
    };
    assert_eq!(events.consumers(&scope).await.unwrap(), []);
    let saved = events.save_checkpoint(&scope, "taste", point);
    saved.await.unwrap();
    let known = ConsumerPosition {
        consumer: "taste".to_owned(),
        offset: 4,
        state_bytes: 3,
    };
    assert_eq!(events.consumers(&scope).await.unwrap(), [known]);
}

pub async fn a_clock_that_jumps_back_keeps_the_order(world: &World) {
    let (scope, events) = (world.first(), &world.events);
    let before = world.now();
    events.append(&scope, vec![listen(1, None)]).await.unwrap();
    world.clock.advance_ms(-86_400_000);
    events.append(&scope, vec![listen(2, None)]).await.unwrap();
    let again = events.append(&scope, vec![listen(1, None)]).await.unwrap();
    assert_eq!((again[0].offset, again[0].is_duplicate), (1, true));
    let read = events.read(&scope, 0, 9).await.unwrap();
    let seen: Vec<_> = read
        .iter()
        .map(|one| (one.offset, one.recorded_at))
        .collect();
    assert_eq!(seen, [(1, before), (2, before.plus_ms(-86_400_000))]);
}
