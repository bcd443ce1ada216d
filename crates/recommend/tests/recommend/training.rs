//! Training as a pipeline: what it refuses, how it compares, what it tells, how it goes on.

use leitmotif_domain::event::ListenOutcome;
use leitmotif_domain::training::{Promotion, ReportDepth, SearchBudget, TrainingRequest};
use leitmotif_domain::{JobId, ModelId};
use leitmotif_recommend::Error;
use leitmotif_recommend::service::PRODUCTION;
use leitmotif_recommend::train::{
    Basis, RankerSettings, Stage, TrainingReport, TrainingRun, train,
};
use leitmotif_storage::ports::{BlobStore, ModelRegistry};
use serde_json::Value;

use crate::World;

const FULL: TrainingRequest = TrainingRequest {
    report: ReportDepth::Full,
    promotion: Promotion::IfNotWorse,
    search: None,
};

async fn bytes(world: &World, model: ModelId) -> Vec<u8> {
    let key = format!("models/{model}").parse().unwrap();
    let read = world.storage.read(&world.scope, &key, 0..u64::MAX).await;
    read.unwrap().to_vec()
}

/// Everything of a report that must not differ from run to run.
fn settled(report: &TrainingReport) -> Value {
    let mut told = serde_json::to_value(report).unwrap();
    let fields = told.as_object_mut().unwrap();
    assert!(fields.remove("model").is_some() && fields.remove("stages").is_some());
    told
}

async fn has_parts(world: &World) -> bool {
    let parts = [
        "begin",
        "sources",
        "ranker",
        "evaluated",
        "measured",
        "model",
    ];
    for part in parts {
        let key = format!("training/{part}").parse().unwrap();
        if world
            .storage
            .stat(&world.scope, &key)
            .await
            .unwrap()
            .is_some()
        {
            return true;
        }
    }
    false
}

/// Trains until a stage begins, then drops everything as a kill would.
async fn broken_off(world: &World, run: &TrainingRun, stage: Stage) {
    let (tell, mut told) = tokio::sync::watch::channel(None);
    let training = train(&world.stores, &world.scope, run, move |progress| {
        tell.send_replace(Stage::at(&run.request, progress));
    });
    let reached = told.wait_for(|now| now.is_some_and(|now| now as u8 >= stage as u8));
    tokio::select! {
        biased;
        outcome = reached => assert!(outcome.is_ok()),
        ended = training => panic!("{stage:?} was not seen: {ended:?}"),
    }
}

#[tokio::test]
async fn a_training_that_is_broken_off_goes_on_to_the_same_model() {
    let plain = World::new().await;
    plain.live_with_duds().await;
    let whole = plain.train_as(5, FULL).await.unwrap();
    assert!(whole.ranker.is_some() && whole.ablation.is_some() && whole.pareto.is_some());
    assert!(!has_parts(&plain).await, "nothing is left behind");

    for stage in [
        Stage::BuildRows,
        Stage::Evaluate,
        Stage::Measure,
        Stage::Register,
    ] {
        let world = World::new().await;
        world.live_with_duds().await;
        let run = TrainingRun {
            job: JobId::from_u128(5),
            request: FULL,
        };
        broken_off(&world, &run, stage).await;
        assert!(has_parts(&world).await);
        // Life goes on in between; the training reads the log as it stood.
        world.live().await;
        let resumed = world.train_as(5, FULL).await.unwrap();
        let known = |report: &TrainingReport| resumed_stages(&report.stages);
        assert!(known(&resumed).contains(&true), "{:?}", resumed.stages);
        assert_eq!(settled(&resumed), settled(&whole), "{stage:?}");
        assert_eq!(
            bytes(&world, resumed.model).await,
            bytes(&plain, whole.model).await,
            "{stage:?}"
        );
        assert!(!has_parts(&world).await);
    }
}

fn resumed_stages(stages: &[leitmotif_recommend::train::StageTime]) -> Vec<bool> {
    stages.iter().map(|time| time.is_resumed).collect()
}

