"""Random songs for a band in eighteen styles, with exact beats, chords and keys. Nobody's work.

Styles in compound time are in `compound_styles`, more of three-four in `triple_styles`, swung
sixteenths in `swung_styles`; these styles over other harmony in `harmony_styles` and
`plain_styles`.

A bar is 16 steps (12 in three-four and where `grid` says so). In drum patterns `x` is a hit, `o` a
soft one, `?` a chance; several patterns of one instrument are alternatives drawn per song.
"""

MAJOR, MINOR = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]
KICK, SNARE, RIM, CLAP, HAT, OPEN, RIDE, CRASH, SHAKER, CLAVE, CONGA, COWBELL, TAMBOURINE, TOM = (
    36, 38, 37, 39, 42, 46, 51, 49, 70, 75, 63, 56, 54, 45)
EIGHTHS, OFFBEATS, SIXTEENTHS, QUARTERS = "x.x.x.x.x.x.x.x.", "..x...x...x...x.", "xoxoxoxoxoxoxoxo", "x...x...x...x..."
BACKBEAT, HALF_TIME = "....x.......x...", "........x......."
PIANOS, GUITARS, PADS, STRINGS = [0, 0, 1, 4, 5], [25, 26, 27], [48, 49, 50, 89, 91, 95], [48, 48, 49, 45]
BASSES, SYNTH_BASSES = [32, 33, 33, 34], [38, 39, 87]

