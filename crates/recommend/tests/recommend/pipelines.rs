//! Pipelines: rules, controls, variety, budgets, shares, and the trace that tells of them.

use std::collections::HashSet;

use leitmotif_domain::definition::{DefinitionKind, NewDefinition, Share};
use leitmotif_recommend::pipeline::{
    Considered, Degraded, DegradedCause, Fate, PipelineDefinition, TRENDING, TurnedControls,
};
use leitmotif_recommend::rank::COLUMN_COUNT;
use leitmotif_recommend::ranker_files::{RankerFile, with_ranker};
use leitmotif_recommend::{RecommendedTrack, Source};
use leitmotif_storage::decorate::{Flaky, FlakyOptions};
use leitmotif_storage::ports::DefinitionStore;

use super::training::trees_of_a_file;
use super::*;

/// A trained world in which everybody has heard something.
async fn trained() -> World {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    world
}

impl World {
    /// A recommender over the same stores whose vector store fails.
    pub fn without_vectors(&self) -> Recommender {
        let options = FlakyOptions {
            before: 1.0,
            ..FlakyOptions::default()
        };
        let vectors: Arc<dyn VectorStore> = self.storage.clone();
        let stores = Stores {
            vectors: Arc::new(Flaky::new(vectors, options, Seed(1))),
            ..self.stores.clone()
        };
        let (exposures, _) = ExposureWriter::start(self.storage.clone());
        Recommender::new(stores, exposures)
    }

    pub async fn add_pipeline(&self, placement: &str, text: &str) -> u32 {
        let definition = NewDefinition {
            kind: DefinitionKind::Pipeline,
            name: placement.to_owned(),
            text: text.to_owned(),
            note: String::new(),
            created_at: leitmotif_domain::Clock::now(self.clock.as_ref()),
        };
        let added = self.storage.add_definition(&self.scope, definition).await;
        added.unwrap().version
    }

    pub async fn put_into_service(&self, placement: &str, shares: &[Share]) {
        let kind = DefinitionKind::Pipeline;
        let set = self
            .storage
            .set_shares(&self.scope, kind, placement, shares);
        set.await.unwrap();
    }

    /// Asks a pipeline that is not in service.
    async fn try_out(
        &self,
        text: &str,
        change: impl FnOnce(&mut RecommendRequest),
    ) -> Recommendations {
        let definition = PipelineDefinition::parse(text).unwrap();
        self.ask(|request| {
            request.draft = Some(Arc::new(definition));
            request.listener = Some(self.listener("person 4"));
            change(request);
        })
        .await
    }
}

fn ids(tracks: &[RecommendedTrack]) -> Vec<TrackId> {
    tracks.iter().map(|track| track.track).collect()
}

#[tokio::test]
async fn a_placement_is_answered_by_its_own_pipeline() {
    let world = trained().await;
    let version = world
        .add_pipeline("quiet", "rules = ['filter track.artist == \"Artist 3\"']")
        .await;
    let share = Share { version, weight: 1 };
    let ask = async |placement: &str| {
        world
            .ask(|request| {
                request.listener = Some(world.listener("person 4"));
                request.placement = placement.to_owned();
            })
            .await
    };
    let before = ask("quiet").await;
    assert_eq!(
        before.assignment.version, None,
        "a version without a share answers nothing"
    );
    world.put_into_service("quiet", &[share]).await;
    let quiet = ask("quiet").await;
    assert_eq!(quiet.assignment.version, Some(version));
    assert!(!quiet.tracks.is_empty());
    assert!(quiet.tracks.iter().all(|track| track.artist == "artist 3"));
    let shortage = quiet.shortage.unwrap();
    assert!(shortage.contains("filter track.artist"), "{shortage}");
    assert_eq!(ask("elsewhere").await.assignment.version, None);
    world.put_into_service("quiet", &[]).await;
    assert_eq!(
        ids(&ask("quiet").await.tracks),
        ids(&before.tracks),
        "back as it was"
    );
}

