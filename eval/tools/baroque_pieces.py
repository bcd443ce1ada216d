"""Random keyboard pieces after what baroque writing does to beats: subjects that begin after a rest, suspensions
held over the beat, answers in other voices, bass notes under figures that rest, walking basses, syncopation, cadences.

Beside `keyboard_pieces`, whose player and harmony they share. A piece has few motives and keeps to them. No drums; human
timing; exact beats, the dotted note in compound time. Nobody's work.
"""

import math

from keyboard_pieces import MAJOR, MINOR, Player, plan_harmony, raised, tone

PROGRAMS = [0, 0, 0, 0, 0, 0, 0, 1, 6, 6, 19, 20, 48, 73]
TEXTURES = ["fugue", "fugue", "fugue", "invention", "broken", "broken", "perpetual", "trio", "chords", "aria"]
# Rhythms of one beat in simple time, in quarters of it; rests are negative, `0.5` are thirty-seconds.
QUICK = [[1, 1, 1, 1], [-1, 1, 1, 1], [2, 1, 1], [1, 1, 2], [1, 2, 1], [0.5, 0.5, 1, 1, 1]]
EVEN = [[2, 2], [2, 2], [-2, 2], [3, 1], [2, 1, 1], [-2, 1, 1], [-1, 1, 2]]
BROAD = [[4], [4], [2, 2], [-2, 2], [3, 1]]
# The same in compound time, in sixths.
QUICK_COMPOUND = [[1] * 6, [-1, 1, 1, 1, 1, 1], [2, 2, 2], [2, 2, 1, 1], [2, 1, 1, 2]]
EVEN_COMPOUND = [[2, 2, 2], [4, 2], [-2, 2, 2], [3, 1, 2], [-2, 4], [2, 4]]
BROAD_COMPOUND = [[6], [6], [4, 2], [-4, 2]]


def beat_times(rng, bpm, seconds, beats_per_bar):
    """Beats of a player who breathes at phrases, broadens cadences and lingers on some first beats."""
    times, at, slow, index = [], rng.uniform(0.2, 1.7), 0.0, 0
    wander, inertia = rng.choice([0.004, 0.01, 0.018, 0.03]), rng.choice([0.7, 0.9, 0.97])
    breath, agogic = rng.choice([0.0, 0.03, 0.08, 0.15]), rng.choice([0.0, 0.0, 0.02, 0.05])
    phrase = beats_per_bar * rng.choice([2, 3, 4, 4, 6])
    while at < seconds:
        times.append(at)
        slow = inertia * slow + rng.gauss(0, wander)
        left = phrase - index % phrase
        cadence = breath * max(0.0, 1.0 - (left - 1) / 2.5)
        linger = agogic if index % beats_per_bar == 0 else 0.0
        at += 60.0 / bpm * math.exp(slow + cadence + linger)
        index += 1
    return times


def motive(rng, beats, cells):
    """A motive: rhythms of its beats, and a step to each note."""
    kinds = [rng.choice(cells[rng.choice([0, 0, 1, 1, 2])]) for _ in range(beats)]
    steps = [rng.choice([-2, -1, -1, -1, 1, 1, 1, 2, rng.choice([-5, -4, -3, 3, 4])]) for _ in range(32)]
    return kinds, steps


