//! The plugins of a tenant.

use leitmotif_domain::plugin::{
    DeclaredDescriptor, Plugin, PluginManifest, PluginNeeds, PluginStage, ValueKind,
};
use leitmotif_domain::{ErrorKind, Timestamp, limits};

use super::kind_of;
use super::world::{World, page};

pub(super) fn plugin(name: &str, version: &str) -> Plugin {
    let manifest = PluginManifest {
        abi: 1,
        name: name.to_owned(),
        version: version.to_owned(),
        description: "Tells how long lines are".to_owned(),
        author: String::new(),
        needs: PluginNeeds {
            lyrics: true,
            ..PluginNeeds::default()
        },
        descriptors: vec![DeclaredDescriptor {
            name: "mean_words".to_owned(),
            kind: ValueKind::Number,
            unit: "words".to_owned(),
            description: "Words of a line".to_owned(),
            minimum: Some(0.0),
            maximum: None,
            values: Vec::new(),
        }],
        examples: Vec::new(),
    };
    let hash = format!("hash of {version}");
    Plugin::on_trial(manifest, hash, 9, Timestamp::from_ms(5), 1)
}

pub async fn plugins_are_bounded_and_replaced_by_name(world: &World) {
    let (scope, store) = (world.first(), &world.plugins);
    for number in 10..10 + limits::PLUGINS_MAX {
        let added = plugin(&format!("plugin-{number}"), "1");
        store.put_plugin(&scope, added).await.unwrap();
    }
    let beyond = store.put_plugin(&scope, plugin("plugin-9", "1")).await;
    assert_eq!(kind_of(beyond), ErrorKind::Invalid);
    let second = plugin("plugin-11", "2");
    store.put_plugin(&scope, second.clone()).await.unwrap();
    let read = store.plugin(&scope, "plugin-11").await.unwrap();
    assert_eq!(read, Some(second.clone()));
    let listed = store.list_plugins(&scope, &page(2, None)).await.unwrap();
    assert_eq!(listed.items, [plugin("plugin-10", "1"), second]);
    let rest = store.list_plugins(&scope, &page(1, listed.next)).await;
    assert_eq!(rest.unwrap().items, [plugin("plugin-12", "1")]);
    assert!(store.delete_plugin(&scope, "plugin-11").await.unwrap());
    assert!(!store.delete_plugin(&scope, "plugin-11").await.unwrap());
    assert_eq!(store.plugin(&scope, "plugin-11").await.unwrap(), None);
}

pub async fn answers_of_plugins_decide_their_trial(world: &World) {
    let (scope, store) = (world.first(), &world.plugins);
    store.put_plugin(&scope, plugin("one", "1")).await.unwrap();
    let count = async |hash: &str, failure: Option<&str>| {
        let failure = failure.map(str::to_owned);
        let counted = store.count_plugin_answer(&scope, "one", hash, failure);
        counted.await.unwrap()
    };
    assert_eq!(count("hash of 2", None).await, None, "another version");
    let counted = count("hash of 1", None).await.unwrap();
    assert_eq!((counted.answers, counted.stage), (1, PluginStage::Trial));
    for _ in 0..=limits::PLUGIN_TRIAL_FAILURES_MAX {
        count("hash of 1", Some("it traps")).await.unwrap();
    }
    let stopped = store.plugin(&scope, "one").await.unwrap().unwrap();
    assert_eq!(stopped.stage, PluginStage::Stopped);
    assert!(stopped.stopped_because.unwrap().contains("it traps"));
    let enabled = store.enable_plugin(&scope, "one", true).await.unwrap();
    let anew = Plugin {
        trial: 2,
        ..plugin("one", "1")
    };
    assert_eq!(enabled, Some(anew));
    let disabled = store.enable_plugin(&scope, "one", false).await.unwrap();
    assert!(!disabled.unwrap().is_enabled);
    let unknown = store.enable_plugin(&scope, "two", true).await.unwrap();
    assert_eq!(unknown, None);
}
