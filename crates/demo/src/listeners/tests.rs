//! The simulated listeners are sound, deterministic and learnable.

use std::collections::HashSet;

use super::*;

const TRACK_COUNT: usize = 220;
const RANK_COUNT: usize = 10;

fn world() -> (ListenersSpec, Simulation) {
    let spec = ListenersSpec::default();
    let tracks = draw_tracks(5, TRACK_COUNT, 60, 14);
    let simulation = simulate_listeners(&spec, &tracks);
    (spec, simulation)
}

#[test]
fn moments_move_tastes_as_far_as_their_strength_says() {
    let tracks = draw_tracks(5, TRACK_COUNT, 60, 14);
    let moved = |moment_strength| {
        let spec = ListenersSpec {
            moment_strength,
            listen_count: 2_000,
            ..ListenersSpec::default()
        };
        let simulation = simulate_listeners(&spec, &tracks);
        let oracle = &simulation.oracle;
        let moved = simulation.listens.iter().map(|listen| {
            let (listener, track) = (listen.listener_index, listen.track_index);
            let plain = oracle.utility(listener, track, listen.at_ms).unwrap();
            let told = oracle.utility_at(listener, track, listen.at_ms, &listen.moment);
            (told.unwrap() - plain).abs()
        });
        moved.sum::<f32>() / simulation.listens.len() as f32
    };
    assert_eq!(moved(0.0), 0.0);
    let (once, twice) = (moved(1.0), moved(2.0));
    assert!(once > 0.2 && twice > 1.8 * once, "{once} {twice}");
}

/// Played tracks per listener before and after the cut; those known before are not future.
fn split(
    spec: &ListenersSpec,
    listens: &[SimulatedListen],
) -> Vec<(HashSet<usize>, HashSet<usize>)> {
    let cut = listens.len() * 8 / 10;
    let mut sets = vec![(HashSet::new(), HashSet::new()); spec.listener_count];
    for (index, listen) in listens.iter().enumerate() {
        let (past, future) = &mut sets[listen.listener_index];
        if listen.outcome == ListenOutcome::Played {
            if index < cut {
                past.insert(listen.track_index);
            } else if !past.contains(&listen.track_index) {
                future.insert(listen.track_index);
            }
        }
    }
    sets
}

/// Mean NDCG at ten over listeners with a future, known tracks left out.
fn quality(sets: &[(HashSet<usize>, HashSet<usize>)], score: impl Fn(usize, usize) -> f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for (listener, (past, future)) in sets.iter().enumerate() {
        if future.is_empty() {
            continue;
        }
        let mut ranked: Vec<(f64, usize)> = (0..TRACK_COUNT)
            .filter(|track| !past.contains(track))
            .map(|track| (score(listener, track), track))
            .collect();
        ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
        let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let found: f64 = ranked
            .iter()
            .take(RANK_COUNT)
            .enumerate()
            .filter(|(_, (_, track))| future.contains(track))
            .map(|(place, _)| gain(place))
            .sum();
        let ideal: f64 = (0..future.len().min(RANK_COUNT)).map(gain).sum();
        sum += found / ideal;
        count += 1;
    }
    sum / count as f64
}

