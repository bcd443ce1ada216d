//! The form of a song: which part each bar belongs to and how it is dressed.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::SongSpec;

/// A part of a song.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Intro,
    Verse,
    PreChorus,
    Chorus,
    Bridge,
    Outro,
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Intro => "intro",
            Self::Verse => "verse",
            Self::PreChorus => "pre-chorus",
            Self::Chorus => "chorus",
            Self::Bridge => "bridge",
            Self::Outro => "outro",
        }
    }
}

/// One bar of the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BarPlan {
    pub part: Part,
    /// Which section of the song, counted from 0.
    pub section: usize,
    /// Which bar of its section, counted from 0.
    pub place: usize,
    /// How often the part came before.
    pub repeat: usize,
    pub has_fill: bool,
    /// Drums heard, from the first of the style on.
    pub drum_count: usize,
    /// Whether held chords lie under the part.
    pub has_pad: bool,
    /// Whether a shaker or rim is added.
    pub has_extra: bool,
    pub has_lead: bool,
    /// Whether the chords are held where the style would strike them.
    pub is_held: bool,
}

impl BarPlan {
    fn plain(part: Part, section: usize, place: usize) -> Self {
        Self {
            part,
            section,
            place,
            repeat: 0,
            has_fill: false,
            drum_count: usize::MAX,
            has_pad: false,
            has_extra: false,
            has_lead: part != Part::Intro,
            is_held: false,
        }
    }
}

/// The short form: two bars of intro, then four bars of verse and four of chorus in turn.
pub(super) fn short_form(bar_count: usize) -> Vec<BarPlan> {
    (0..bar_count)
        .map(|bar| {
            let (part, section, place) = match bar {
                0 | 1 => (Part::Intro, 0, bar),
                _ if (bar - 2) % 8 < 4 => (Part::Verse, 1 + (bar - 2) / 4, bar - 2),
                _ => (Part::Chorus, 1 + (bar - 2) / 4, bar - 2),
            };
            let mut plan = BarPlan::plain(part, section, place);
            plan.has_fill = bar % 4 == 1 && bar > 1;
            // The intro brings the drums in one by one.
            if part == Part::Intro {
                plan.drum_count = bar + 2;
            }
            plan
        })
        .collect()
}

use Part::{Bridge, Chorus, Intro, Outro, PreChorus, Verse};

/// Forms of popular songs; a part that follows itself is played twice.
const FORMS: [&[Part]; 6] = [
    &[Intro, Verse, Chorus, Verse, Chorus, Bridge, Chorus, Outro],
    &[Intro, Verse, Chorus, Verse, Chorus, Outro],
    &[
        Intro, Verse, PreChorus, Chorus, Verse, PreChorus, Chorus, Bridge, Chorus, Chorus,
    ],
    &[Verse, Chorus, Verse, Chorus, Bridge, Chorus],
    &[Intro, Verse, Verse, Bridge, Verse, Outro],
    &[Intro, Verse, Verse, Chorus, Verse, Chorus, Chorus, Outro],
];

/// How the parts of one song are dressed.
struct Dress {
    verse_drums: usize,
    bridge_drums: usize,
    pad_in: [bool; 2],
    is_bridge_held: bool,
    is_bridge_led: bool,
    second_verse_extra: bool,
    last_chorus_extra: bool,
}

/// The whole form of a song; it follows from the seed and the style alone.
///
/// - Bars: verses of 8 or 16, choruses of 8, bridges and ends of 4 or 8.
/// - Repeats differ: drums join, a pad or a shaker is added, notes change (`arrange`).
pub(super) fn whole_form(spec: &SongSpec, drum_count: usize) -> Vec<BarPlan> {
    let seed = spec.seed ^ 0x0f0f_5eed ^ ((spec.style as u64) << 32);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let form = FORMS[rng.random_range(0..FORMS.len())];
    let is_fast = spec.tempo_bpm * 4.0 / f64::from(spec.beats_per_bar) > 110.0;
    let verse_bars = if is_fast && rng.random::<f64>() < 0.5 {
        16
    } else {
        8
    };
    let bridge_bars = if rng.random::<f64>() < 0.5 { 4 } else { 8 };
    let end_bars = if is_fast && rng.random::<f64>() < 0.4 {
        8
    } else {
        4
    };
    let fewer = |rng: &mut ChaCha8Rng, by: usize| {
        drum_count.saturating_sub(rng.random_range(0..=by)).max(1)
    };
    let dress = Dress {
        verse_drums: fewer(&mut rng, 1),
        bridge_drums: fewer(&mut rng, drum_count),
        pad_in: [rng.random::<f64>() < 0.2, rng.random::<f64>() < 0.5],
        is_bridge_held: rng.random::<f64>() < 0.5,
        is_bridge_led: rng.random::<f64>() < 0.6,
        second_verse_extra: rng.random::<f64>() < 0.4,
        last_chorus_extra: rng.random::<f64>() < 0.4,
    };
    let mut plans = Vec::new();
    for (section, &part) in form.iter().enumerate() {
        let bars = match part {
            Verse => verse_bars,
            Chorus => 8,
            Bridge => bridge_bars,
            PreChorus => 4,
            Intro | Outro => end_bars,
        };
        let repeat = form[..section]
            .iter()
            .filter(|&&before| before == part)
            .count();
        let is_final = form[section + 1..].iter().all(|&after| after != part);
        for place in 0..bars {
            let mut plan = dressed(&dress, part, section, place, repeat, is_final);
            plan.has_fill = place + 1 == bars || (place % 4 == 3 && rng.random::<f64>() < 0.5);
            plans.push(plan);
        }
    }
    plans
}

fn dressed(
    dress: &Dress,
    part: Part,
    section: usize,
    place: usize,
    repeat: usize,
    is_final: bool,
) -> BarPlan {
    let mut plan = BarPlan {
        repeat,
        ..BarPlan::plain(part, section, place)
    };
    match part {
        Intro => plan.drum_count = 1 + place,
        Verse => {
            plan.drum_count = dress.verse_drums + usize::from(repeat > 0);
            plan.has_pad = dress.pad_in[0];
            plan.has_extra = dress.second_verse_extra && repeat > 0;
        }
        PreChorus => plan.drum_count = dress.verse_drums,
        Chorus => {
            plan.has_pad = dress.pad_in[1];
            plan.has_extra = dress.last_chorus_extra && is_final;
        }
        Bridge => {
            plan.drum_count = dress.bridge_drums;
            plan.is_held = dress.is_bridge_held;
            plan.has_lead = dress.is_bridge_led;
        }
        Outro => {
            plan.drum_count = dress.verse_drums;
            plan.has_lead = false;
        }
    }
    plan
}
