"""Styles in compound time for `band_styles`: beats are dotted and divide into three quavers. Nobody's work.

A beat is six steps; a bar of six-eight has 12 of them, of nine-eight 18, of twelve-eight 24.
"""

from band_styles import BASSES, CONGA, COWBELL, GUITARS, HAT, KICK, OPEN, PADS, PIANOS, RIDE, RIM, SHAKER, SNARE, STRINGS, SYNTH_BASSES, TAMBOURINE, TOM

STEPS_PER_BEAT = 6
NONE = "............"
QUAVERS, BEATS, SEMIQUAVERS = "x.x.x.x.x.x.", "x.....x.....", "xoxoxoxoxoxo"
LILT, AFTER, SECOND = "x...x.x...x.", "..x.x...x.x.", "......x....."
FIRST = "x..........."


def doubled(*patterns):
    """Bars of two beats as bars of four."""
    return [pattern * 2 for pattern in patterns]


STYLES = {
    "slowrock68": dict(bpm=(44, 80), drums={KICK: [FIRST, "x.......x...", "x...x...x...", "x.........x."], SNARE: [SECOND], HAT: [QUAVERS, QUAVERS, SEMIQUAVERS], RIDE: [NONE, QUAVERS]},
                       bass=[BEATS, "x.......x.x.", "x.....x...x.", QUAVERS], comp=[QUAVERS, FIRST, BEATS, "x...x.x...x."], basses=BASSES, comps=PIANOS + [29, 27, 16], bars_per_chord=[1, 1, 2]),
    "ballad68": dict(bpm=(42, 66), quiet=0.3, drums={KICK: [FIRST, "x.........x."], RIM: [SECOND], HAT: [QUAVERS, BEATS, AFTER], SHAKER: [NONE, QUAVERS]},
                     bass=[FIRST, BEATS, "x.........x."], comp=[QUAVERS, QUAVERS, FIRST, AFTER, SEMIQUAVERS], arpeggio=True, basses=BASSES, comps=PIANOS + GUITARS, bars_per_chord=[1, 1, 0.5]),
    "doowop128": dict(bpm=(52, 96), drums={KICK: doubled(FIRST, "x.......x...") + [BEATS * 2], SNARE: doubled(SECOND), HAT: doubled(QUAVERS, QUAVERS), RIDE: doubled(NONE, QUAVERS)},
                      bass=doubled(BEATS, "x...x.x...x.", FIRST) + ["x.....x...x.x.....x...x."], comp=doubled(QUAVERS, QUAVERS, AFTER, BEATS), basses=BASSES, comps=PIANOS + [16, 26], bars_per_chord=[1, 0.5]),
    "blues128": dict(bpm=(54, 118), drums={KICK: doubled(FIRST, BEATS, "x.......x..."), SNARE: doubled(SECOND, "......x...o."), HAT: doubled(QUAVERS), RIDE: doubled(NONE, QUAVERS, LILT)},
                     bass=doubled(BEATS, LILT, QUAVERS), walking=True, comp=doubled(QUAVERS, AFTER, "....x.....x.", LILT), sevenths=True, basses=[33, 32, 33], comps=[27, 16, 0, 29], bars_per_chord=[1, 2]),
    "jig": dict(bpm=(92, 140), quiet=0.4, drums={KICK: [BEATS, FIRST], CONGA: [QUAVERS, LILT, "x.o.x.x.o.x."], TAMBOURINE: [NONE, LILT, BEATS]},
                bass=[BEATS, FIRST, LILT], comp=[QUAVERS, LILT, BEATS, AFTER], basses=[32, 33, 21], comps=[24, 25, 21, 46, 105, 109], leads=[73, 40, 21, 109, 72], lead_quavers=0.85, bars_per_chord=[1, 1, 2]),
    "slipjig": dict(bpm=(84, 130), grid=18, quiet=0.4, drums={KICK: ["x.................", "x.....x.....x....."], CONGA: ["x.x.x.x.x.x.x.x.x.", "x...x.x...x.x...x."], TAMBOURINE: ["." * 18, "x.....x.....x....."]},
                    bass=["x.....x.....x.....", "x................."], comp=["x.x.x.x.x.x.x.x.x.", "x...x.x...x.x...x.", "..x.x...x.x...x.x."], basses=[32, 33, 21], comps=[24, 25, 21, 46], leads=[73, 40, 21, 109], lead_quavers=0.8, bars_per_chord=[1, 1, 2]),
    "afro128": dict(bpm=(84, 140), drums={COWBELL: ["x...x...x.x...x...x...x.", "x...x.x...x...x.x...x.x."], KICK: doubled(BEATS, FIRST, NONE) + ["x.......x...x.....x....."], CONGA: doubled("x.o.x.o.x.x.", "..x.x...x.x.", "x..x..x..x.."), SHAKER: doubled(QUAVERS, LILT), HAT: doubled(NONE, QUAVERS)},
                    bass=["x.......x...x.....x.....", "x.....x...x.x...x...x...", "x...x.......x...x......."], comp=doubled(AFTER, LILT, "x...x...x...", QUAVERS), basses=BASSES, comps=[27, 26, 12, 0], bars_per_chord=[1, 2]),
    "march68": dict(bpm=(96, 136), drums={KICK: [BEATS, FIRST], SNARE: ["....x.x...x.", "x.xxx.x.x.x.", AFTER, SECOND], OPEN: [NONE, FIRST]},
                    bass=[BEATS, "x.....x...x."], alternate_bass=True, comp=[AFTER, "....x.....x.", QUAVERS], basses=[58, 33, 43], comps=[61, 56, 0, 21, 48], leads=[56, 73, 71, 72], bars_per_chord=[1, 1, 2]),
    "pastoral68": dict(bpm=(42, 84), drums={}, bass=[FIRST, BEATS, LILT], comp=[QUAVERS, QUAVERS, SEMIQUAVERS, LILT, FIRST], arpeggio=True, basses=[43, 42, 0, 70], comps=STRINGS + [0, 46, 24, 68], bars_per_chord=[1, 0.5, 1]),
    "metal68": dict(bpm=(56, 112), drums={KICK: [QUAVERS, SEMIQUAVERS, BEATS, "x...x.x...x.", "x.xxx.x.xxx."], SNARE: [SECOND, "....x.....x.", SECOND], RIDE: [QUAVERS, BEATS, NONE], OPEN: [NONE, BEATS, FIRST]},
                    bass=[QUAVERS, SEMIQUAVERS, BEATS], comp=[QUAVERS, SEMIQUAVERS, "x...x.x...x.", "x..........."], basses=[33, 34], comps=[30, 29], bars_per_chord=[1, 2]),
    "electro128": dict(bpm=(60, 140), drums={KICK: doubled(BEATS, BEATS, FIRST, "x.......x..."), SNARE: doubled(SECOND, NONE), HAT: doubled(QUAVERS, AFTER, LILT), TOM: doubled(NONE, "........x.x.")},
                       bass=doubled(AFTER, QUAVERS, LILT, BEATS), comp=doubled(FIRST, AFTER, LILT, QUAVERS), basses=SYNTH_BASSES, comps=PADS + [81, 90], bars_per_chord=[1, 2]),
}
# What any of these bands may play instead of what its style expects; one bar of two beats.
COMMON_DRUMS = {KICK: [BEATS, FIRST, "x.......x...", "x...x...x..."], SNARE: [SECOND, "....x.....x."], HAT: [QUAVERS, LILT, AFTER, BEATS],
                SHAKER: [QUAVERS, SEMIQUAVERS], CONGA: [LILT, "..x.x...x.x."], RIDE: [QUAVERS, LILT]}
COMMON_BASS = [BEATS, FIRST, LILT, QUAVERS, "x.......x..."]
COMMON_COMP = [QUAVERS, BEATS, FIRST, AFTER, LILT]