#[tokio::test]
async fn a_vector_store_that_fails_costs_its_candidates_alone() {
    let world = trained().await;
    // Vectors are asked of tracks that came after the training.
    world.add_track("cold", "artist 1").await;
    let recommender = world.without_vectors();
    let definition = PipelineDefinition::parse(UNHURRIED).unwrap();
    let request = RecommendRequest {
        listener: Some(world.listener("person 4")),
        count: 10,
        draft: Some(Arc::new(definition)),
        ..RecommendRequest::default()
    };
    let answered = recommender.recommend(&world.scope, request).await.unwrap();
    assert_eq!(answered.rung, Rung::Personalised);
    assert!(!answered.tracks.is_empty());
    let missing = Degraded {
        part: "content",
        cause: DegradedCause::Failed,
    };
    assert_eq!(answered.degraded, [missing]);
}

#[tokio::test]
async fn what_nobody_turned_stands_as_is_usual_and_the_pipeline_goes_before() {
    let world = trained().await;
    let popularity = async |text: &str, turned: Option<f32>, usual: Option<f32>| {
        let answered = world
            .try_out(&format!("{text}{UNHURRIED}"), |request| {
                request.controls.popularity = turned;
                request.usual_controls.popularity = usual;
            })
            .await;
        ids(&answered.tracks)
    };
    let by_file = "[controls]\npopularity = -1.0";
    let hits = popularity("", Some(1.0), None).await;
    let deep = popularity("", Some(-1.0), None).await;
    assert_ne!(hits, deep);
    assert_eq!(popularity("", None, Some(1.0)).await, hits);
    assert_eq!(popularity(by_file, None, Some(1.0)).await, deep);
    assert_eq!(popularity(by_file, Some(1.0), Some(-1.0)).await, hits);
}

#[tokio::test]
async fn listeners_are_divided_between_versions_and_stay() {
    let world = trained().await;
    let mut shares = Vec::new();
    for text in ["description = 'a'", "description = 'b'"] {
        let version = world.add_pipeline("test", text).await;
        shares.push(Share { version, weight: 1 });
    }
    world.put_into_service("test", &shares).await;
    let mut versions = Vec::new();
    for person in 0..30 {
        let listener = Some(world.listener(&format!("person {person}")));
        let first = world
            .ask(|request| request.listener = listener)
            .await
            .assignment;
        let again = world
            .ask(|request| request.listener = listener)
            .await
            .assignment;
        assert_eq!(first, again);
        assert_eq!(first.propensity, 0.5);
        versions.push(first.version);
    }
    let count = versions
        .iter()
        .filter(|version| **version == Some(1))
        .count();
    assert!((6..=24).contains(&count), "{count} of 30");
    let chosen = leitmotif_domain::Assignment {
        name: "an experiment".to_owned(),
        version: Some(2),
        propensity: 0.25,
    };
    let answer = world
        .ask(|request| request.assignment = Some(chosen.clone()))
        .await;
    assert_eq!(
        answer.assignment, chosen,
        "an experiment's choice comes before the shares"
    );
}

#[tokio::test]
async fn rules_that_drop_everything_say_so() {
    let world = trained().await;
    let answer = world
        .try_out("rules = ['filter track.year > 2100']", |_| {})
        .await;
    assert!(answer.tracks.is_empty());
    let shortage = answer.shortage.unwrap();
    let dropped = shortage.strip_prefix("0 of 10 tracks: `filter track.year > 2100` dropped ");
    let dropped: usize = dropped.unwrap().parse().unwrap();
    assert!(
        dropped > 20 && dropped <= 36,
        "{shortage}: every track once"
    );
}

#[tokio::test]
async fn an_empty_catalogue_is_the_reason_of_an_empty_list() {
    let world = World::new().await;
    for track in &world.tracks {
        let gone = world.storage.delete_track(&world.scope, *track).await;
        gone.unwrap();
    }
    let answer = world.ask(|_| {}).await;
    let shortage = answer.shortage.unwrap();
    assert_eq!(shortage, "0 of 10 tracks: the catalogue is empty");
}

