"""Styles in three-four for `band_styles`: what compound time is most easily taken for. Nobody's work.

A beat is four steps, a bar 12 of them.
"""

from band_styles import BASSES, CONGA, CRASH, GUITARS, HAT, KICK, PADS, PIANOS, RIDE, RIM, SHAKER, SNARE, STRINGS, SYNTH_BASSES

STEPS_PER_BEAT = 4
NONE, FIRST = "............", "x..........."
BEATS, QUAVERS, SEMIQUAVERS = "x...x...x...", "x.x.x.x.x.x.", "xoxoxoxoxoxo"
AFTER, SECOND, THIRD = "....x...x...", "....x.......", "........x..."

STYLES = {
    "vienna34": dict(bpm=(130, 205), quiet=0.4, drums={KICK: [FIRST], SNARE: [AFTER], HAT: [NONE, AFTER]},
                     bass=[FIRST], comp=[AFTER], basses=[43, 32, 58], comps=[48, 21, 0, 61], leads=[40, 73, 71, 48], lead_quavers=0.3, bars_per_chord=[1, 2]),
    "countrywaltz34": dict(bpm=(82, 150), drums={KICK: [FIRST], SNARE: [AFTER, THIRD], HAT: [BEATS, AFTER, QUAVERS]},
                           bass=[FIRST, "x.......x..."], alternate_bass=True, comp=[AFTER, BEATS, "....x.x.x.x."], basses=BASSES, comps=[25, 24, 105, 21], bars_per_chord=[1, 2]),
    "jazzwaltz34": dict(bpm=(110, 200), swing=(0.28, 0.34), drums={RIDE: ["x...x.x.x...", "x...x.x.x.x."], HAT: [SECOND, AFTER], KICK: [FIRST, NONE], RIM: [NONE, "......x....."]},
                        bass=[BEATS, "x.....x.....", "x.......x..."], walking=True, comp=["x.....x.....", "....x.......", "......x....."], sevenths=True, basses=[32], comps=[0, 26, 11], bars_per_chord=[1, 2]),
    "rock34": dict(bpm=(84, 180), drums={KICK: [FIRST, "x.....x.....", "x.......x.x."], SNARE: [SECOND, THIRD, AFTER], HAT: [QUAVERS, BEATS], CRASH: [NONE, FIRST]},
                   bass=[QUAVERS, BEATS, "x.....x.x..."], comp=[QUAVERS, FIRST, BEATS], basses=BASSES, comps=[29, 30, 27], bars_per_chord=[1, 2]),
    "ballad34": dict(bpm=(66, 130), quiet=0.4, drums={KICK: [FIRST, "x.........x."], RIM: [THIRD, SECOND, AFTER], HAT: [QUAVERS, BEATS], SHAKER: [NONE, SEMIQUAVERS]},
                     bass=[FIRST, "x.......x..."], comp=[QUAVERS, BEATS, FIRST, SEMIQUAVERS], arpeggio=True, basses=BASSES, comps=PIANOS + GUITARS, bars_per_chord=[1, 1, 2]),
    "minuet34": dict(bpm=(76, 160), drums={}, bass=[BEATS, FIRST, "x.......x..."], comp=[QUAVERS, BEATS, AFTER, SEMIQUAVERS], arpeggio=True, basses=[43, 42, 0, 70],
                     comps=STRINGS + [0, 6, 68], lead_quavers=0.5, bars_per_chord=[1, 1, 2]),
    "hiphop34": dict(bpm=(70, 160), drums={KICK: [FIRST, "x.....x...x."], SNARE: [THIRD, SECOND], HAT: [QUAVERS, SEMIQUAVERS, BEATS]},
                     bass=[FIRST, "x.....x....."], comp=[FIRST, "x.....x....."], basses=SYNTH_BASSES, comps=PADS + [0, 4, 11], bars_per_chord=[1, 2]),
    "folk34": dict(bpm=(90, 190), quiet=0.5, drums={KICK: [FIRST], CONGA: [AFTER, BEATS, "x.x.x.x.x.x."], SHAKER: [NONE, QUAVERS]},
                   bass=[FIRST, BEATS], comp=[AFTER, QUAVERS, BEATS], basses=[32, 33, 21], comps=[24, 25, 21, 46], leads=[73, 40, 21, 110], lead_quavers=0.5, bars_per_chord=[1, 1, 2]),
}
# What any of these bands may play instead of what its style expects.
COMMON_DRUMS = {KICK: [FIRST, "x.......x...", "x.....x....."], SNARE: [AFTER, THIRD], HAT: [QUAVERS, BEATS, AFTER], SHAKER: [QUAVERS, SEMIQUAVERS], CONGA: [AFTER], RIDE: [BEATS, QUAVERS]}
COMMON_BASS = [FIRST, BEATS, "x.......x...", QUAVERS]
COMMON_COMP = [AFTER, BEATS, QUAVERS, FIRST]
