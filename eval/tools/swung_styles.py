"""Styles in four-four with swung sixteenths for `band_styles`: thirds of half a beat, not of a beat. Nobody's work."""

from band_styles import BACKBEAT, BASSES, CLAP, CONGA, EIGHTHS, GUITARS, HALF_TIME, HAT, KICK, OFFBEATS, OPEN, PADS, PIANOS, QUARTERS, RIM, SHAKER, SIXTEENTHS, SNARE, SYNTH_BASSES

STEPS_PER_BEAT = 4
NONE = "................"

STYLES = {
    "boombap16": dict(bpm=(76, 104), shuffle=(0.15, 0.34), drums={KICK: ["x......x..x.....", "x..x...x.x......", "x.x....x..x....."], SNARE: [BACKBEAT, "....x..o.o..x..o"], HAT: [EIGHTHS, SIXTEENTHS, "x.xxx.x.x.xxx.x."]},
                      bass=["x..x...x..x.....", "x......x.x......", "x...x..x.x..x..."], comp=["x......x........", NONE[:-1] + "x", "x..x....x..x...."], basses=BASSES, comps=PIANOS + [11, 26], bars_per_chord=[1, 2]),
    "funk16": dict(bpm=(80, 122), shuffle=(0.08, 0.34), drums={KICK: ["x..x..x...x..x..", "x.x....x..x.....", "x..x....x.x...x."], SNARE: ["....x..o.o..x..o", BACKBEAT], HAT: [SIXTEENTHS, "x.xxx.xxx.xxx.xx", EIGHTHS]},
                   bass=["x..x..x.x.x.x...", "x.x..x.x..x..x.x", "x..xx..x..x.x..x"], comp=["..xx.xx...xx.x.x", ".x.x..x..x.x..x.", "..x..x....x..x.."], basses=[33, 36, 37], comps=[28, 7, 27, 16], bars_per_chord=[1, 2]),
    "neosoul16": dict(bpm=(62, 96), shuffle=(0.1, 0.34), drums={KICK: ["x.........x.....", "x......x..x.....", "x..x......x....."], RIM: [BACKBEAT, HALF_TIME], HAT: [EIGHTHS, SIXTEENTHS, "x.xxx.x.x.x.x.xx"], SHAKER: [NONE, SIXTEENTHS]},
                      bass=["x......x..x.....", "x..x......x..x..", "x.........x....."], comp=["x......x........", "x..x......x.....", QUARTERS], sevenths=True, basses=BASSES, comps=[4, 5, 0, 26], bars_per_chord=[1, 0.5]),
    "garage16": dict(bpm=(96, 138), shuffle=(0.12, 0.34), drums={KICK: [QUARTERS, "x.........x..x..", "x......x..x....."], CLAP: [BACKBEAT], OPEN: [OFFBEATS, NONE], HAT: [SIXTEENTHS, "x.xxx.xxx.xxx.xx", "..xx..xx..xx..xx"], CONGA: [NONE, "..xx...x..x..x.x"]},
                     bass=["..x..x.x..x..x..", "x..x...x..x.....", "x......x.x...x.."], comp=["..x...x...x...x.", "x..x..x...x..x..", "x..............."], basses=SYNTH_BASSES, comps=PADS + [16, 4, 0], bars_per_chord=[1, 2]),
    "acoustic16": dict(bpm=(70, 112), shuffle=(0.1, 0.34), quiet=0.5, drums={KICK: ["x.......x.......", "x......xx......."], RIM: [BACKBEAT], SHAKER: [SIXTEENTHS, "x.xxx.xxx.xxx.xx"]},
                       bass=["x.......x.......", "x......xx......."], comp=["x..xx.xxx..xx.xx", SIXTEENTHS, EIGHTHS, "x...x.xx..x.x.xx"], basses=BASSES, comps=GUITARS + PIANOS, bars_per_chord=[1, 2]),
}
# What any of these bands may play instead of what its style expects.
COMMON_DRUMS = {KICK: ["x......x..x.....", "x.......x.......", QUARTERS], SNARE: [BACKBEAT, HALF_TIME], HAT: [EIGHTHS, SIXTEENTHS], SHAKER: [SIXTEENTHS], CONGA: ["..xx...x..x..x.x"]}
COMMON_BASS = ["x......x..x.....", "x.......x.......", QUARTERS]
COMMON_COMP = ["x......x........", EIGHTHS, "x...............", "..xx.xx...xx.x.x"]