#[tokio::test]
async fn sources_offer_as_many_as_the_file_says_and_further_ones_where_it_asks_for_them() {
    let world = trained().await;
    let offered = async |text: &str| {
        let text = format!("{text}{UNHURRIED}");
        let answer = world.try_out(&text, |_| {}).await;
        let trace = world.recommender.trace(&world.scope, answer.request_id);
        let trace = trace.unwrap();
        let of = |source: Source| {
            let mut offers = trace
                .sources
                .iter()
                .filter(|one| one.rung == Rung::Personalised);
            offers
                .find(|one| one.source == source)
                .map(|one| one.offered)
        };
        let all = [Source::Taste, Source::Fresh, Source::Familiar].map(of);
        (answer.tracks[0].track, all)
    };
    let (_, plain) = offered("").await;
    assert_eq!(plain[1..], [None, None]);
    assert!(plain[0] > Some(5));
    let text = "[sources]\ntaste = { count = 5 }\nfresh = { weight = 50, count = 1 }\nfamiliar = 0.1\n[ranking]\nby = 'blend'";
    let (first, turned) = offered(text).await;
    assert_eq!(turned[..2], [Some(5), Some(1)]);
    assert!(turned[2].is_some());
    assert_eq!(
        first,
        *world.tracks.last().unwrap(),
        "the newest weighs most"
    );
}

#[tokio::test]
async fn sources_weigh_and_count_as_the_file_says_on_the_rungs_below() {
    let world = trained().await;
    let offered = async |text: &str, rung: Rung| {
        let text = format!("{text}{UNHURRIED}");
        let above = [
            Rung::Personalised,
            Rung::Session,
            Rung::Content,
            Rung::Popular,
        ];
        let above = above.into_iter().take_while(|one| *one != rung);
        let answer = world
            .try_out(&text, |request| {
                request.disabled_rungs = above.collect();
                request.count = 20;
            })
            .await;
        assert_eq!(
            answer.tracks.len(),
            20,
            "{text}: the rungs below fill the list"
        );
        let trace = world.recommender.trace(&world.scope, answer.request_id);
        let trace = trace.unwrap();
        let of_rung = trace.sources.iter().filter(|one| one.rung == rung);
        let offers = of_rung.map(|one| (one.source, one.weight, one.offered));
        offers.collect::<Vec<_>>()
    };
    let plain = offered("", Rung::Session).await;
    let neighbours = plain.iter().find(|one| one.0 == Source::Neighbours);
    assert!(
        neighbours.is_some_and(|one| one.1 == 1.0 && one.2 > 3),
        "{plain:?}"
    );
    let text = "[sources]\nneighbours = { weight = 2, count = 3 }\ncontent = 0";
    assert_eq!(
        offered(text, Rung::Session).await,
        [(Source::Neighbours, 2.0, 3)]
    );
    let content = offered("", Rung::Content).await;
    assert!(
        content.iter().all(|one| one.0 == Source::Content),
        "{content:?}"
    );
    assert_eq!(offered("[sources]\ncontent = 0", Rung::Content).await, []);
    let popular = offered("[sources]\npopular = { count = 4 }", Rung::Popular).await;
    assert_eq!(popular, [(Source::Popular, 1.0, 4)]);
    assert_eq!(offered("[sources]\npopular = 0", Rung::Popular).await, []);
    let trends = "[sources]\npopular = 0\ntrending = { weight = 1, count = 2 }";
    let trends = offered(trends, Rung::Popular).await;
    assert!(
        trends
            .iter()
            .all(|one| one.0 == Source::Trending && one.2 <= 2),
        "{trends:?}"
    );
}

#[tokio::test]
async fn familiarity_moves_little_when_it_is_turned_little() {
    let world = trained().await;
    let known = async |turn: f32| {
        let answer = world.try_out("[list]\nartist_gap = 0\ninclude_heard = true", |request| {
            request.count = 36;
            request.controls.familiarity = Some(turn);
        });
        let tracks = answer.await.tracks;
        let moved = tracks.iter().flat_map(|track| &track.reasons);
        let moved = moved.filter(|reason| reason.source == Source::Control);
        moved.map(|reason| reason.contribution).fold(0.0, f32::max)
    };
    let (quarter, half, whole) = (known(0.25).await, known(0.5).await, known(1.0).await);
    assert!((half / quarter - 4.0).abs() < 0.01, "{quarter} {half}");
    assert!((whole / half - 4.0).abs() < 0.01, "{half} {whole}");
}

