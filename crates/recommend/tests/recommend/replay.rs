//! Answers that are given again from what was known then.

use leitmotif_domain::asked::{AnswerSelection, TurnedControls};
use leitmotif_domain::chance::SplitMix64;
use leitmotif_domain::definition::Share;
use leitmotif_domain::limits;
use leitmotif_recommend::Searcher;
use leitmotif_recommend::replay::{Outcome, OutcomeCounts, ReplayReport};
use leitmotif_recommend::search::{Constraint, Constraints, genre_key};

use super::*;

const ALL: AnswerSelection = AnswerSelection {
    count: limits::REPLAYED_ANSWERS_MAX as u32,
    from_offset: None,
    through_offset: None,
};

impl World {
    /// Another process over the same stores, once everything that was shown is in the log.
    async fn another(&mut self) -> Searcher {
        self.flush().await;
        let (exposures, _) = ExposureWriter::start(self.storage.clone());
        Searcher::new(Arc::new(Recommender::new(self.stores.clone(), exposures)))
    }

    async fn replayed(&mut self, selection: &AnswerSelection) -> ReplayReport {
        let searcher = self.another().await;
        let job = JobId::from_u128(1);
        let report = searcher.replay_answers(&self.scope, job, selection, |_| {});
        let report = report.await.unwrap();
        let kept = searcher.replay_report(&self.scope).await.unwrap();
        assert_eq!(kept, Some((job, report.clone())));
        report
    }

    /// Something a player asks: of many kinds, by chance.
    async fn ask_something(&self, random: &mut SplitMix64, round: usize) {
        let listener = match random.next_below(4) {
            0 => None,
            1 => Some(self.listener(&format!("stranger {round}"))),
            _ => Some(self.listener(&format!("person {}", random.next_below(30)))),
        };
        let some: Vec<TrackId> = (0..random.next_below(4))
            .map(|_| self.tracks[random.next_below(self.tracks.len())])
            .collect();
        let kind = random.next_below(8);
        let only = if kind == 5 {
            let wanted = match round % 2 {
                0 => Constraint::Genre(genre_key("genre 1"), None),
                _ => Constraint::Popularity {
                    min: 0.0,
                    max: 60.0,
                    played: Arc::default(),
                },
            };
            let admitted = Searcher::new(Arc::clone(&self.recommender));
            let wanted = Constraints(vec![wanted]);
            let admitted = admitted.admitted(&self.scope, wanted, true).await;
            admitted.unwrap()
        } else {
            None
        };
        let hour = (random.next_below(2) == 0).then(|| random.next_below(24) as u8);
        self.ask(|request| {
            request.listener = listener;
            request.count = 1 + random.next_below(20);
            request.placement = ["home", "radio", "chance", "similar"][random.next_below(4)].into();
            request.moment.hour = hour;
            request.only = only;
            match kind {
                0 => request.seeds = some,
                1 => request.exclude = some,
                2 => {
                    request.controls = TurnedControls {
                        familiarity: Some(0.3),
                        popularity: Some(-0.7),
                        diversity: Some(0.4),
                        ..TurnedControls::default()
                    }
                }
                3 => request.include_heard = true,
                4 => {
                    request.usual_controls.freshness = Some(1.0);
                    request.disabled_rungs = vec![Rung::Personalised];
                }
                _ => {}
            }
        })
        .await;
    }

