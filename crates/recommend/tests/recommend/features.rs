//! Features of views as columns of the ranker: learnt, read, told, and given again.

use leitmotif_domain::asked::AnswerSelection;
use leitmotif_domain::definition::{DefinitionKind, NewDefinition, Share};
use leitmotif_learn::trees::{
    BinOptions, Dataset, Examples, Features as Columns, Objective, Parameters, fit,
};
use leitmotif_recommend::Searcher;
use leitmotif_recommend::explain::Source;
use leitmotif_recommend::rank::{COLUMN_COUNT, FeatureColumns, column_names};
use leitmotif_recommend::ranker_files::{RankerFile, ranker_of, with_ranker};
use leitmotif_recommend::replay::ReplayReport;
use leitmotif_storage::ports::DefinitionStore;

use super::*;

const TRACKS: &str = "name = 'of_tracks'\nentity = 'track'
    [services]\nranker = ['skips', 'last_at']
    [[features]]\nname = 'skips'\nevent = 'listen'\naggregate = 'count'\nfilter = 'outcome == skipped'
    [[features]]\nname = 'last_at'\nevent = 'listen'\naggregate = 'last'";
const LISTENERS: &str =
    "name = 'of_listeners'\nentity = 'listener_artist'\nservices = { ranker = ['*'] }
    [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'";
const NAMES: [&str; 3] = ["of_listeners.plays", "of_tracks.skips", "of_tracks.last_at"];

impl World {
    async fn put_view(&self, name: &str, text: &str) {
        let kind = DefinitionKind::FeatureView;
        let definition = NewDefinition {
            kind,
            name: name.to_owned(),
            text: text.to_owned(),
            note: String::new(),
            created_at: leitmotif_domain::Clock::now(self.clock.as_ref()),
        };
        let added = self.storage.add_definition(&self.scope, definition).await;
        let version = added.unwrap().version;
        let shares = [Share { version, weight: 1 }];
        let set = self.storage.set_shares(&self.scope, kind, name, &shares);
        set.await.unwrap();
    }

    async fn put_views(&self) {
        self.put_view("of_tracks", TRACKS).await;
        self.put_view("of_listeners", LISTENERS).await;
    }

    /// Makes a model the order of which is the skips of tracks alone, the fewest first.
    async fn order_by_skips(&self) {
        let views = self.stores.features.views(&self.scope).await.unwrap();
        let (columns, _) = FeatureColumns::of_service(&views);
        let own = column_names().into_iter();
        let names: Vec<String> = own.chain(columns.names().iter().cloned()).collect();
        let (width, skips) = (names.len(), COLUMN_COUNT + 1);
        let mut random = Seed(4).rng();
        let rows = std::iter::repeat_with(|| random.next_below(6) as f32);
        let rows: Vec<f32> = rows.take(2_000 * width).collect();
        let labels: Vec<f32> = rows.chunks(width).map(|row| -row[skips]).collect();
        let examples = Examples::new(Columns::new(&rows, width).unwrap(), &labels);
        let parameters = Parameters {
            objective: Objective::Regression,
            trees: 60,
            leaf_rows_min: 5,
            ..Parameters::default()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
        let fitted = fit(&dataset, None, &parameters).unwrap().ensemble;
        let file = RankerFile {
            trees: fitted.with_names(names).unwrap().to_lightgbm(),
            blend_weight: 0.0,
        };
        let base = self.recommender.production(&self.scope).await.unwrap();
        let made = with_ranker(&self.stores, &self.scope, &base.unwrap(), &file).await;
        let promoted =
            leitmotif_recommend::train::promote(&self.stores, &self.scope, made.unwrap().id);
        promoted.await.unwrap();
    }

    async fn ask_person(&self, person: usize) -> Recommendations {
        let listener = self.listener(&format!("person {person}"));
        self.ask(|request| {
            request.listener = Some(listener);
            request.include_heard = true;
            request.placement = "unhurried".to_owned();
        })
        .await
    }

    async fn given_again(&mut self) -> ReplayReport {
        self.flush().await;
        let (exposures, _) = ExposureWriter::start(self.storage.clone());
        let again = Searcher::new(Arc::new(Recommender::new(self.stores.clone(), exposures)));
        let all = AnswerSelection {
            count: 100,
            from_offset: None,
            through_offset: None,
        };
        let job = JobId::from_u128(1);
        let replayed = again.replay_answers(&self.scope, job, &all, |_| {});
        replayed.await.unwrap()
    }
}

#[tokio::test]
async fn training_learns_from_features_that_views_put_into_the_service() {
    let world = World::new().await;
    world.put_views().await;
    world
        .put_view(
            "unlike",
            "name = 'unlike'\nentity = 'track'\nservices = { ranker = ['*'] }
        [[features]]\nname = 'on'\nevent = 'listen'\naggregate = 'top_k'\nfield = 'device'\nk = 2",
        )
        .await;
    world.live_with_duds().await;
    let full = TrainingRequest {
        report: leitmotif_domain::training::ReportDepth::Full,
        ..TrainingRequest::default()
    };
    let report = world.train_as(1, full).await.unwrap();
    assert_eq!(
        report.warnings,
        ["the feature `unlike.on` is no column: it is a texts, not a number"]
    );
    let ranker = report.ranker.unwrap();
    let told = |name: &str| ranker.columns.iter().any(|(column, _)| column == name);
    assert!(NAMES.iter().all(|name| told(name)), "{:?}", ranker.columns);
    let groups = report.ablation.unwrap().groups;
    let columns = |view: &str| {
        groups
            .iter()
            .find(|one| one.group == view)
            .map(|one| one.columns)
    };
    assert_eq!(
        (columns("view of_tracks"), columns("view of_listeners")),
        (Some(2), Some(1))
    );

    // The same log, asked again, gives the same trees; without the service it has other columns.
    let trees = async |report: &TrainingReport| {
        let file = ranker_of(&world.stores, &world.scope, report.model).await;
        file.unwrap().map(|file| file.trees)
    };
    let (first, second) = (
        world.train_as(2, TrainingRequest::default()).await.unwrap(),
        world.train_as(3, TrainingRequest::default()).await.unwrap(),
    );
    assert_eq!(trees(&first).await, trees(&second).await);
    for name in ["of_tracks", "of_listeners", "unlike"] {
        let kind = DefinitionKind::FeatureView;
        let out = world.storage.set_shares(&world.scope, kind, name, &[]);
        out.await.unwrap();
    }
    let without = world.train_as(4, TrainingRequest::default()).await.unwrap();
    assert!(without.warnings.is_empty());
    let columns = without.ranker.unwrap().columns;
    assert_eq!(columns.len(), COLUMN_COUNT);
}

#[tokio::test]
async fn what_comes_after_a_moment_never_changes_its_rows() {
    let world = World::new().await;
    let text = "name = 'told'\nentity = 'track'\nservices = { ranker = ['*'] }
        [[features]]\nname = 'fortune'\nevent = 'push'\naggregate = 'pushed'";
    world.put_view("told", text).await;
    let begun_at = leitmotif_domain::Clock::now(world.clock.as_ref());
    world.live_with_duds().await;
    let trees = async |job: u128| {
        let report = world
            .train_as(job, TrainingRequest::default())
            .await
            .unwrap();
        let learnt = report.ranker.unwrap().columns;
        let of_it = learnt.into_iter().find(|(name, _)| name == "told.fortune");
        of_it.unwrap().1
    };
    assert_eq!(trees(1).await, 0.0, "nothing is told");
    // Somebody tells what will become of every track: the duds, and how they know them.
    let tell = async |at: Timestamp| {
        for (number, track) in world.tracks.iter().enumerate() {
            let values = [("fortune".to_owned(), (number % 4).into())];
            let pushed = FeaturesPushed {
                view: "told".to_owned(),
                entity: vec![track.to_string()],
                created_at: None,
                values: values.into_iter().collect(),
            };
            let event = Event {
                event_id: EventId::generate(world.clock.as_ref(), world.stores.entropy.as_ref()),
                occurred_at: at,
                listener: None,
                schema_version: EVENT_SCHEMA_VERSION,
                payload: EventPayload::FeaturesPushed(pushed),
            };
            let kept = world.storage.append(&world.scope, vec![event]).await;
            kept.unwrap();
        }
    };
    tell(leitmotif_domain::Clock::now(world.clock.as_ref())).await;
    assert_eq!(trees(2).await, 0.0, "it was not known then");
    tell(begun_at).await;
    assert!(trees(3).await > 0.0, "it was known then");
}

#[tokio::test]
async fn answers_read_features_and_are_given_again_with_them() {
    let mut world = World::new().await;
    world
        .add_pipeline("unhurried", &format!("[ranking]\nby = 'ranker'{UNHURRIED}"))
        .await;
    world
        .put_into_service(
            "unhurried",
            &[Share {
                version: 1,
                weight: 1,
            }],
        )
        .await;
    world.live().await;
    world.train().await.unwrap();
    world.put_views().await;
    world.stores.features.rebuild(&world.scope).await.unwrap();
    world.order_by_skips().await;
    let mut skips = std::collections::HashMap::new();
    let first = world.ask_person(4).await;
    assert!(first.degraded.is_empty(), "{:?}", first.degraded);
    for round in 0..12 {
        let answer = world.ask_person(round % 5).await;
        assert!(answer.degraded.is_empty() && answer.rung == Rung::Personalised);
        let reasons = answer.tracks.iter().flat_map(|track| &track.reasons);
        assert!(
            reasons
                .clone()
                .any(|reason| reason.source == Source::Features)
        );
        let trace = world
            .recommender
            .trace(&world.scope, answer.request_id)
            .unwrap();
        let rows: Vec<_> = trace.by_ranker.iter().collect();
        assert_eq!(rows[0].1.len(), COLUMN_COUNT + NAMES.len());
        assert_eq!(trace.by_ranker.names()[COLUMN_COUNT..], NAMES);
        // A skip counts at once.
        let best = answer.tracks[0].track;
        *skips.entry(best).or_insert(0) += 1;
        world
            .play("somebody else", best, ListenOutcome::Skipped)
            .await;
    }
    assert!(skips.len() > 3, "another comes first: {skips:?}");
    let report = world.given_again().await;
    assert_eq!((report.counts.identical, report.counts.total()), (13, 13));

    // Otherwise defined, they are not what was read or learnt from: the order is left out and the blend answers, until
    // they are what they were.
    world
        .put_view("of_tracks", &TRACKS.replace("== skipped", "!= skipped"))
        .await;
    let report = world.given_again().await;
    assert_eq!(report.counts.features_changed, 13);
    world.stores.features.rebuild(&world.scope).await.unwrap();
    let answer = world.ask_person(4).await;
    assert_eq!(answer.rung, Rung::Personalised);
    assert_eq!(answer.degraded[0].part, "features");
    let described = format!("description = 'What is passed over'\n{TRACKS}");
    world.put_view("of_tracks", &described).await;
    world.stores.features.rebuild(&world.scope).await.unwrap();
    assert!(world.ask_person(4).await.degraded.is_empty());
    // Gone, likewise.
    world
        .put_view("of_tracks", &TRACKS.replace("'skips'", "'passes'"))
        .await;
    world.stores.features.rebuild(&world.scope).await.unwrap();
    let answer = world.ask_person(4).await;
    assert_eq!(answer.rung, Rung::Personalised);
    let parts: Vec<&str> = answer.degraded.iter().map(|one| one.part).collect();
    assert_eq!(parts, ["features"]);
    let refused = {
        let base = world
            .recommender
            .production(&world.scope)
            .await
            .unwrap()
            .unwrap();
        let file = ranker_of(&world.stores, &world.scope, base.id)
            .await
            .unwrap();
        with_ranker(&world.stores, &world.scope, &base, &file.unwrap()).await
    };
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("`of_tracks.skips`"), "{refused}");
}

#[tokio::test]
async fn views_that_came_after_the_features_were_opened_are_built_for_a_model_that_reads_them() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    world.stores.features.level(&world.scope).await.unwrap();
    world.put_views().await;
    world.order_by_skips().await;
    let first = world.ask_person(4).await;
    assert_eq!(first.degraded[0].part, "features");
    let mut tries = 0;
    while !world.ask_person(4).await.degraded.is_empty() {
        tries += 1;
        assert!(tries < 1_000, "they are built");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_was_answered_is_taken_in_where_it_matters_or_beside_the_answers() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    world.put_views().await;
    world.stores.features.rebuild(&world.scope).await.unwrap();
    world.order_by_skips().await;
    let standing = async || {
        let standing = world.stores.features.standing(&world.scope);
        standing.await.unwrap()
    };
    let written = async |count: u64| {
        while standing().await.behind() < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let track = world.ask_person(4).await.tracks[0].track;
    let offset = standing().await.offset();
    written(1).await;
    world.ask_person(4).await;
    written(2).await;
    assert_eq!(standing().await.offset(), offset, "answers wait");
    let other = "somebody else";
    world.play(other, track, ListenOutcome::Skipped).await;
    world.ask_person(4).await;
    let level = standing().await.offset();
    assert!(
        level >= offset + 3,
        "a play does not, nor what came before it"
    );
    // Many do not wait for the next play.
    while standing().await.offset() == level {
        world.ask_person(4).await;
    }
    world.put_view("of_tracks", &TRACKS.replace("== skipped'", "== skipped'\n[[features]]\nname = 'shown'\nevent = 'exposure'\naggregate = 'count'")).await;
    world.stores.features.rebuild(&world.scope).await.unwrap();
    let offset = standing().await.offset();
    world.ask_person(4).await;
    written(1).await;
    world.ask_person(4).await;
    assert!(
        standing().await.offset() > offset,
        "where answers are counted, none waits"
    );
}
