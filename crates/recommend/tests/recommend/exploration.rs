//! Exploration: what is shown by chance, and the probability that is written down for it.

use std::collections::{HashMap, HashSet};

use leitmotif_recommend::pipeline::{Fate, PipelineDefinition};

use super::*;

/// Asks a listener's list under a draft.
async fn ask(world: &World, text: &str, count: usize) -> Recommendations {
    let draft = Arc::new(PipelineDefinition::parse(&format!("{text}{UNHURRIED}")).unwrap());
    let change = |request: &mut RecommendRequest| {
        request.listener = Some(world.listener("person 4"));
        request.draft = Some(draft);
        request.count = count;
    };
    world.ask(change).await
}

async fn trained() -> World {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    world
}

fn order(answer: &Recommendations) -> Vec<TrackId> {
    answer.tracks.iter().map(|track| track.track).collect()
}

#[tokio::test]
async fn without_exploration_nothing_is_left_to_chance() {
    let world = trained().await;
    let plain = ask(&world, "", 5).await;
    for _ in 0..20 {
        let again = ask(&world, "[exploration]\ndraw_after = 0", 5).await;
        assert_eq!(order(&again), order(&plain));
        assert!(again.exploration.is_none());
        assert!(again.tracks.iter().all(|track| track.propensity == 1.0));
    }
    for exposure in world.exposures().await {
        let told = serde_json::to_value(&exposure).unwrap();
        assert!(told.get("exploration").is_none(), "the bytes as before");
        assert!((exposure.tracks.iter()).all(|track| track.propensity == Some(1.0)));
    }
}

#[tokio::test]
async fn frequencies_agree_with_what_is_written_down() {
    let world = trained().await;
    let text = "[list]\nartist_gap = 0\n[exploration]\nswap = 0.4\ndraw = 0.3\ndraw_after = 2";
    let runs = 1_500;
    let mut counts: HashMap<(usize, TrackId), (u32, f32)> = HashMap::new();
    for _ in 0..runs {
        let answer = ask(&world, text, 5).await;
        let tracks: HashSet<TrackId> = order(&answer).into_iter().collect();
        assert_eq!(tracks.len(), 5, "no track twice");
        for (place, track) in answer.tracks.iter().enumerate() {
            let one = counts
                .entry((place, track.track))
                .or_insert((0, track.propensity));
            one.0 += 1;
            assert_eq!(one.1, track.propensity, "one probability for one place");
        }
    }
    let mut sums = [0.0_f32; 5];
    for ((place, track), (count, propensity)) in counts {
        sums[place] += propensity;
        let (found, p) = (f64::from(count) / f64::from(runs), f64::from(propensity));
        let most = 5.0 * (p * (1.0 - p) / f64::from(runs)).sqrt();
        assert!(
            (found - p).abs() <= most,
            "{track} at {place}: {found}, {p}"
        );
    }
    // Every track that can stand somewhere was seen there in so many runs.
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{sums:?}");
    let exposures = world.exposures().await;
    let pairs = exposures.iter().filter_map(|one| one.exploration.as_ref());
    let pairs: Vec<_> = pairs.flat_map(|one| one.pairs.iter()).collect();
    let swapped = pairs.iter().filter(|pair| pair.is_swapped).count();
    let share = swapped as f64 / pairs.len() as f64;
    assert!((share - 0.4).abs() < 0.05, "{share} of {}", pairs.len());
}

#[tokio::test]
async fn a_pair_written_down_is_what_was_shown() {
    let world = trained().await;
    let plain = order(&ask(&world, "", 6).await);
    let text = "[exploration]\nswap = 0.5";
    for _ in 0..40 {
        let answer = ask(&world, text, 6).await;
        let mut undone = order(&answer);
        for pair in answer.exploration.iter().flat_map(|one| &one.pairs) {
            if pair.is_swapped {
                undone.swap(pair.first as usize, pair.first as usize + 1);
            }
        }
        assert_eq!(undone, plain);
        let artists: Vec<&str> = (answer.tracks.iter())
            .map(|track| track.artist.as_str())
            .collect();
        for near in artists.windows(3) {
            assert!(near[0] != near[1] && near[0] != near[2], "{artists:?}");
        }
        let trace = (world.recommender).trace(&world.scope, answer.request_id);
        let trace = trace.unwrap();
        let told: Vec<f32> = (trace.considered.iter())
            .filter(|one| one.fate == Fate::Shown)
            .filter_map(|one| one.propensity)
            .collect();
        let answered: Vec<f32> = answer.tracks.iter().map(|one| one.propensity).collect();
        assert_eq!(told, answered, "the trace tells what the answer tells");
    }
}

#[tokio::test]
async fn what_rules_place_and_cap_holds_under_chance() {
    let world = trained().await;
    let rules = "rules = ['pin 2 when track.genre == \"genre 2\"', 'cap 1 per artist', \
                 'filter track.artist != \"Artist 3\"']\n";
    let text = format!("{rules}[exploration]\nswap = 0.5\ndraw = 0.5\ndraw_after = 0");
    let plain = ask(&world, rules, 5).await;
    let artists_of = |answer: &Recommendations| -> HashSet<String> {
        (answer.tracks.iter())
            .map(|track| track.artist.clone())
            .collect()
    };
    // The pinned track comes after the caps.
    let fewest = artists_of(&plain).len();
    let mut seen = HashSet::new();
    for _ in 0..60 {
        let answer = ask(&world, &text, 5).await;
        seen.insert(order(&answer));
        assert_eq!(answer.tracks[1].track, plain.tracks[1].track, "pinned");
        assert_eq!(answer.tracks[1].propensity, 1.0);
        let artists = artists_of(&answer);
        assert!(artists.len() >= fewest, "one of each artist");
        assert!(!artists.contains("artist 3"));
    }
    assert!(seen.len() > 10, "{} lists", seen.len());
}

#[tokio::test]
async fn material_for_other_lists_is_not_explored() {
    let world = trained().await;
    let text = format!("[exploration]\nswap = 0.5{UNHURRIED}");
    let definition = leitmotif_domain::definition::NewDefinition {
        kind: leitmotif_domain::definition::DefinitionKind::Pipeline,
        name: "test".to_owned(),
        text,
        note: String::new(),
        created_at: Timestamp::from_ms(0),
    };
    let definitions = &world.stores.definitions;
    let added = definitions.add_definition(&world.scope, definition).await;
    let share = leitmotif_domain::definition::Share {
        version: added.unwrap().version,
        weight: 1,
    };
    let kind = leitmotif_domain::definition::DefinitionKind::Pipeline;
    let shares = [share];
    let set = definitions.set_shares(&world.scope, kind, "test", &shares);
    set.await.unwrap();
    for _ in 0..10 {
        let request = RecommendRequest {
            listener: Some(world.listener("person 4")),
            count: 6,
            placement: "test".to_owned(),
            ..RecommendRequest::default()
        };
        let ranked = world.recommender.rank(&world.scope, request).await.unwrap();
        assert!(ranked.assignment.version.is_some() && ranked.exploration.is_none());
        assert!(ranked.tracks.iter().all(|track| track.propensity == 1.0));
    }
    let listener = Some(world.listener("person 4"));
    let mut explored = 0;
    for _ in 0..10 {
        let answer = world.ask(|request| request.listener = listener).await;
        explored += usize::from(answer.exploration.is_some());
    }
    assert!(explored > 0, "the same pipeline explores what is shown");
}