#[test]
fn collaborative_filtering_lies_between_popularity_and_oracle() {
    let (spec, simulation) = world();
    let sets = split(&spec, &simulation.listens);
    let mut fans: Vec<Vec<usize>> = vec![Vec::new(); TRACK_COUNT];
    for (listener, (past, _)) in sets.iter().enumerate() {
        past.iter().for_each(|track| fans[*track].push(listener));
    }
    let mut together = vec![0.0f64; TRACK_COUNT * TRACK_COUNT];
    for (past, _) in &sets {
        for a in past {
            for b in past.iter().filter(|b| a != *b) {
                let norm = (fans[*a].len() * fans[*b].len()) as f64;
                together[a * TRACK_COUNT + b] += 1.0 / norm.sqrt();
            }
        }
    }
    let chance = |listener: usize, track: usize| {
        ((listener * 7919 + track * 104_729) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as f64
    };
    let end_ms = u64::from(spec.day_count) * DAY_MS;
    let random = quality(&sets, chance);
    let popular = quality(&sets, |_, track| fans[track].len() as f64);
    let cosine = quality(&sets, |listener, track| {
        sets[listener]
            .0
            .iter()
            .map(|known| together[known * TRACK_COUNT + track])
            .sum()
    });
    let oracle = quality(&sets, |listener, track| {
        let utility = simulation.oracle.utility(listener, track, end_ms * 9 / 10);
        f64::from(utility.unwrap_or(0.0))
            + simulation.oracle.popularity(track).unwrap_or(0.0).ln() * 0.5
    });
    println!(
        "random {random:.3} popularity {popular:.3} item cosine {cosine:.3} oracle {oracle:.3}"
    );
    assert!(random * 1.2 < popular, "{random} {popular}");
    assert!(popular * 1.2 < cosine, "{popular} {cosine}");
    assert!(cosine * 1.1 < oracle, "{cosine} {oracle}");
}

#[test]
fn listens_are_sound_and_deterministic() {
    let (spec, simulation) = world();
    assert_eq!(simulation, world().1);
    assert_eq!(simulation.listens.len(), spec.listen_count);
    assert!(simulation.listens.is_sorted_by_key(|listen| listen.at_ms));
    let played = simulation
        .listens
        .iter()
        .filter(|l| l.outcome == ListenOutcome::Played)
        .count();
    let share = played as f64 / simulation.listens.len() as f64;
    assert!((0.35..0.8).contains(&share), "{share}");
    for listen in &simulation.listens {
        assert!(listen.played_ms <= listen.track_ms);
        let probability =
            simulation
                .oracle
                .play_probability(listen.listener_index, listen.track_index, 0);
        assert!(probability.is_some_and(|p| (0.0..=1.0).contains(&p)));
    }
    assert_eq!(simulation.oracle.utility(spec.listener_count, 0, 0), None);
}

/// The world whose listeners do not mind steps, and the one whose listeners do.
fn both_worlds() -> (Simulation, Simulation) {
    let tracks = draw_tracks(5, TRACK_COUNT, 60, 14);
    let spec = ListenersSpec {
        step_strength: 0.0,
        ..ListenersSpec::default()
    };
    (simulate_listeners(&spec, &tracks), world().1)
}

#[test]
fn minding_steps_changes_how_tracks_end_and_little_else() {
    let (without, with) = both_worlds();
    let share = |simulation: &Simulation| {
        let played = simulation.listens.iter();
        played
            .filter(|l| l.outcome == ListenOutcome::Played)
            .count() as f64
            / simulation.listens.len() as f64
    };
    let (before, after) = (share(&without), share(&with));
    println!("played {before:.4} without steps, {after:.4} with");
    assert!((before - after).abs() < 0.01, "{before} {after}");
    // What is offered follows from the moment too, and a skip moves the moments after it.
    let offers = |simulation: &Simulation| -> HashSet<(usize, usize, u64)> {
        let listens = simulation.listens.iter();
        listens
            .map(|l| (l.listener_index, l.track_index, l.at_ms / DAY_MS))
            .collect()
    };
    let (before, after) = (offers(&without), offers(&with));
    let same = before.intersection(&after).count();
    assert!(same * 100 > before.len() * 98, "{same} of {}", before.len());
}

#[test]
fn the_oracle_knows_what_a_step_does() {
    let (without, with) = both_worlds();
    let probability = |simulation: &Simulation, previous: Option<usize>, track: usize| {
        let oracle = &simulation.oracle;
        oracle
            .play_probability_after(previous, 3, track, 0)
            .unwrap()
    };
    for track in 0..20 {
        let plain = probability(&with, None, track);
        assert_eq!(with.oracle.play_probability(3, track, 0), Some(plain));
        assert_eq!(probability(&without, Some(7), track), plain);
        // A costly step takes off what a cheap one adds, about the usual one.
        let step = with.oracle.step_cost(7, track).unwrap();
        let is_dear = step > with.oracle.usual_step;
        assert_eq!(probability(&with, Some(7), track) < plain, is_dear);
    }
    assert_eq!(with.oracle.step_cost(7, 7), Some(0.0));
    // Two tracks: the second comes after the first, or after nothing where that is left.
    let (first, after, alone) = (
        f64::from(probability(&with, None, 4)),
        f64::from(probability(&with, Some(4), 9)),
        f64::from(probability(&with, None, 9)),
    );
    let plays = with.oracle.expected_plays(3, &[4, 9], 0).unwrap();
    let expected = first + first * after + (1.0 - first) * alone;
    assert!((plays - expected).abs() < 1e-9, "{plays} {expected}");
    assert_eq!(with.oracle.expected_plays(3, &[TRACK_COUNT], 0), None);
    assert_eq!(with.oracle.step_cost(7, TRACK_COUNT), None);
    let stranger = (with.oracle).play_probability_after(Some(TRACK_COUNT), 3, 1, 0);
    assert_eq!(stranger, None);
}

#[test]
fn empty_worlds_are_empty() {
    let spec = ListenersSpec {
        listener_count: 0,
        ..ListenersSpec::default()
    };
    assert!(
        simulate_listeners(&spec, &draw_tracks(1, 3, 2, 2))
            .listens
            .is_empty()
    );
    assert!(
        simulate_listeners(&ListenersSpec::default(), &[])
            .listens
            .is_empty()
    );
}
