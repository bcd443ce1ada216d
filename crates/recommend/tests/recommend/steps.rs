//! Costs of steps: learnt, judged, kept, and what playlists are ordered by.

use leitmotif_learn::sequencing::TransitionWeights;
use leitmotif_recommend::playlists::{
    PlaylistKind, PlaylistRequest, StepBasis, generate, step_costs,
};
use leitmotif_storage::ports::AnalysisDocument;
use serde_json::json;

use super::*;

/// Tracks that a listener hears in one session.
const SESSION: usize = 12;

impl World {
    /// Energy of a track, by which it is analysed.
    fn energy(track: usize) -> f32 {
        (track * 7 % 12) as f32 / 11.0
    }

    /// Tempi and energies for every track; keys for some.
    async fn analyse(&self) {
        for (index, track) in self.tracks.iter().enumerate() {
            let mut descriptors = vec![
                json!({"name": "tempo_bpm", "value": 80 + index * 5 % 90}),
                json!({"name": "energy", "value": Self::energy(index)}),
            ];
            if index % 2 == 0 {
                descriptors.push(json!({"name": "key", "value": "C"}));
                descriptors.push(json!({"name": "mode", "value": "minor"}));
            }
            let analysis = AnalysisDocument {
                input_hash: String::new(),
                document: json!({"audio": {"descriptors": descriptors}}),
            };
            let written = self.storage.put_analysis(&self.scope, *track, analysis);
            written.await.unwrap();
        }
    }

    /// Everybody hears sessions of what there is and plays on by chance: less likely after a fall in
    /// energy, where that is minded.
    async fn live_in_sessions(&self, minded: f64) {
        let mut generator = Seed(11).rng();
        for _ in 0..5 {
            for person in 0..90 {
                let listener = Some(self.listener(&format!("person {person}")));
                let mut before: Option<usize> = None;
                for _ in 0..SESSION {
                    let track = generator.next_below(self.tracks.len());
                    let fall = before.map_or(0.0, |before| {
                        f64::from(Self::energy(before) - Self::energy(track)).max(0.0)
                    });
                    let is_own = track / TRACKS_PER_GROUP == person % GROUPS;
                    let odds = if is_own { 1.5 } else { 0.5 } - minded * fall;
                    let is_played = generator.next_f64() < 1.0 / (1.0 + (-odds).exp());
                    if is_played {
                        before = Some(track);
                    }
                    let listen = Listen {
                        played_ms: Some(if is_played { 200_000 } else { 20_000 }),
                        track_ms: Some(200_000),
                        ..Listen::of(
                            self.tracks[track],
                            if is_played {
                                ListenOutcome::Completed
                            } else {
                                ListenOutcome::Skipped
                            },
                        )
                    };
                    self.append(listener, EventPayload::Listen(listen)).await;
                }
            }
            // A night between two rounds.
            self.clock.advance_ms(8 * 3_600 * 1_000);
        }
    }

    async fn playlist(&self) -> leitmotif_recommend::playlists::PlaylistDraft {
        let request = PlaylistRequest {
            kind: PlaylistKind::Seeds(self.tracks[..10].to_vec()),
            listener: None,
            count: 10,
            arc: None,
            only: None,
            is_private: false,
        };
        generate(&self.recommender, &self.scope, &request)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn playlists_follow_what_listeners_play_on_after_where_that_is_sure() {
    let world = World::new().await;
    world.analyse().await;
    world.live_in_sessions(3.5).await;
    let before = world.playlist().await;
    assert_eq!(before.basis, StepBasis::Convention);
    let report = world.train().await.unwrap();
    let steps = report.steps.unwrap();
    assert!(steps.is_in_use, "{steps:?}");
    assert!(steps.interval.unwrap().low > 0.0, "{steps:?}");
    let weights = steps.weights.unwrap();
    assert!(weights.energy_fall > 0.6, "{weights:?}");
    assert_eq!(weights.timbre, 0.0, "nothing was embedded");
    assert_eq!(steps.convention, TransitionWeights::CONVENTION);

    let costs = step_costs(&world.recommender, &world.scope).await.unwrap();
    assert_eq!(costs, (weights, StepBasis::Listening));
    let after = world.playlist().await;
    assert_eq!(after.basis, StepBasis::Listening);
    let falls = |energies: Vec<f32>| -> f32 {
        let steps = energies.windows(2);
        steps.map(|pair| (pair[0] - pair[1]).max(0.0)).sum()
    };
    let energies = |tracks: &[TrackId]| -> Vec<f32> {
        let places = tracks.iter().map(|track| {
            let place = world.tracks.iter().position(|known| known == track);
            World::energy(place.unwrap())
        });
        places.collect()
    };
    assert!(falls(energies(&after.tracks)) < falls(energies(&before.tracks)));
    let (mut old, mut new) = (before.tracks, after.tracks);
    old.sort_unstable();
    new.sort_unstable();
    assert_eq!(old, new, "the same tracks in another order");
}

#[tokio::test]
async fn the_convention_stays_where_nobody_minds_steps() {
    let world = World::new().await;
    world.analyse().await;
    world.live_in_sessions(0.0).await;
    let report = world.train().await.unwrap();
    let steps = report.steps.unwrap();
    assert!(!steps.is_in_use && steps.steps > 500, "{steps:?}");
    assert!(
        steps.reason.contains("by the convention"),
        "{}",
        steps.reason
    );
    assert_eq!(world.playlist().await.basis, StepBasis::Convention);
}

#[tokio::test]
async fn without_analyses_there_are_no_steps_to_learn_from() {
    let world = World::new().await;
    world.live_in_sessions(3.5).await;
    let report = world.train().await.unwrap();
    assert!(report.steps.is_none(), "{:?}", report.steps);
    assert_eq!(world.playlist().await.basis, StepBasis::Convention);
}