#[tokio::test]
async fn parts_of_another_training_or_damaged_ones_are_left() {
    let world = World::new().await;
    world.live_with_duds().await;
    let run = TrainingRun {
        job: JobId::from_u128(5),
        request: FULL,
    };
    broken_off(&world, &run, Stage::Evaluate).await;
    let key = "training/sources".parse().unwrap();
    let mut part = world
        .storage
        .read(&world.scope, &key, 0..u64::MAX)
        .await
        .unwrap()
        .to_vec();
    let last = part.len() - 1;
    part[last] ^= 1;
    world
        .storage
        .put(&world.scope, &key, part.into())
        .await
        .unwrap();
    let again = world.train_as(5, FULL).await.unwrap();
    let resumed = |stage: Stage| {
        let mut times = again.stages.iter();
        times.any(|time| time.stage == stage && time.is_resumed)
    };
    assert!(
        !resumed(Stage::FitSources) && resumed(Stage::FitRanker),
        "{again:?}"
    );

    broken_off(&world, &run, Stage::Evaluate).await;
    world.live().await;
    let other = world.train_as(6, FULL).await.unwrap();
    assert!(
        other.listens > again.listens,
        "another job reads the log as it is now"
    );
    assert!(
        other.stages.iter().all(|time| !time.is_resumed),
        "{:?}",
        other.stages
    );
}

#[tokio::test]
async fn the_model_in_production_is_judged_on_the_same_listens() {
    let world = World::new().await;
    world.live_with_duds().await;
    let first = world.train_as(1, TrainingRequest::default()).await.unwrap();
    assert_eq!(first.comparison, None);
    assert_eq!(first.promotion.reason, "no model was in production");

    // The same log again: the recipe is the same, and so is what it reaches when fitted anew.
    let second = world.train_as(2, TrainingRequest::default()).await.unwrap();
    let compared = second.comparison.unwrap();
    assert_eq!(
        (compared.current, compared.basis),
        (first.model, Basis::FittedAnew)
    );
    assert_eq!(compared.difference, 0.0, "{compared:?}");
    assert!(second.promotion.is_promoted, "{:?}", second.promotion);

    // So many new listeners that nothing that is asked was seen by the model in production.
    let mut generator = leitmotif_domain::chance::Seed(12).rng();
    for _ in 0..10 {
        for person in 0..400 {
            let track = world.tracks[person % 3 * 12 + generator.next_below(12)];
            let name = format!("later {person}");
            world.play(&name, track, ListenOutcome::Completed).await;
        }
    }
    let third = world.train_as(3, TrainingRequest::default()).await.unwrap();
    let compared = third.comparison.unwrap();
    assert_eq!(
        (compared.current, compared.basis),
        (second.model, Basis::AsItStands)
    );
    assert!(
        compared.interval.is_some() && compared.current_ndcg_at_10 > 0.0,
        "{compared:?}"
    );
}

#[tokio::test]
async fn a_worse_model_is_registered_and_serves_only_where_that_is_asked() {
    let world = World::new().await;
    world.live_with_duds().await;
    let good = world.train().await.unwrap();
    // Every listener of a group listens at random from now on, and no order can be learnt from it.
    let mut generator = leitmotif_domain::chance::Seed(11).rng();
    for _ in 0..6 {
        for person in 0..90 {
            let track = generator.next_below(world.tracks.len());
            let name = format!("person {person}");
            world
                .play(&name, world.tracks[track], ListenOutcome::Completed)
                .await;
        }
    }
    let report = world.train_as(2, TrainingRequest::default()).await.unwrap();
    let production = || async {
        let alias = world.storage.alias(&world.scope, PRODUCTION).await;
        alias.unwrap().map(|model| model.id)
    };
    let compared = report.comparison.unwrap();
    let is_worse = compared
        .interval
        .is_some_and(|interval| interval.high < 0.0);
    assert_eq!(report.promotion.is_promoted, !is_worse, "{report:?}");
    let serves = if is_worse { good.model } else { report.model };
    assert_eq!(production().await, Some(serves));
    let stored = world
        .storage
        .model(&world.scope, report.model)
        .await
        .unwrap();
    assert!(stored.is_some(), "it is registered either way");

    let request = TrainingRequest {
        promotion: Promotion::Always,
        ..TrainingRequest::default()
    };
    let forced = world.train_as(3, request).await.unwrap();
    assert!(forced.promotion.is_promoted);
    assert_eq!(production().await, Some(forced.model));
}