STYLES = {
    "house": dict(bpm=(115, 130), drums={KICK: [QUARTERS], CLAP: [BACKBEAT, "................"], OPEN: [OFFBEATS], HAT: [SIXTEENTHS, EIGHTHS, "................"]},
                  bass=["..x...x...x...x.", "x..x..x...x..x..", "x.x.x.x.x.x.x.x."], comp=["..x...x...x...x.", "x..x..x...x.....", "x..............."], basses=SYNTH_BASSES, comps=[4, 16, 81, 90, 0], bars_per_chord=[1, 2]),
    "techno": dict(bpm=(124, 150), drums={KICK: [QUARTERS], HAT: [OFFBEATS, SIXTEENTHS], CLAP: ["................", BACKBEAT], RIM: ["...x..x....x..x.", "................"]},
                   bass=["..x...x...x...x.", ".xxx.xxx.xxx.xxx", SIXTEENTHS, "x..x..x.x..x..x."], comp=["x..x..x.........", "x...............", "...x......x....."], basses=SYNTH_BASSES, comps=[81, 90, 62, 89], bars_per_chord=[2, 4]),
    "trap": dict(bpm=(130, 165), drums={KICK: ["x.....x...x.....", "x.........x..x..", "x..x......x....."], SNARE: [HALF_TIME], HAT: [EIGHTHS, "x.x.x.x.x.xxx.x.", "x.x.xxx.x.x.xxxx"]},
                 bass=["x.........x.....", "x.....x.........", "x..............."], comp=["x...............", "x.......x......."], basses=SYNTH_BASSES, comps=[0, 11, 48, 89, 46], bars_per_chord=[1, 2]),
    "boombap": dict(bpm=(78, 98), swing=(0.0, 0.25), drums={KICK: ["x..x....x.x.....", "x.x.......x.....", "x......x.xx....."], SNARE: [BACKBEAT], HAT: [EIGHTHS]},
                    bass=["x..x....x.......", "x.....x.x.......", "x.x.....x..x...."], comp=["x...............", "x.....x.........", "x...x...x...x..."], basses=BASSES, comps=[0, 4, 11, 26], bars_per_chord=[1, 1, 2]),
    "rock": dict(bpm=(110, 160), drums={KICK: ["x.......x.x.....", "x.......x.......", "x.x.....x.x....."], SNARE: [BACKBEAT], HAT: [EIGHTHS, QUARTERS], RIDE: ["................", EIGHTHS]},
                 bass=[EIGHTHS, "x...x...x...x...", "x..x..x.x..x..x."], comp=[EIGHTHS, "x...............", "x..x..x.x..x..x."], basses=BASSES, comps=[29, 30, 27, 28], bars_per_chord=[1, 1, 2]),
    "metal": dict(bpm=(140, 200), drums={KICK: [EIGHTHS, SIXTEENTHS, "x.xxx.xxx.xxx.xx"], SNARE: [BACKBEAT, HALF_TIME, BACKBEAT], RIDE: [QUARTERS, EIGHTHS], CRASH: ["x...............", "................"]},
                  bass=[EIGHTHS, SIXTEENTHS, "x.xxx.xxx.xxx.xx"], comp=[EIGHTHS, SIXTEENTHS, "x.xxx.xxx.xxx.xx", "x......."*2], basses=[33, 34], comps=[30, 29, 30], bars_per_chord=[1, 2]),
    "pop": dict(bpm=(84, 130), drums={KICK: ["x.......x.......", "x.....x.x.......", QUARTERS], SNARE: [BACKBEAT], HAT: [EIGHTHS, SIXTEENTHS], TAMBOURINE: ["................", OFFBEATS]},
                bass=["x.......x.......", "x.....x.x.......", EIGHTHS], comp=["x...x...x...x...", EIGHTHS, "x...............", "x.....x...x....."], basses=BASSES, comps=PIANOS + GUITARS, bars_per_chord=[1, 1, 1]),
    "ballad": dict(bpm=(54, 80), drums={KICK: ["x.......x.......", "x..........x....", "x.......x.x....."], SNARE: [BACKBEAT], RIM: ["................", BACKBEAT], HAT: [EIGHTHS, QUARTERS, SIXTEENTHS]},
                   bass=["x.......x.......", "x...............", "x.....x.x......."], comp=[EIGHTHS, "x...x...x...x...", SIXTEENTHS, "x..............."], basses=BASSES, comps=PIANOS + [24, 25], bars_per_chord=[1, 0.5, 1]),
    "country": dict(bpm=(90, 130), drums={KICK: ["x.......x.......", QUARTERS], SNARE: [BACKBEAT], HAT: [EIGHTHS, OFFBEATS], TAMBOURINE: ["................", BACKBEAT]},
                    bass=["x.......x......."], alternate_bass=True, comp=["....x.......x...", "..x...x...x...x.", EIGHTHS], basses=BASSES, comps=[25, 25, 24, 105], bars_per_chord=[1, 2]),
    "dnb": dict(bpm=(160, 182), drums={KICK: ["x.........x.....", "x.x.......x.....", "x.......x.x....."], SNARE: [BACKBEAT, "....x..x.x..x..."], HAT: [EIGHTHS, SIXTEENTHS], RIDE: ["................", QUARTERS]},
                bass=["x.........x.....", "x...............", "x.....x...x....."], comp=["x...............", "......x........."], basses=SYNTH_BASSES, comps=PADS + [4], bars_per_chord=[2, 1]),
    "funk": dict(bpm=(92, 122), drums={KICK: ["x.x....x..x.....", "x..x..x...x..x..", "x.x.......xx...."], SNARE: ["....x..o.o..x...", BACKBEAT, "....x..o.o..x..o"], HAT: [SIXTEENTHS, EIGHTHS]},
                 bass=["x.x..x.x..x..x..", "x..x..x...xx.x..", "x......xx.x....."], comp=["..x..x....x..x..", "x..x..x..x..x...", ".x.x..x..x.x..x."], basses=[33, 36, 37], comps=[28, 7, 27, 16], bars_per_chord=[1, 2]),
    "reggae": dict(bpm=(66, 94), drums={KICK: [HALF_TIME, "x.......x.......", QUARTERS], RIM: [HALF_TIME, BACKBEAT], HAT: [EIGHTHS, OFFBEATS]},
                   bass=["x..x..x.....x...", "..x.x...x.x.....", "x.....x.x.x....."], comp=["....x.......x...", "..x...x...x...x."], basses=[33, 32], comps=[27, 16, 0], bars_per_chord=[1, 1]),
    "salsa": dict(bpm=(160, 210), drums={CLAVE: ["x.....x.....x...", "....x...x......."], CONGA: ["....x.......x.x.", "..x.x.xx..x.x.xx"], COWBELL: ["x...x.x.x...x.x.", QUARTERS], SHAKER: [EIGHTHS, "................"], KICK: ["................", "x.......x.......", QUARTERS]},
                  bass=["......x.....x...", "x.....x.....x...", "x..x..x.x..x..x.", "x.....x.x.....x."], comp=["x.x...x...x...x.", "..x.x...x...x.x.", "x...x.x...x.x.x."], basses=[32, 33], comps=[0, 0, 1], bars_per_chord=[1, 2]),
    "jazz": dict(bpm=(105, 200), swing=(0.3, 0.34), drums={RIDE: ["x...x.x.x...x.x."], HAT: [BACKBEAT], KICK: ["................", QUARTERS], SNARE: ["......?.......?.", "..........?....."]},
                 bass=[QUARTERS], walking=True, comp=["x.....x.........", "......x.......x.", "x..........x...."], basses=[32], comps=[0, 0, 26], sevenths=True, bars_per_chord=[1, 1, 0.5]),
    "bossa": dict(bpm=(115, 150), drums={RIM: ["x.....x.....x...", "x..x..x....x..x."], KICK: ["x.....xxx.....xx", "x.....x.x.....x."], HAT: [EIGHTHS], SHAKER: ["................", EIGHTHS]},
                  bass=["x.....x.x.....x.", "x.....xxx.....xx"], comp=["x..x..x...x..x..", "..x..x....x.x...", "x...x..x..x...x."], basses=[32], comps=[24, 24, 0], sevenths=True, bars_per_chord=[1, 2]),
    "waltz": dict(bpm=(90, 180), grid=12, drums={KICK: ["x...........", "x..........."], HAT: ["....x...x...", "x.x.x.x.x.x."], RIM: ["....x...x...", "............"]},
                  bass=["x...........", "x...........", "x...x...x..."], comp=["....x...x...", "x...x...x...", "x.x.x.x.x.x."], basses=BASSES, comps=[0, 21, 24, 48], bars_per_chord=[1, 1, 2]),
    "classical": dict(bpm=(64, 116), drums={}, bass=["x.......x.......", QUARTERS, "x..............."], comp=[EIGHTHS, QUARTERS, SIXTEENTHS, "x..............."],
                      basses=[43, 42, 0, 70], comps=STRINGS + [0, 6, 68], arpeggio=True, bars_per_chord=[1, 0.5, 1]),
    "ambientbeat": dict(bpm=(70, 100), drums={KICK: ["x.........x.....", "x.......x.......", "x..............."], SNARE: [BACKBEAT, HALF_TIME, "................"], HAT: [EIGHTHS, OFFBEATS, "..x...x...x....."]},
                        bass=["x...............", "x.........x....."], comp=["x...............", "x.......x......."], basses=SYNTH_BASSES + [33], comps=PADS, bars_per_chord=[1, 2, 2]),
}
# What any band may play instead of what its style expects.
COMMON_DRUMS = {KICK: [QUARTERS, "x.......x.......", "x.....x.x.......", "x.......x.x....."], SNARE: [BACKBEAT, HALF_TIME], HAT: [EIGHTHS, QUARTERS, OFFBEATS],
                SHAKER: [EIGHTHS, SIXTEENTHS], CONGA: ["....x.......x.x.", "x..x..x.x..x..x."], RIDE: [QUARTERS, EIGHTHS]}