#[tokio::test]
async fn caps_pins_and_boosts_hold() {
    let world = trained().await;
    let capped = world
        .try_out("rules = ['cap 1 per artist']", |r| r.include_heard = true)
        .await;
    let artists: HashSet<_> = capped
        .tracks
        .iter()
        .map(|track| track.artist.as_str())
        .collect();
    assert_eq!(artists.len(), capped.tracks.len(), "one of each artist");
    let none = "rules = ['cap 0 when track.genre == \"genre 1\"', 'cap 3 per genre']";
    let none = world.try_out(none, |r| r.include_heard = true).await;
    for group in 0..GROUPS {
        let of_group = |track: &&RecommendedTrack| world.group_of(track.track) == group;
        let count = none.tracks.iter().filter(of_group).count();
        assert!(
            count <= if group == 1 { 0 } else { 3 },
            "group {group}: {count}"
        );
    }
    let plain = world.try_out("", |_| {}).await;
    let last = plain.tracks.last().unwrap();
    let pin = format!("rules = ['pin 2 when track.title == \"{}\"']", last.title);
    let pinned = world.try_out(&pin, |_| {}).await;
    assert_eq!(pinned.tracks[1].track, last.track);
    assert_eq!(pinned.tracks.len(), plain.tracks.len());
    let boost = format!("rules = ['boost 2 when track.title == \"{}\"']", last.title);
    let boosted = world.try_out(&boost, |_| {}).await;
    assert_eq!(boosted.tracks[0].track, last.track);
    let first = &boosted.tracks[0];
    assert!(
        first
            .reasons
            .iter()
            .any(|reason| reason.source == Source::Rule)
    );
    let sum: f32 = first.reasons.iter().map(|reason| reason.contribution).sum();
    assert!((sum - first.score).abs() < 1e-4);
}

#[tokio::test]
async fn rules_may_ask_for_the_moment() {
    let world = trained().await;
    let text =
        "rules = ['filter track.genre == \"genre 1\" or not request.activity == \"running\"']";
    let running = world
        .try_out(text, |r| r.moment.activity = Some("Running".to_owned()))
        .await;
    assert!(
        running
            .tracks
            .iter()
            .all(|track| world.group_of(track.track) == 1)
    );
    let resting = world.try_out(text, |_| {}).await;
    assert!(
        resting
            .tracks
            .iter()
            .any(|track| world.group_of(track.track) != 1)
    );
}

/// Every source but one left out.
fn alone(source: &str) -> String {
    let names = Source::ALL
        .iter()
        .take(Source::LEARNT)
        .map(|one| one.name());
    let weights = names.map(|name| format!("{name} = {}\n", u8::from(name == source)));
    format!(
        "[sources]\n{}[ranking]\nby = 'blend'",
        weights.collect::<String>()
    )
}

#[tokio::test]
async fn sessions_are_offered_by_those_like_the_running_one() {
    let world = trained().await;
    let answer = world.try_out(&alone("sessions"), |_| {}).await;
    let first = &answer.tracks[0];
    assert_eq!(first.reasons[0].source, Source::Sessions);
    assert_eq!(
        world.group_of(first.track),
        1,
        "what the same listeners play"
    );
}

#[tokio::test]
async fn a_shelf_of_trends_holds_what_is_played_more_than_usual_or_nothing() {
    let world = trained().await;
    let hit = world.tracks[0];
    world.clock.advance_ms(40 * 24 * 3_600_000);
    for number in 0..30 {
        let fan = format!("fan {number}");
        world.play(&fan, hit, ListenOutcome::Completed).await;
    }
    let after = world
        .ask(|request| request.placement = TRENDING.to_owned())
        .await;
    assert_eq!(ids(&after.tracks), [hit]);
    assert_eq!(after.tracks[0].reasons[0].source, Source::Trending);
}