class Voice:
    """One line: where it is, and what it holds."""

    def __init__(self, rng, player, plan, home):
        self.rng, self.player, self.plan, self.home, self.degree = rng, player, plan, home, home
        self.ties = rng.choice([0.0, 0.1, 0.25, 0.5]) * plan["tying"]
        self.held = None

    def near(self, chord, degree, steps=(0, 2, 4)):
        options = [chord + 7 * octave + step for octave in range(-5, 6) for step in steps]
        return min(options, key=lambda option: (abs(option - degree), option))

    def flush(self):
        if self.held:
            start, end, pitch, boost = self.held
            self.player.add(start, end - start, pitch, self.plan["beats_per_bar"], boost)
        self.held = None

    def note(self, start, length, step, is_free, boost=0):
        """Moves by a step; on the beat to a note of the chord unless the last note is tied over."""
        plan, rng = self.plan, self.rng
        beat = min(int(start + 1e-6), plan["beat_count"] - 1)
        is_on_beat = abs(start - round(start)) < 0.01
        chord = plan["degrees"][beat]
        if self.held and is_on_beat and not is_free and rng.random() < self.ties:
            # A suspension: held through the beat, resolved by step at the next note.
            before, _, pitch, loud = self.held
            self.held = (before, start + length, pitch, loud)
            return
        self.flush()
        self.degree += step
        if abs(self.degree - self.home) > 6:
            self.degree -= int(math.copysign(rng.choice([3, 5, 7]), self.degree - self.home))
        if is_on_beat and not is_free or rng.random() < 0.25:
            self.degree = self.near(chord, self.degree)
        self.held = (start, start + length, plan["scale_tone"](self.degree, chord), boost)

    def rest(self):
        self.flush()

    def line(self, at, rhythm, steps, count, unit, is_free=False, boost=0):
        """Plays one beat's rhythm; tells how many notes of the motive are used."""
        position = float(at)
        for quarters in rhythm:
            if quarters < 0:
                self.rest()
            else:
                self.note(position, quarters / unit, steps[count % len(steps)], is_free, boost)
                count += 1
            position += abs(quarters) / unit
        return count


def cells_of(plan):
    if plan["is_compound"]:
        return QUICK_COMPOUND, EVEN_COMPOUND, BROAD_COMPOUND
    return QUICK, EVEN, BROAD


def homes(count):
    return {1: [0], 2: [-8, 4], 3: [-12, -2, 6], 4: [-14, -6, 1, 8]}[count]


