//! Tracks that came after the training, found by what they sound like.

use leitmotif_domain::event::AnalysisCompleted;
use leitmotif_recommend::{PipelineDefinition, Source};

use super::*;

/// What a track sounds like: a little of its group, and much that says nothing of it.
fn sound(group: usize, seed: u64) -> Vec<f32> {
    let mut random = Seed(seed).rng();
    let noise = (0..5).map(|_| random.next_f64() as f32 - 0.5);
    let own = (0..GROUPS).map(|one| if one == group { 0.3 } else { 0.0 });
    own.chain(noise).collect()
}

#[tokio::test]
async fn a_new_track_is_mapped_to_the_taste_of_those_who_would_play_it() {
    let mut world = World::new().await;
    while world.tracks.len() < 180 {
        let number = world.tracks.len();
        let (title, artist) = (format!("song {number}"), format!("artist {number}"));
        world.tracks.push(world.add_track(&title, &artist).await);
    }
    let space = "sound-1".parse().unwrap();
    let sounds = world.tracks.iter().zip(0..);
    let rows = sounds.map(|(track, number)| (*track, sound(number as usize % GROUPS, number)));
    let rows: Vec<_> = rows.collect();
    let written = world.storage.upsert(&world.scope, &space, rows).await;
    written.unwrap();
    let mut random = Seed(8).rng();
    for _ in 0..25 {
        for person in 0..60 {
            let track = person % GROUPS + GROUPS * random.next_below(180 / GROUPS);
            let name = format!("person {person}");
            let track = world.tracks[track];
            world.play(&name, track, ListenOutcome::Completed).await;
        }
    }
    let cold = world.train().await.unwrap().cold.unwrap();
    assert!(cold.mapped_recall_at_20 > cold.content_recall_at_20 + 0.1);
    assert!(cold.is_in_use && cold.tracks >= 20);

    let text =
        "[sources]\nneighbours = 0\ncontent = 0\npopular = 0\nsession = 0\n[ranking]\nby = 'blend'";
    let by_taste = Arc::new(PipelineDefinition::parse(text).unwrap());
    let places = async |person: &str, track: TrackId| {
        let asked = |request: &mut RecommendRequest| {
            request.draft = Some(Arc::clone(&by_taste));
            request.listener = Some(world.listener(person));
            request.count = 100;
        };
        let answer = world.ask(asked).await;
        let mut tracks = answer.tracks.iter();
        let place = tracks.position(|one| one.track == track);
        place.map(|place| (place, answer.tracks[place].reasons[0].source))
    };
    // The view stands before the track comes.
    assert_eq!(places("person 2", TrackId::from_u128(1)).await, None);
    let fresh = world.add_track("brand new", "somebody").await;
    let row = vec![(fresh, sound(2, 999))];
    let written = world.storage.upsert(&world.scope, &space, row).await;
    written.unwrap();
    let analysed = AnalysisCompleted {
        track: fresh,
        analyzers: Vec::new(),
    };
    let told = EventPayload::AnalysisCompleted(analysed);
    world.append(None, told).await;
    let (place, source) = places("person 2", fresh).await.unwrap();
    assert_eq!(source, Source::Taste);
    let elsewhere = places("person 1", fresh).await;
    assert!(
        elsewhere.is_none_or(|(other, _)| other > place),
        "{place} {elsewhere:?}"
    );

    // A vector store that fails costs the mapped tracks, not the answer.
    let request = RecommendRequest {
        draft: Some(by_taste),
        listener: Some(world.listener("person 2")),
        count: 10,
        ..RecommendRequest::default()
    };
    let without = world.without_vectors();
    let answered = without.recommend(&world.scope, request).await.unwrap();
    assert_eq!(answered.rung, Rung::Personalised);
    assert!(answered.tracks.iter().all(|one| one.track != fresh));
}