    /// Plays, skips, judgements and tracks, with questions in between.
    async fn live_and_ask(&mut self, seed: u64, rounds: usize) {
        let mut random = Seed(seed).rng();
        for round in 0..rounds {
            let name = format!("person {}", random.next_below(30));
            let track = self.tracks[random.next_below(self.tracks.len())];
            match random.next_below(6) {
                0 => self.play(&name, track, ListenOutcome::Skipped).await,
                1 => {
                    let feedback = Feedback {
                        track,
                        opinion: [Opinion::Like, Opinion::Dislike][round % 2],
                    };
                    let listener = self.listener(&name);
                    self.append(Some(listener), EventPayload::Feedback(feedback))
                        .await;
                }
                2 if round % 5 == 0 => {
                    let id = self
                        .add_track(&format!("late {seed} {round}"), "artist 2")
                        .await;
                    self.tracks.push(id);
                }
                2 => self.clock.advance_ms(40 * 60_000),
                _ => self.play(&name, track, ListenOutcome::Completed).await,
            }
            self.ask_something(&mut random, round).await;
        }
    }
}

async fn unhurried() -> World {
    let world = World::new().await;
    let chance = format!("[exploration]\nswap = 0.4\ndraw = 0.3\ndraw_after = 2\n{UNHURRIED}");
    for (placement, text) in [
        ("home", UNHURRIED),
        ("radio", UNHURRIED),
        ("chance", &chance),
        ("similar", UNHURRIED),
    ] {
        let version = world.add_pipeline(placement, text).await;
        let shares = [Share { version, weight: 1 }];
        world.put_into_service(placement, &shares).await;
    }
    world
}

#[tokio::test]
async fn answers_of_the_past_are_given_again_to_the_bit() {
    let mut world = unhurried().await;
    world.live_and_ask(1, 60).await;
    world.live().await;
    world.train().await.unwrap();
    world.live_and_ask(2, 120).await;
    world.train_as(2, TrainingRequest::default()).await.unwrap();
    // Another process goes on, and what comes after says something else.
    let first = world.replayed(&ALL).await;
    world.live_and_ask(3, 120).await;
    let text = format!("rules = ['filter track.artist == \"Artist 3\"']{UNHURRIED}");
    let version = world.add_pipeline("home", &text).await;
    let shares = [Share { version, weight: 1 }];
    world.put_into_service("home", &shares).await;
    world.live_and_ask(4, 60).await;
    let report = world.replayed(&ALL).await;
    assert!(first.differences.is_empty(), "{first:#?}");
    assert!(report.differences.is_empty(), "{report:#?}");
    let counts = report.counts;
    assert!(counts.identical > 300, "{counts:?}");
    assert_eq!(counts.identical, counts.total(), "{counts:?}");
    let few = AnswerSelection { count: 7, ..ALL };
    assert_eq!(world.replayed(&few).await.counts.identical, 7);
    let none = AnswerSelection {
        through_offset: Some(10),
        ..ALL
    };
    assert_eq!(world.replayed(&none).await.counts.total(), 0);
}

#[tokio::test]
async fn what_cannot_be_given_again_is_told_apart() {
    let mut world = unhurried().await;
    world.live().await;
    world.train().await.unwrap();
    let asked = RecommendRequest {
        listener: Some(world.listener("person 4")),
        count: 10,
        placement: "home".to_owned(),
        ..RecommendRequest::default()
    };
    world.ask(|request| *request = asked.clone()).await;
    let brought = RecommendRequest {
        near: Some(Vec::new()),
        ..asked.clone()
    };
    world.ask(|request| *request = brought).await;
    let whole = world.replayed(&ALL).await.counts;
    let expected = OutcomeCounts {
        identical: 1,
        incomplete: 1,
        ..OutcomeCounts::default()
    };
    assert_eq!(whole, expected);
    // A track of the list goes: it cannot be shown again, and nobody claims that the answer was wrong.
    let shown = world.ask(|request| *request = asked).await;
    let gone = shown.tracks[0].track;
    (world.storage.delete_track(&world.scope, gone).await).unwrap();
    let report = world.replayed(&ALL).await;
    assert_eq!(report.counts.different, 0);
    assert_eq!(report.counts.catalogue_changed, 2, "{:?}", report.counts);
    let difference = &report.differences[0];
    assert_eq!(difference.outcome, Outcome::CatalogueChanged);
    assert!(difference.was.is_some());
}