def complement(rng, rhythm, unit):
    """A rhythm that moves where the other one rests or holds."""
    longest = max(abs(part) for part in rhythm)
    half = unit // 2 if unit == 4 else 2
    if longest >= half * 2 and rng.random() < 0.8:
        return rng.choice([[1] * unit, [half] * (unit // half), [-1] + [1] * (unit - 1)])
    if len(rhythm) >= 4:
        return rng.choice([[unit], [half] * (unit // half), [-half, unit - half]])
    return rng.choice([[unit], [half] * (unit // half), [1] * unit])


def fugue(rng, player, plan):
    """Voices enter one by one with a subject; what goes against it is made from two rhythms, one of them often syncopated."""
    unit, cells, bar = plan["unit"], cells_of(plan), plan["beats_per_bar"]
    if plan["is_stately"]:
        cells = (cells[1], cells[1], cells[2])
    count = rng.choice([2, 3, 3, 4, 4])
    length = bar * rng.choice([1, 1, 2, 2, 3])
    rhythms, steps = motive(rng, length, cells)
    # Where in the bar and how far behind the beat the subject begins.
    head, shift = rng.choice([0, 0, 1, 2, 2, 3]), rng.choice([0, 0, 0, bar // 2, 1])
    head = head * unit // 4
    counter, counter_steps = motive(rng, rng.choice([1, 2, length]), (cells[0], cells[1], cells[2]))
    syncopation = rng.choice([0.0, 0.0, 0.2, 0.6])
    voices = [Voice(rng, player, plan, home) for home in homes(count)]
    order = rng.sample(range(count), count)
    spacing = length if rng.random() < 0.75 else max(length // 2, 1)
    entered = rng.choice([1, 1, 2, count])
    used = [0] * count
    carrier, begun = 0, shift - spacing * (entered - 1)
    for at in range(plan["beat_count"]):
        if at >= shift and (at - shift) % spacing == 0:
            carrier = (at - shift) // spacing + entered - 1
            begun, used = at, [0] * count
        is_episode = carrier >= count and (carrier // 2) % 2 == 0 and plan["has_episodes"]
        subject_rhythm = rhythms[(at - begun) % length]
        for rank, index in enumerate(order):
            voice = voices[index]
            if rank > carrier:
                continue
            if rank == carrier % count and not is_episode and at >= shift:
                rhythm = list(subject_rhythm)
                if at == begun and head:
                    rhythm = [-head] + ([unit - head] if rng.random() < 0.5 and head > 1 else [1] * (unit - head))
                used[index] = voice.line(at, rhythm, steps, used[index], unit, is_free=True, boost=plan["subject_boost"])
            else:
                rhythm = counter[(at + rank) % len(counter)]
                if rank % 2 or rng.random() < 0.3:
                    rhythm = complement(rng, subject_rhythm, unit)
                if index == 0 and plan["bass_walks"]:
                    rhythm = [unit // 2] * 2 if unit == 4 else [2, 2, 2]
                if rng.random() < syncopation * (index > 0) and unit == 4:
                    rhythm = rng.choice([[2, 2], [-2, 2], [1, 2, 1]])
                used[index] = voice.line(at, rhythm, counter_steps, used[index] + index, unit)
    for voice in voices:
        voice.flush()


def invention(rng, player, plan):
    """Two hands throw one motive to and fro, often begun after a short rest, over quieter notes."""
    unit, cells, bar = plan["unit"], cells_of(plan), plan["beats_per_bar"]
    size = rng.choice([1, 2, 2, bar])
    rhythms, steps = motive(rng, size, (cells[0], cells[0], cells[1]))
    if rng.random() < 0.5:
        rhythms[0] = [-1] + [1] * (unit - 1)
    calm = rng.choice([[unit], [unit // 2] * 2 if unit == 4 else [2, 2, 2], [unit // 2, -unit // 2], [-unit // 2, unit // 2]])
    lag = rng.choice([size, size, max(size // 2, 1)])
    voices = [Voice(rng, player, plan, home) for home in homes(2)]
    used, both = [0, 0], rng.random() < 0.2
    for at in range(plan["beat_count"]):
        turn = (at // lag) % 2
        for index, voice in enumerate(voices):
            has_motive = turn == index or both
            if at % lag == 0:
                used[index] = 0
            rhythm = rhythms[at % size] if has_motive else calm
            used[index] = voice.line(at, rhythm, steps, used[index], unit, is_free=has_motive and rng.random() < 0.5)
    for voice in voices:
        voice.flush()


def broken(rng, player, plan):
    """Broken chords: one figure per half bar or beat, its first notes often left to the bass."""
    unit, bar = plan["slots"], plan["beats_per_bar"]
    span = rng.choice([1, 1, 2, 2, bar]) if bar % 2 == 0 else rng.choice([1, bar])
    total = unit * span
    figure = [rng.choice([0, 2, 4, 7, 9, 11]) for _ in range(total)]
    if rng.random() < 0.6:
        ladder = rng.choice([[0, 2, 4, 7], [0, 4, 2, 4], [7, 4, 2, 0], [0, 2, 4, 2], [0, 4, 7, 9], [4, 0, 2, 4]])
        figure = [ladder[index % len(ladder)] for index in range(total)]
    rests = rng.choice([(), (), (0,), (0,), (0, 1), (0, unit) if span > 1 else (0,), (unit // 2,)])
    # Bass notes: how long, from where, and what answers them.
    bass_every = rng.choice([1, 2, span, span, bar])
    bass_length = rng.choice([1 / unit, 0.5, 1.0, bass_every, bass_every])
    tenor = rng.choice([None, None, 1, 2, unit // 2])
    bass_late = rng.random() < 0.12
    split = rng.choice([0, 0, unit // 2, total // 2])
    melody = rng.random() < 0.3
    for at in range(plan["beat_count"]):
        chord = plan["degrees"][at]
        if at % bass_every == 0:
            begin = at + (1 / unit if bass_late else 0.0)
            player.add(begin, bass_length, plan["tone"](chord, -14), bar, plan["bass_boost"])
            if tenor:
                player.add(at + tenor / unit, max(bass_every - tenor / unit, 0.3), plan["tone"](chord, -3), bar)
        if melody and rng.random() < 0.4:
            player.add(at + rng.choice([0, 0, 0.5]), rng.choice([0.5, 1, 2]), plan["tone"](chord, rng.choice([9, 11, 14])), bar, 6)
        for slot in range(unit):
            place = (at % span) * unit + slot
            if place in rests:
                continue
            octave = -7 if split and place < split else 0
            player.add(at + slot / unit, 1 / unit, plan["tone"](chord, figure[place] + octave), bar)


def perpetual(rng, player, plan):
    """Running notes in one hand; the other strikes short notes, on beats, between them or seldom."""
    unit, bar = plan["slots"], plan["beats_per_bar"]
    runner = Voice(rng, player, plan, rng.choice([-8, 4, 4]))
    other = Voice(rng, player, plan, 6 if runner.home < 0 else -12)
    turn = rng.choice([3, 4, 5, 7, 8])
    pattern = [rng.choice([-1, 1, 1, 2, -2, -3, 4]) for _ in range(rng.choice([unit, unit * 2, unit * bar]))]
    rests_first = rng.random() < 0.25
    strikes = rng.choice([(0.0,), (0.0,), (0.5,), (0.0, 0.5), (0.5,), (0.0,)])
    bars = [rng.random() < 0.75 for _ in range(bar)]
    bars[0] = True
    chordal = rng.choice([1, 1, 2, 3])
    count = 0
    for at in range(plan["beat_count"]):
        for slot in range(unit):
            if slot == 0 and rests_first:
                runner.rest()
                continue
            step = pattern[count % len(pattern)] if rng.random() < 0.95 else rng.choice([-turn, turn])
            runner.note(at + slot / unit, 1 / unit, step, slot > 0)
            count += 1
        for strike in strikes:
            if bars[at % bar]:
                for part in range(chordal):
                    chord = plan["degrees"][at]
                    player.add(at + strike, rng.choice([0.25, 0.5]), plan["scale_tone"](other.near(chord, other.home + 2 * part), chord), bar)
    runner.flush()


def trio(rng, player, plan):
    """Two upper voices with suspensions over a bass that walks in eighths or beats."""
    unit, bar = plan["unit"], plan["beats_per_bar"]
    cells = cells_of(plan)
    bass = Voice(rng, player, plan, -12)
    uppers = [Voice(rng, player, plan, home) for home in (2, 7)]
    for voice in uppers:
        voice.ties = rng.choice([0.3, 0.6, 0.8])
    pace = rng.choice([[unit // 2] * 2 if unit == 4 else [2, 2, 2], [unit], [unit // 2] * 2 if unit == 4 else [2, 2, 2]])
    bass_steps = [rng.choice([-1, -1, 1, 1, 1, -2, 3, -4, 7, -7]) for _ in range(16)]
    rhythms, steps = motive(rng, 2, (cells[1], cells[2], cells[1]))
    used = 0
    for at in range(plan["beat_count"]):
        used = bass.line(at, pace, bass_steps, used, unit)
        for index, voice in enumerate(uppers):
            voice.line(at, rhythms[(at + index) % 2], steps, at + index, unit)
    for voice in [bass, *uppers]:
        voice.flush()


def chords(rng, player, plan):
    """Chords repeated in eighths or beats under a tune, or handed on between low and high."""
    bar, parts = plan["beats_per_bar"], rng.choice([1, 2, 2, 3 if plan["is_compound"] else 2])
    bass_kind = rng.choice(["beat", "bar", "late", "pulse"])
    tune = Voice(rng, player, plan, 9)
    cells = cells_of(plan)
    rhythms, steps = motive(rng, bar, (cells[1], cells[1], cells[2]))
    rests = rng.choice([(), (), (0,)]) if parts > 1 else ()
    size = rng.choice([2, 3, 3])
    for at in range(plan["beat_count"]):
        chord = plan["degrees"][at]
        tune.line(at, rhythms[at % bar], steps, at, plan["unit"], boost=6)
        for part in range(parts):
            if part in rests:
                continue
            for step in (0, 2, 4)[:size]:
                player.add(at + part / parts, 0.9 / parts, plan["tone"](chord, step), bar, -4)
        if bass_kind == "beat" or bass_kind == "bar" and at % bar == 0:
            player.add(at, 1.0 if bass_kind == "beat" else bar, plan["tone"](chord, -14), bar, plan["bass_boost"])
        elif bass_kind == "late":
            player.add(at + 0.5, 0.5, plan["tone"](chord, -14), bar)
        elif bass_kind == "pulse":
            for part in range(parts):
                player.add(at + part / parts, 0.9 / parts, plan["tone"](chord, -14), bar)
    tune.flush()


def aria(rng, player, plan):
    """A slow tune with ornaments in quick notes over a bass in even notes."""
    unit, bar = plan["unit"], plan["beats_per_bar"]
    cells = cells_of(plan)
    tune, middle, bass = Voice(rng, player, plan, 7), Voice(rng, player, plan, 0), Voice(rng, player, plan, -12)
    half = [unit // 2] * 2 if unit == 4 else [2, 2, 2]
    bass_rhythm = rng.choice([half, [unit], half, [-half[0]] + half[1:]])
    middle_rhythm = rng.choice([None, [unit], [-half[0]] + half[1:], half])
    busy = rng.choice([0.2, 0.5, 0.7])
    steps = [rng.choice([-2, -1, -1, 1, 1, 2, 4]) for _ in range(24)]
    for at in range(plan["beat_count"]):
        pool = cells[0] + [[0.5] * 8] * (unit == 4) if rng.random() < busy else cells[rng.choice([1, 1, 2])]
        tune.line(at, rng.choice(pool), steps, at * 3, unit, boost=6)
        bass.line(at, bass_rhythm, steps, at, unit)
        if middle_rhythm:
            middle.line(at, middle_rhythm, steps, at + 5, unit)
    for voice in (tune, middle, bass):
        voice.flush()


COMPOSERS = {"fugue": fugue, "invention": invention, "broken": broken, "perpetual": perpetual, "trio": trio, "chords": chords, "aria": aria}


def draw_tempo(rng, texture, is_compound, is_stately, slots):
    quickest = 3 if is_compound else 2 if is_stately or texture in ("trio", "chords") else slots if texture in ("broken", "perpetual") else 4
    centre = 62.0 if texture == "aria" else 74.0
    bpm = 0.0
    while not (40.0 <= bpm <= 160.0 and 1.4 <= bpm / 60.0 * quickest <= 9.5):
        bpm = centre * 2 ** rng.gauss(0, 0.45)
    return rng.uniform(110.0, 205.0) if is_compound and rng.random() < 0.12 else bpm


def make_piece(rng, seconds):
    """A piece: notes, programs, beats, bpm, metre, key and style."""
    texture = rng.choice(TEXTURES)
    is_compound = rng.random() < 0.2
    is_stately = texture == "fugue" and rng.random() < 0.25
    slots = 3 if is_compound else rng.choice([4, 4, 4, 4, 2, 3, 6])
    bpm = draw_tempo(rng, texture, is_compound, is_stately, slots)
    beats_per_bar = rng.choice([2, 4, 4, 3]) if is_compound else rng.choice([4, 4, 4, 3, 3, 2])
    is_minor, tonic = rng.random() < 0.5, rng.randrange(12)
    scale = MINOR if is_minor else MAJOR
    beats = beat_times(rng, bpm, seconds + 4, beats_per_bar)
    degrees, step = plan_harmony(rng, len(beats), beats_per_bar, is_minor, "chorale" if rng.random() < 0.4 else texture)
    root = 60 + (tonic if tonic < 7 else tonic - 12)
    program = rng.choice(PROGRAMS)

    def scale_tone(degree, chord):
        return raised(tone(scale, root, degree), chord, root, is_minor)

    plan = {
        "degrees": degrees, "step": step, "slots": slots, "unit": 6 if is_compound else 4, "beats_per_bar": beats_per_bar,
        "beat_count": len(beats) - 1, "is_compound": is_compound, "is_stately": is_stately, "scale_tone": scale_tone,
        "tone": lambda degree, step: scale_tone(degree + step, degree), "tying": rng.choice([0, 1, 1]),
        "has_episodes": rng.random() < 0.6, "bass_walks": rng.random() < 0.2, "subject_boost": rng.choice([0, 4, 8]),
        "bass_boost": rng.choice([-6, 0, 4]),
    }
    player = Player(rng, beats, program in (19, 20))
    COMPOSERS[texture](rng, player, plan)
    style = texture + ("_compound" if is_compound else "_stately" if is_stately else "")
    return {
        "notes": player.notes, "programs": {0: program}, "beats": [beat for beat in beats if beat < seconds],
        "beats_per_bar": beats_per_bar, "tonic": tonic, "is_minor": is_minor, "style": style, "chords": [],
    }