COMMON_BASS = ["x.......x.......", QUARTERS, "x..x..x.x..x..x.", EIGHTHS, "x.....x.x.......", "x..............."]
COMMON_COMP = [QUARTERS, EIGHTHS, "x...............", "x.......x.......", "x..x..x...x..x..", "..x...x...x...x."]
LEADS = [48, 52, 56, 65, 73, 80, 81, 11, 0, 26, 40, 71]
STEPS_PER_BEAT = 4
PROGRESSIONS = [[0, 4, 5, 3], [0, 3, 4, 4], [0, 5, 3, 4], [5, 3, 0, 4], [0, 3, 0, 4], [1, 4, 0, 0], [0, 5, 1, 4], [0, 3, 5, 4], [0, 0, 3, 4], [0, 6, 5, 4], [0, 2, 3, 4]]
# Bars after which another progression may follow.
PART_BARS = 8
QUIET = {"ballad": 0.35, "classical": 0, "ambientbeat": 0.3, "bossa": 0.2, "waltz": 0.5, "pop": 0.1, "country": 0.15, "jazz": 0.15}


def chord_tones(scale, degree, raises_dominant, has_seventh):
    """Semitones of a chord over the tonic; the dominant of minor is major where its third is raised."""
    steps = [0, 2, 4] + ([6] if has_seventh else [])
    tones = [scale[(degree + step) % 7] + 12 * ((degree + step) // 7) for step in steps]
    if raises_dominant and degree == 4:
        tones[1] += 1
    return tones


def chord_label(tones, tonic):
    """(root, quality); diminished chords have no label among major and minor."""
    third, fifth = tones[1] - tones[0], tones[2] - tones[0]
    if fifth != 7:
        return None
    return ((tonic + tones[0]) % 12, "min" if third == 3 else "maj")


def hits(rng, pattern):
    for step, mark in enumerate(pattern):
        if mark == "x" or mark == "o" or (mark == "?" and rng.random() < 0.5):
            yield step, (0.65 if mark == "o" else 1.0)


def fold(pitch, low):
    while pitch < low:
        pitch += 12
    while pitch >= low + 12:
        pitch -= 12
    return pitch


class Song:
    """What one song keeps throughout."""

    def __init__(self, rng, name, modulates, tables):
        style = tables.STYLES[name]
        self.rng, self.style, self.name, self.tables = rng, style, name, tables
        low, high = style["bpm"]
        self.bpm = rng.uniform(low * 0.96, high * 1.04)
        # Steps of a beat and of a bar.
        self.division = tables.STEPS_PER_BEAT
        self.grid = style.get("grid") or len(style["bass"][0])
        self.swing = rng.uniform(*style["swing"]) if "swing" in style else 0.0
        # How late every second step is, in steps: swung sixteenths.
        self.shuffle = rng.uniform(*style["shuffle"]) if "shuffle" in style else 0.0
        self.tonic, self.is_minor = rng.randrange(12), rng.random() < 0.5
        self.drums = {note: rng.choice(options) for note, options in style["drums"].items()}
        self.has_drums = bool(self.drums) and rng.random() >= style.get("quiet", QUIET.get(name, 0.03))
        self.bass, self.comp = rng.choice(style["bass"]), rng.choice(style["comp"])
        self.mix_in_common()
        self.bars_per_chord = rng.choice(style["bars_per_chord"])
        self.progression = rng.choice(PROGRESSIONS)
        if rng.random() < 0.3:
            self.progression = [0] + [rng.choice([0, 1, 3, 4, 5]) for _ in range(3)]
        self.programs = {0: rng.choice(style["basses"]), 1: rng.choice(style["comps"]), 2: rng.choice(style.get("leads", LEADS))}
        if rng.random() < 0.4:
            self.programs[3] = rng.choice(PADS)
        self.jitter = rng.choice([0.0, 0.003, 0.006, 0.01])
        self.is_arpeggiated = style.get("arpeggio", False) and rng.random() < 0.6 or (name in ("ballad", "pop", "trap") and rng.random() < 0.4)
        self.lead = [[step for step in range(0, self.grid, 2) if rng.random() < (0.55 if step % self.division == 0 else style.get("lead_quavers", 0.3))] for _ in range(2)]
        self.has_lead = rng.random() < 0.75
        self.drop_bars = rng.choice([0, 0, 0, 2, 4])
        self.modulates = modulates
        self.shift = rng.choice([1, 2, 3, 5, 7, -2, -3]) if modulates else 0
        self.notes, self.chords, self.keys = [], [], []
        self.scale, self.raises_dominant = MINOR if self.is_minor else MAJOR, True
        self.progressions = [self.progression]
        # Drawn last, so that the songs of the other composers stay as they are.
        if hasattr(tables, "draw_harmony"):
            tables.draw_harmony(self)

    def mix_in_common(self):
        rng, tables = self.rng, self.tables
        bars = self.grid / len(tables.COMMON_BASS[0])
        if bars != int(bars):
            return
        if self.drums and rng.random() < 0.5:
            for note in rng.sample(sorted(tables.COMMON_DRUMS), rng.choice([1, 1, 2])):
                self.drums[note] = rng.choice(tables.COMMON_DRUMS[note]) * int(bars)
        if rng.random() < 0.35:
            self.bass = rng.choice(tables.COMMON_BASS) * int(bars)
        if rng.random() < 0.35:
            self.comp = rng.choice(tables.COMMON_COMP) * int(bars)

    def time(self, bar, step):
        beat = 60.0 / self.bpm
        index = bar * self.grid + step
        late = self.swing * beat / 2 if step % self.division == 2 else 0.0
        late += self.shuffle * beat / self.division if step % 2 == 1 else 0.0
        return self.offset + index * beat / self.division + late

    def add(self, bar, step, steps, channel, pitch, velocity):
        start = self.time(bar, step) + self.rng.gauss(0, self.jitter)
        end = start + steps * 60.0 / self.division / self.bpm
        self.notes.append((start, end, channel, pitch, velocity + self.rng.gauss(0, 5)))


def write_bar(song, bar, tonic, mix):
    rng, grid = song.rng, song.grid
    scale, progression = song.scale, song.progressions[bar // PART_BARS % len(song.progressions)]
    halves = 2 if song.bars_per_chord == 0.5 else 1
    for half in range(halves):
        index = bar * 2 + half if halves == 2 else int(bar / song.bars_per_chord)
        degree = progression[index % len(progression)]
        tones = chord_tones(scale, degree, song.is_minor and song.raises_dominant, song.style.get("sevenths", False))
        first, last = half * grid // halves, (half + 1) * grid // halves
        song.chords.append((song.time(bar, first), song.time(bar, last), chord_label(tones, tonic)))
        write_bass(song, bar, tonic, tones, first, last, mix)
        write_comp(song, bar, tonic, tones, first, last, mix)
        if 3 in song.programs and mix["pad"]:
            for tone in tones:
                song.add(bar, first, last - first, 3, fold(tonic + tone, 58), mix["pad"])
        if song.has_lead and mix["lead"]:
            for step in song.lead[bar % 2]:
                if first <= step < last:
                    tone = rng.choice(tones) if step % song.division == 0 else scale[rng.randrange(7)]
                    song.add(bar, step, rng.choice([1, 2, 2, 4]), 2, fold(tonic + tone, 67) + 12 * (rng.random() < 0.2), mix["lead"])
    if song.has_drums and bar >= song.drop_bars:
        for note, pattern in song.drums.items():
            for step, weight in hits(rng, pattern):
                song.add(bar, step, 1, 9, note, mix["drums"] * weight * (1.0 if note in (KICK, SNARE, CLAP, RIM) else mix["hats"]))
        if bar % 4 == 3 and rng.random() < mix["fills"]:
            for step in range(grid - song.division, grid, song.division // 3):
                song.add(bar, step, 1, 9, rng.choice([SNARE, TOM, 47]), mix["drums"] * 0.9)


def write_bass(song, bar, tonic, tones, first, last, mix):
    rng = song.rng
    steps = [(step, weight) for step, weight in hits(rng, song.bass) if first <= step < last]
    if not steps and first and song.bars_per_chord == 0.5:
        steps = [(first, 1.0)]
    for order, (step, _) in enumerate(steps):
        pitch = tones[0]
        if song.style.get("walking"):
            pitch = tones[0] if step == first else rng.choice(tones + [tones[0] + 2, tones[-1] - 1])
        if song.style.get("alternate_bass") and step >= song.grid // 2:
            pitch = tones[2]
        elif order and rng.random() < 0.15:
            pitch = rng.choice([tones[2], tones[0] + 12])
        until = steps[order + 1][0] if order + 1 < len(steps) else last
        song.add(bar, step, (until - step) * 0.9, 0, fold(tonic + pitch, 33), mix["bass"])


def write_comp(song, bar, tonic, tones, first, last, mix):
    steps = [(step, weight) for step, weight in hits(song.rng, song.comp) if first <= step < last]
    for order, (step, weight) in enumerate(steps):
        until = steps[order + 1][0] if order + 1 < len(steps) else last
        chosen = [tones[(0, 2, 1, 2)[order % 4] % len(tones)]] if song.is_arpeggiated else tones
        for tone in chosen:
            song.add(bar, step, (until - step) * mix["length"], 1, fold(tonic + tone, 55), mix["comp"] * weight)


def make_song(rng, name, seconds, modulates, tables):
    """A song: notes, programs, beats, metre, key, chords and keys over time.

    `tables` is a module with styles and what is common to them: this one or `compound_styles`.
    """
    song = Song(rng, name, modulates, tables)
    song.offset = rng.uniform(0.05, 0.8)
    mix = {
        "drums": rng.uniform(75, 112), "hats": rng.uniform(0.5, 0.95), "bass": rng.uniform(70, 110), "comp": rng.uniform(50, 95),
        "lead": rng.uniform(60, 100), "pad": rng.uniform(40, 75), "fills": rng.choice([0.0, 0.3, 0.7]), "length": rng.choice([0.5, 0.8, 0.95, 1.0]),
    }
    beats_per_bar = song.grid // song.division
    bar_s = beats_per_bar * 60.0 / song.bpm
    bar_count = int((seconds - song.offset) / bar_s) + 1
    change = max(bar_count // 2 // 4 * 4, 2) if modulates else bar_count
    for bar in range(bar_count):
        tonic = song.tonic + (song.shift if bar >= change else 0)
        write_bar(song, bar, tonic % 12, mix)
    song.keys = [(0.0, song.tonic)]
    if modulates and change < bar_count:
        song.keys.append((song.time(change, 0), (song.tonic + song.shift) % 12))
    count = int((seconds - song.offset) * song.bpm / 60.0) + 1
    return {
        "notes": [note for note in song.notes if note[0] < seconds],
        "programs": song.programs,
        "beats": [song.offset + index * 60.0 / song.bpm for index in range(count)],
        "beats_per_bar": beats_per_bar,
        "tonic": song.tonic,
        "is_minor": song.is_minor,
        "style": name,
        "chords": song.chords,
        "keys": song.keys,
    }