#[tokio::test]
async fn a_damaged_model_in_production_protects_nothing() {
    let world = World::new().await;
    world.live().await;
    let first = world.train_as(1, TrainingRequest::default()).await.unwrap();
    let key = format!("models/{}", first.model).parse().unwrap();
    let half = bytes(&world, first.model).await;
    let half = half[..half.len() / 2].to_vec();
    world
        .storage
        .put(&world.scope, &key, half.into())
        .await
        .unwrap();
    let second = world.train_as(2, TrainingRequest::default()).await.unwrap();
    assert!(second.promotion.is_promoted && second.comparison.is_none());
    assert!(
        second.promotion.reason.contains("cannot be judged"),
        "{:?}",
        second.promotion
    );
    world
        .storage
        .delete(
            &world.scope,
            &format!("models/{}", second.model).parse().unwrap(),
        )
        .await
        .unwrap();
    let third = world.train_as(3, TrainingRequest::default()).await.unwrap();
    assert!(
        third.promotion.reason.contains("its bytes are lost"),
        "{:?}",
        third.promotion
    );
}

#[tokio::test]
async fn what_nothing_can_be_learnt_from_is_refused_and_leaves_nothing() {
    let one = World::new().await;
    let all_skips = World::new().await;
    for round in 0..240 {
        let track = one.tracks[round % one.tracks.len()];
        one.play("only", track, ListenOutcome::Completed).await;
        let track = all_skips.tracks[round % all_skips.tracks.len()];
        let name = format!("person {}", round % 6);
        all_skips.play(&name, track, ListenOutcome::Skipped).await;
    }
    for (world, expected) in [(&one, "one listener"), (&all_skips, "are skips")] {
        let refused = world.train().await.unwrap_err();
        assert!(matches!(refused, Error::TooLittle { .. }));
        assert!(refused.to_string().contains(expected), "{refused}");
        assert!(!has_parts(world).await);
    }
}

#[tokio::test]
async fn a_full_report_says_what_the_ranker_needs_and_what_variety_costs() {
    let world = World::new().await;
    world.live_with_duds().await;
    let report = world.train_as(1, FULL).await.unwrap();
    let ablation = report.ablation.unwrap();
    let learnt = report.ranker.unwrap();
    assert_eq!(
        ablation.questions, learnt.questions,
        "few enough to need no sample"
    );
    let columns: u64 = ablation.groups.iter().map(|group| group.columns).sum();
    assert_eq!(
        columns,
        learnt.columns.len() as u64,
        "every column is in one group"
    );
    for group in &ablation.groups {
        let reached = ablation.ndcg_at_10 - group.ndcg_at_10;
        assert!((group.difference - reached).abs() < 1e-9, "{group:?}");
    }
    let pareto = report.pareto.unwrap();
    assert_eq!(pareto.points.len(), 7);
    assert!(pareto.points.iter().any(|point| point.is_efficient));
    let diversity = |place: usize| pareto.points[place].intra_list_diversity;
    assert!(diversity(6) > diversity(0), "{pareto:?}");
    let blend = report.ladder.blend;
    let interval = blend.interval.unwrap();
    assert!(interval.low <= blend.ndcg_at_10 && blend.ndcg_at_10 <= interval.high);
    let brief = world.train_as(2, TrainingRequest::default()).await.unwrap();
    assert!(brief.ablation.is_none() && brief.pareto.is_none() && brief.search.is_none());
}