/// The mean of a quality over the list never falls when its control is turned up.
#[tokio::test]
async fn every_control_is_monotone() {
    let world = trained().await;
    let heard_artists: HashSet<String> = {
        let played: Vec<TrackId> = world
            .recommender
            .with_profile(&world.scope, world.listener("person 4"), |profile| {
                profile.unwrap().tracks().map(|(track, _)| track).collect()
            })
            .await
            .unwrap();
        played
            .iter()
            .map(|track| artist_of(&world, *track))
            .collect()
    };
    let all: Vec<TrackId> = world.tracks.clone();
    let popularity = world
        .recommender
        .popularity(&world.scope, &all)
        .await
        .unwrap();
    for control in ["familiarity", "popularity", "freshness"] {
        let mut before = f64::MIN;
        let mut ends = Vec::new();
        for step in -4..=4 {
            let turn = step as f32 / 4.0;
            let answer = world
                .try_out("[list]\nartist_gap = 0\ninclude_heard = true", |request| {
                    // Half of what the listener likes: a list of all of it cannot change.
                    request.count = 6;
                    let turned = Some(turn);
                    match control {
                        "familiarity" => request.controls.familiarity = turned,
                        "popularity" => request.controls.popularity = turned,
                        _ => request.controls.freshness = turned,
                    }
                })
                .await;
            let quality = |track: &RecommendedTrack| match control {
                "familiarity" => f64::from(u8::from(heard_artists.contains(&track.artist))),
                "popularity" => popularity.get(&track.track).copied().unwrap_or(0.0),
                _ => all.iter().position(|id| *id == track.track).unwrap() as f64,
            };
            let mean = answer.tracks.iter().map(quality).sum::<f64>() / answer.tracks.len() as f64;
            assert!(
                mean >= before - 1e-9,
                "{control} at {turn}: {before} then {mean}"
            );
            before = mean;
            ends.push(mean);
        }
        assert!(ends[0] < ends[8], "{control} changes something: {ends:?}");
    }
    let nothing = world
        .try_out("", |request| {
            request.controls = TurnedControls {
                familiarity: Some(0.0),
                popularity: Some(0.0),
                freshness: Some(0.0),
                ..TurnedControls::default()
            };
        })
        .await;
    let plain = world.try_out("", |_| {}).await;
    assert_eq!(
        ids(&nothing.tracks),
        ids(&plain.tracks),
        "in the middle, nothing changes"
    );
}

fn artist_of(world: &World, track: TrackId) -> String {
    let index = world.tracks.iter().position(|id| *id == track).unwrap();
    format!("artist {}", index % 9)
}

#[tokio::test]
async fn variety_grows_with_its_weight() {
    let world = trained().await;
    for method in ["mmr", "dpp"] {
        let mut groups = Vec::new();
        for diversity in [0.0, 0.9] {
            let text = format!(
                "[list]\nartist_gap = 0\ninclude_heard = true\ndiversify = '{method}'\ndiversity = {diversity}"
            );
            let answer = world.try_out(&text, |request| request.count = 6).await;
            assert_eq!(answer.tracks.len(), 6);
            let of = |track: &RecommendedTrack| world.group_of(track.track);
            let found: HashSet<usize> = answer.tracks.iter().map(of).collect();
            groups.push(found.len());
        }
        assert!(groups[1] > groups[0], "{method}: {groups:?} groups");
    }
}

#[tokio::test]
async fn a_calibrated_list_has_the_listeners_own_mix() {
    let world = trained().await;
    for round in 0..6 {
        for track in [round, TRACKS_PER_GROUP + round] {
            world
                .play("both", world.tracks[track], ListenOutcome::Completed)
                .await;
        }
    }
    let ask = async |diversity: f32| {
        let text =
            format!("[list]\nartist_gap = 0\ndiversify = 'calibrated'\ndiversity = {diversity}");
        let listener = Some(world.listener("both"));
        let answer = world
            .try_out(&text, |request| {
                request.listener = listener;
                request.count = 8;
            })
            .await;
        let of = |group: usize| {
            let is_of = |track: &&RecommendedTrack| world.group_of(track.track) == group;
            answer.tracks.iter().filter(is_of).count()
        };
        [of(0), of(1), of(2)]
    };
    let mix = ask(0.95).await;
    assert_eq!(mix, [4, 4, 0], "as it is without: {:?}", ask(0.0).await);
}

#[tokio::test]
async fn tracks_do_not_come_again_within_the_window() {
    let world = trained().await;
    let person = "person 4";
    let known = world.try_out("[list]\ninclude_heard = true", |_| {}).await;
    let first = known.tracks[0].track;
    world.play(person, first, ListenOutcome::Completed).await;
    let text = "[list]\ninclude_heard = true\nrepeat_hours = 24";
    let soon = world.try_out(text, |_| {}).await;
    assert!(!ids(&soon.tracks).contains(&first));
    world.clock.advance_ms(25 * 3_600 * 1_000);
    let later = world.try_out(text, |_| {}).await;
    assert!(ids(&later.tracks).contains(&first));
}

