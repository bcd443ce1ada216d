//! Versioned definitions.

use leitmotif_domain::definition::{DefinitionKind, NewDefinition, Share};
use leitmotif_domain::event::{EventPayload, RecordedEvent};
use leitmotif_domain::{ErrorKind, Timestamp, limits};

use super::kind_of;
use super::world::{World, page};

const KIND: DefinitionKind = DefinitionKind::Pipeline;

pub(super) fn definition(name: &str, text: &str) -> NewDefinition {
    NewDefinition {
        kind: KIND,
        name: name.to_owned(),
        text: text.to_owned(),
        note: "why".to_owned(),
        created_at: Timestamp::from_ms(5),
    }
}

pub async fn definitions_have_immutable_versions(world: &World) {
    let (scope, store) = (world.first(), &world.definitions);
    for (text, version) in [("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
        let added = store.add_definition(&scope, definition("home", text)).await;
        let added = added.unwrap();
        assert_eq!((added.version, added.text.as_str()), (version, text));
    }
    let other = store.add_definition(&scope, definition("radio", "x")).await;
    assert_eq!(other.unwrap().version, 1, "each name counts for itself");
    let read = store.definition(&scope, KIND, "home", 2).await.unwrap();
    let read = read.unwrap();
    assert_eq!((read.text.as_str(), read.note.as_str()), ("b", "why"));
    assert_eq!(read.created_at, Timestamp::from_ms(5));
    for (name, version) in [("home", 0), ("home", 4), ("none", 1)] {
        let none = store.definition(&scope, KIND, name, version).await.unwrap();
        assert_eq!(none, None, "{name} {version}");
    }
    let list = async |request| store.list_versions(&scope, KIND, "home", &request).await;
    let newest = list(page(2, None)).await.unwrap();
    let numbers = |items: &[leitmotif_domain::definition::Definition]| -> Vec<u32> {
        items.iter().map(|one| one.version).collect()
    };
    assert_eq!(numbers(&newest.items), [3, 2]);
    let rest = list(page(2, newest.next)).await.unwrap();
    assert_eq!((numbers(&rest.items), rest.next), (vec![1], None));
}

pub async fn definitions_are_bounded(world: &World) {
    let (scope, store) = (world.first(), &world.definitions);
    let bad = store.add_definition(&scope, definition("a/b", "")).await;
    assert_eq!(kind_of(bad), ErrorKind::Invalid);
    for number in 0..limits::DEFINITIONS_MAX {
        let name = format!("name-{number}");
        store
            .add_definition(&scope, definition(&name, ""))
            .await
            .unwrap();
    }
    let beyond = store
        .add_definition(&scope, definition("one-more", ""))
        .await;
    assert_eq!(kind_of(beyond), ErrorKind::Invalid);
    let known = store
        .add_definition(&scope, definition("name-0", "b"))
        .await;
    assert_eq!(known.unwrap().version, 2, "a known name goes on");
}

pub async fn shares_are_replaced_whole(world: &World) {
    let (scope, store) = (world.first(), &world.definitions);
    for text in ["a", "b", "c"] {
        store
            .add_definition(&scope, definition("home", text))
            .await
            .unwrap();
    }
    let live = async || store.live_definitions(&scope, KIND).await.unwrap();
    assert_eq!(live().await[0].shares, []);
    assert_eq!(live().await[0].newest_version, 3);
    let share = |version, weight| Share { version, weight };
    for shares in [vec![share(1, 9), share(3, 1)], vec![share(2, 1)], vec![]] {
        store
            .set_shares(&scope, KIND, "home", &shares)
            .await
            .unwrap();
        assert_eq!(live().await[0].shares, shares);
    }
    store
        .set_shares(&scope, KIND, "home", &[share(2, 1)])
        .await
        .unwrap();
    for (name, version) in [("home", 4), ("none", 1)] {
        let unknown = store
            .set_shares(&scope, KIND, name, &[share(version, 1)])
            .await;
        assert_eq!(kind_of(unknown), ErrorKind::NotFound);
    }
    assert_eq!(
        live().await[0].shares,
        [share(2, 1)],
        "a failure changes nothing"
    );
    let told = world.events.read(&scope, 0, 99).await.unwrap();
    let is_told = |one: &RecordedEvent| match &one.event.payload {
        EventPayload::DefinitionChanged(changed) => {
            (changed.definition, changed.name.as_str()) == (KIND, "home")
        }
        _ => false,
    };
    assert!(told.len() == 4 && told.iter().all(is_told), "{told:?}");
    assert_eq!(world.events.head(&scope).await.unwrap(), 4);
}