#[tokio::test]
async fn a_search_is_decided_by_its_trials() {
    let world = World::new().await;
    world.live_with_duds().await;
    let search = |budget| TrainingRequest {
        search: Some(budget),
        ..TrainingRequest::default()
    };
    let trials = SearchBudget::Trials {
        sources: 13,
        ranker: 3,
    };
    let first = world.train_as(1, search(trials)).await.unwrap();
    let told = first.search.clone().unwrap();
    assert_eq!((told.source_trial_count, told.ranker_trial_count), (13, 3));
    let blended =
        |trial: &&leitmotif_recommend::train::SourceTrial| trial.blend_ndcg_at_10.is_some();
    // The three best, and the best of the usual ones where it is none of them.
    let blended = told.source_trials.iter().filter(blended).count();
    assert!((3..=4).contains(&blended), "{blended}");
    let run: Vec<bool> = told.source_trials[10..]
        .iter()
        .map(|trial| trial.iterations_run == Some(trial.settings.iterations))
        .collect();
    assert_eq!(
        run.iter().filter(|is_whole| **is_whole).count(),
        1,
        "{run:?}"
    );
    let verdict = told.verdict.unwrap();
    let is_usual = told.source_trials[..10]
        .iter()
        .any(|trial| trial.settings == first.factorization);
    assert!(verdict.is_kept || is_usual, "{verdict:?}");
    assert_eq!(
        verdict.is_kept,
        verdict.found_ndcg_at_10 > verdict.usual_ndcg_at_10
    );
    let served = first.ladder.blend.ndcg_at_10;
    let best = verdict.found_ndcg_at_10.max(verdict.usual_ndcg_at_10);
    assert!((served - best).abs() < 1e-9, "{served} {verdict:?}");
    let best = told
        .ranker_trials
        .iter()
        .map(|trial| trial.ndcg_at_10)
        .fold(0.0, f64::max);
    let chosen = first.ranker.as_ref().unwrap().settings;
    let kept = told
        .ranker_trials
        .iter()
        .find(|trial| trial.settings == chosen)
        .unwrap();
    let is_usual = chosen == RankerSettings::default();
    match told.ranker_verdict {
        Some(verdict) => {
            assert_eq!(verdict.is_kept, !is_usual, "{verdict:?}");
            assert_eq!(verdict.is_kept, kept.ndcg_at_10 == best);
            let reached = verdict.found_ndcg_at_10.max(verdict.usual_ndcg_at_10);
            let ranked = first.ladder.ranked.unwrap().ndcg_at_10;
            assert!((ranked - reached).abs() < 1e-9, "{ranked} {verdict:?}");
        }
        None => assert!(is_usual && kept.ndcg_at_10 == best),
    }

    // A clock that stands still says that trials cost nothing: as many as there may be, but at most.
    let second = world.train_as(2, search(trials)).await.unwrap();
    assert_eq!(second.search, first.search);
    assert_eq!(
        bytes(&world, second.model).await,
        bytes(&world, first.model).await
    );
}

/// Trees that were fitted elsewhere, on columns of ours.
pub fn trees_of_a_file() -> String {
    use leitmotif_learn::trees::{
        BinOptions, Dataset, Examples, Features, Objective, Parameters, fit,
    };
    use leitmotif_recommend::rank::{COLUMN_COUNT, column_names};
    let rows: Vec<f32> = (0..200 * COLUMN_COUNT)
        .map(|at| (at * 37 % 101) as f32 / 101.0)
        .collect();
    let labels: Vec<f32> = rows.chunks(COLUMN_COUNT).map(|row| row[0]).collect();
    let examples = Examples::new(Features::new(&rows, COLUMN_COUNT).unwrap(), &labels);
    let parameters = Parameters {
        objective: Objective::Regression,
        trees: 5,
        ..Parameters::default()
    };
    let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
    let fitted = fit(&dataset, None, &parameters).unwrap().ensemble;
    fitted.with_names(column_names()).unwrap().to_lightgbm()
}

#[tokio::test]
async fn a_ranker_of_a_file_becomes_a_model_that_nobody_judged() {
    use leitmotif_recommend::ranker_files::{RankerFile, ranker_of, with_ranker};
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    let (stores, scope) = (&world.stores, &world.scope);
    let in_use = async || {
        world
            .storage
            .alias(scope, PRODUCTION)
            .await
            .unwrap()
            .unwrap()
    };
    let base = in_use().await;
    let file = RankerFile {
        trees: trees_of_a_file(),
        blend_weight: 1.5,
    };
    let made = with_ranker(stores, scope, &base, &file).await.unwrap();
    assert_eq!(
        ranker_of(stores, scope, made.id).await.unwrap(),
        Some(file.clone())
    );
    assert!(
        made.metrics["warnings"][0]
            .as_str()
            .unwrap()
            .contains("nothing judged it")
    );
    assert_eq!(in_use().await.id, base.id, "somebody has to put it there");
    leitmotif_recommend::train::promote(stores, scope, made.id)
        .await
        .unwrap();
    let answered = world
        .ask(|request| request.listener = Some(world.listener("person 4")))
        .await;
    assert_eq!(answered.model, Some(made.id));

    let wrong = |trees: String| RankerFile {
        trees,
        ..file.clone()
    };
    let cut = wrong(file.trees[..file.trees.len() / 2].to_owned());
    let strange = wrong(file.trees.replace("blended", "mixed"));
    for (file, expected) in [(cut, "end of trees"), (strange, "`mixed`")] {
        let refused = with_ranker(stores, scope, &base, &file).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{refused}");
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}