#[tokio::test]
async fn a_late_stage_costs_its_part_and_never_the_answer() {
    let world = trained().await;
    let late = "[budgets]\nfeatures = 0\ncandidates = 0\nranking = 0\nlist = 0";
    let answer = world.try_out(late, |_| {}).await;
    assert_eq!(answer.tracks.len(), 10);
    assert_eq!(
        answer.rung,
        Rung::Personalised,
        "the first source always answers"
    );
    let is_late = |part: &str| {
        let told = |one: &Degraded| one.part == part && one.cause == DegradedCause::Late;
        answer.degraded.iter().any(told)
    };
    for part in ["neighbours", "content", "popular", "session", "list"] {
        assert!(is_late(part), "{part}: {:?}", answer.degraded);
    }
    assert!(!is_late("taste"));
    let in_time = world.try_out("[budgets]\ncandidates = 60000", |_| {}).await;
    assert_eq!(in_time.degraded, []);
}

impl World {
    /// Puts an order into production that a file brings.
    async fn order_by_a_file(&self) {
        let file = RankerFile {
            trees: trees_of_a_file(),
            blend_weight: 1.5,
        };
        let base = self.storage.alias(&self.scope, PRODUCTION).await.unwrap();
        let made = with_ranker(&self.stores, &self.scope, &base.unwrap(), &file).await;
        let promoted = promote(&self.stores, &self.scope, made.unwrap().id).await;
        promoted.unwrap();
    }
}

#[tokio::test]
async fn an_order_that_is_late_again_and_again_is_left_out_for_a_while() {
    let world = trained().await;
    world.order_by_a_file().await;
    let cause = |answer: &Recommendations| {
        let mut parts = answer.degraded.iter();
        parts.find(|one| one.part == "ranking").map(|one| one.cause)
    };
    let late = "[budgets]\nfeatures = 0\ncandidates = 0\nranking = 0\nlist = 0";
    for _ in 0..5 {
        let answer = world.try_out(late, |_| {}).await;
        assert_eq!(cause(&answer), Some(DegradedCause::Late));
    }
    let resting = world.try_out(UNHURRIED, |_| {}).await;
    assert_eq!(cause(&resting), Some(DegradedCause::Resting));
    assert_eq!(resting.rung, Rung::Personalised, "the blend orders");
    assert_eq!(resting.tracks.len(), 10);
    world.clock.advance_ms(30_000);
    let again = world.try_out(UNHURRIED, |_| {}).await;
    assert_eq!(cause(&again), None);
    let once = world.try_out(late, |_| {}).await;
    assert_eq!(cause(&once), Some(DegradedCause::Late));
    let next = world.try_out(UNHURRIED, |_| {}).await;
    assert_eq!(cause(&next), None, "one is not again and again");
}

#[tokio::test]
async fn the_trace_tells_of_every_candidate() {
    let world = trained().await;
    let text = "rules = ['filter not track.genre == \"genre 2\"', 'boost 0.1']\n[controls]\npopularity = 0.5";
    let answer = world
        .try_out(text, |request| request.include_heard = true)
        .await;
    let trace = world
        .recommender
        .trace(&world.scope, answer.request_id)
        .unwrap();
    assert_eq!(trace.placement, "test");
    let shown: Vec<_> = trace
        .considered
        .iter()
        .filter(|one| one.fate == Fate::Shown)
        .collect();
    assert_eq!(shown.len(), answer.tracks.len());
    for (one, track) in shown.iter().zip(&answer.tracks) {
        assert!((one.score - track.score).abs() < 1e-4);
        assert!(
            one.adjustments
                .iter()
                .any(|adjustment| adjustment.name == "2"),
            "the boost"
        );
    }
    let filtered = trace
        .considered
        .iter()
        .filter(|one| one.fate == Fate::Filtered(0))
        .count();
    assert_eq!(trace.rules[0].1, filtered as u64);
    assert!(filtered > 0);
    assert!(
        trace
            .sources
            .iter()
            .any(|source| source.source == Source::Taste && source.offered > 0)
    );
    let ranked = trace.by_ranker.iter().map(|(index, row)| {
        assert_eq!(row.len(), COLUMN_COUNT);
        index
    });
    let blended = trace.by_blend.iter().map(|one| one.index);
    let ranked: Vec<usize> = ranked.chain(blended).collect();
    let is_ranked = |one: &Considered| ranked.contains(&one.index);
    assert!(trace.considered.iter().any(is_ranked));
    let stranger = leitmotif_domain::RequestId::from_u128(7);
    assert!(world.recommender.trace(&world.scope, stranger).is_none());
}
