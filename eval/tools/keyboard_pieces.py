"""Random keyboard pieces after baroque habits: figured preludes, counterpoint, chorales and dances.

No drums; human timing; exact beats. The beat is the time signature's: the dotted note in compound
time. Nobody's work.
"""

import math

MAJOR, MINOR = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]
PROGRAMS = [0, 0, 0, 0, 48, 48, 48, 19, 19, 19, 6, 1, 20, 24, 46, 40, 73, 49]
TEXTURES = ["prelude", "prelude", "counterpoint", "counterpoint", "counterpoint", "chorale", "dance"]
# Cells of one simple beat, in quarters of it; lengths sum to 4, rests are negative.
FAST = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [-1, 1, 1, 1]]
MEDIUM = [[2, 2], [2, 1, 1], [1, 1, 2], [3, 1], [2, 2], [-2, 2], [-2, 1, 1]]
SLOW = [[4], [4], [4], [2, 2], [3, 1]]
# Cells of one compound beat, in sixths; lengths sum to 6.
FAST_COMPOUND = [[2, 2, 2], [2, 2, 2], [1, 1, 1, 1, 1, 1], [-2, 2, 2]]
MEDIUM_COMPOUND = [[4, 2], [2, 2, 2], [3, 1, 2], [2, 1, 1, 2], [-2, 2, 2]]
SLOW_COMPOUND = [[6], [6], [4, 2]]


def beat_times(rng, bpm, seconds, beats_per_bar):
    """Beats of a human player: slow drift, breathing phrases, a little jitter."""
    times, at, drift, index = [], rng.uniform(0.3, 1.5), 0.0, 0
    wander = rng.choice([0.0, 0.006, 0.012, 0.02, 0.03])
    breath = rng.choice([0.0, 0.0, 0.03, 0.08, 0.15])
    phrase = beats_per_bar * rng.choice([2, 4, 4, 8])
    while at < seconds:
        times.append(at)
        drift = 0.92 * drift + rng.gauss(0, wander)
        left = phrase - index % phrase
        slow = breath * max(0.0, 1.0 - (left - 1) / 3.0)
        at += 60.0 / bpm * math.exp(drift + slow)
        index += 1
    return times


def plan_harmony(rng, beat_count, beats_per_bar, is_minor, texture):
    """Scale degree of the chord on each beat, and beats per chord."""
    if texture == "chorale":
        step = rng.choice([1, 1, 2])
    else:
        step = rng.choice([1, 2, beats_per_bar, beats_per_bar, beats_per_bar])
    degrees, degree = [], 0
    following = {0: [3, 4, 5, 1, 4], 1: [4, 4, 6], 2: [5, 3], 3: [4, 0, 1], 4: [0, 0, 5], 5: [1, 3, 4], 6: [0]}
    for index in range(beat_count):
        if index and index % step == 0:
            degree = rng.choice(following[degree])
            if index % (8 * beats_per_bar) == 0:
                degree = 0
        degrees.append(degree)
    return degrees, step


def tone(scale, tonic, degree):
    return tonic + scale[degree % 7] + 12 * (degree // 7)


def raised(pitch, chord_degree, tonic, is_minor):
    """Raises the seventh in dominant chords of minor."""
    return pitch + 1 if is_minor and chord_degree in (4, 6) and (pitch - tonic) % 12 == 10 else pitch


class Player:
    """Places notes between beats with human spread."""

    def __init__(self, rng, beats, is_organ):
        self.rng, self.beats, self.notes = rng, beats, []
        self.spread = rng.uniform(0.002, 0.018)
        self.legato = rng.choice([0.55, 0.8, 0.95, 1.05])
        self.accent = 0 if is_organ else rng.choice([0, 3, 6, 10])
        self.level = rng.randint(58, 82)
        # Players lean on long notes and on the upper voice rather than on beats.
        self.lean, self.rise = rng.choice([0, 2, 4]), rng.choice([0.0, 0.2, 0.4])
        self.trills = rng.choice([0.0, 0.0, 0.1, 0.25])

    def time(self, position):
        index = min(int(position), len(self.beats) - 2)
        return self.beats[index] + (self.beats[index + 1] - self.beats[index]) * (position - index)

    def add(self, position, length, pitch, beats_per_bar, boost=0):
        if position + 0.01 >= len(self.beats) - 1:
            return
        start = self.time(position) + self.rng.gauss(0, self.spread)
        end = start + (self.time(position + length) - self.time(position)) * self.legato
        on_beat = abs(position - round(position)) < 0.01
        on_bar = on_beat and round(position) % beats_per_bar == 0
        velocity = self.level + boost + self.accent * (on_beat + on_bar) + self.rng.gauss(0, 6)
        velocity += self.lean * min(max(math.log2(length / 0.5), -1.0), 2.0) + self.rise * (pitch - 60)
        velocity = min(max(velocity, 25), 118)
        if length >= 0.75 and self.rng.random() < self.trills:
            start = self.trill(start, end, pitch, velocity)
        self.notes.append((max(start, 0.0), end, 0, pitch, velocity))

    def trill(self, start, end, pitch, velocity):
        """Ornaments the first part of a note, from the note above; tells where the rest begins."""
        step, until = 1.0 / self.rng.uniform(9.0, 13.0), start + (end - start) * self.rng.choice([0.25, 0.5, 0.75])
        neighbour = pitch + self.rng.choice([1, 2])
        while start + 2 * step < until:
            self.notes.append((max(start, 0.0), start + step, 0, neighbour, velocity - 6))
            self.notes.append((max(start + step, 0.0), start + 2 * step, 0, pitch, velocity - 6))
            start += 2 * step
        return start


def figuration(rng, count):
    """Steps over the chord's root: arpeggios up, around or against a pedal, runs, or free."""
    kind = rng.choice(["up", "around", "pedal", "run", "free", "free"])
    if kind == "up":
        return [[0, 2, 4, 7, 9, 11][index % 6] for index in range(count)]
    if kind == "around":
        rise = [0, 2, 4, 7, 9][: rng.choice([3, 4, 5])]
        wheel = rise + rise[-2:0:-1]
        return [wheel[index % len(wheel)] for index in range(count)]
    if kind == "pedal":
        return [rng.choice([2, 4, 7, 9]) if index % 2 else 0 for index in range(count)]
    if kind == "run":
        start, sign = rng.choice([0, 4, 7]), rng.choice([-1, 1])
        return [start + sign * index if index < 8 else start for index in range(count)]
    figure = [rng.choice([0, 2, 4, 7, 9, 11]) for _ in range(count)]
    if rng.random() < 0.6:
        figure[0] = 0
    return figure


def prelude(rng, player, plan):
    """One figure over changing chords; a bass that is held or repeated."""
    slots, beats_per_bar = plan["slots"], plan["beats_per_bar"]
    # The figure spans one or two beats or a bar and is kept throughout.
    span = rng.choice([1, 2 if beats_per_bar % 2 == 0 else beats_per_bar, beats_per_bar])
    figure = figuration(rng, slots * span)
    rests = rng.choice([set(), set(), {0}, {0}, {0, 2} if slots == 4 else {0}])
    if rng.random() < 0.3:
        figure = [step + (index % 2) * rng.choice([-1, 0, 1]) for index, step in enumerate(figure)]
    bass_length = rng.choice([1, 2, span, plan["step"], beats_per_bar])
    has_tenor = rng.random() < 0.4
    for index in range(plan["beat_count"]):
        degree = plan["degrees"][index]
        if index % bass_length == 0:
            player.add(index, bass_length, plan["tone"](degree, -14), beats_per_bar, 4)
            if has_tenor:
                player.add(index + 1 / slots, bass_length - 1 / slots, plan["tone"](degree, -3), beats_per_bar)
        for slot in range(slots):
            if slot in rests:
                continue
            step = figure[(index % span) * slots + slot]
            player.add(index + slot / slots, 1 / slots, plan["tone"](degree, step), beats_per_bar)


def counterpoint(rng, player, plan):
    """Voices that enter one by one with a subject and share the motion between them."""
    compound, beats_per_bar = plan["is_compound"], plan["beats_per_bar"]
    cells = (FAST_COMPOUND, MEDIUM_COMPOUND, SLOW_COMPOUND) if compound else (FAST, MEDIUM, SLOW)
    if plan["is_stately"]:
        cells = (cells[1], cells[1], cells[2])
    unit = 6 if compound else 4
    voices = rng.choice([2, 3, 3, 4])
    length = beats_per_bar * rng.choice([1, 2, 2])
    subject = [rng.choice(rng.choice(cells)) for _ in range(length)]
    contour = [rng.choice([-2, -1, -1, 1, 1, 2]) for _ in range(64)]
    # Subjects often begin after a rest on the beat, and dissonances are held over beats.
    head_rest = rng.choice([0, 0, unit // 4, unit // 2, unit // 2])
    ties = rng.choice([0.05, 0.12, 0.3])
    # The quick notes pass from voice to voice, or every voice moves as it likes.
    is_relay = rng.random() < 0.5
    order = rng.sample(range(voices), voices)
    is_bass_calm = rng.random() < 0.6
    # How many voices have entered when the excerpt begins.
    entered = rng.choice([1, 1, voices])
    busy = [rng.randrange(voices) for _ in range(plan["beat_count"])]
    for rank, voice in enumerate(order):
        at, degree = max(rank - entered + 1, 0) * length, 7 * (voice - voices // 2)
        count, held = 0, None
        while at < plan["beat_count"]:
            block = (at // length) % max(voices + 1, 3)
            has_subject = block == rank % (voices + 1)
            kinds = [1, 2, 2, 2] if voice == 0 and is_bass_calm else [0, 1, 1, 2, 2]
            if is_relay:
                kinds = [0] if busy[at] == voice else [1, 2, 2]
            cell = subject[at % length] if has_subject else rng.choice(cells[rng.choice(kinds)])
            position = float(at)
            silent_until = at + (head_rest / unit if has_subject and at % length == 0 else 0.0)
            for offset, quarters in enumerate(cell):
                start, position = position, position + abs(quarters) / unit
                if quarters < 0 or start < silent_until - 0.01:
                    continue
                chord = plan["degrees"][min(int(at), plan["beat_count"] - 1)]
                degree += contour[(count if has_subject else count * 7 + voice) % 64]
                home = 7 * (voice - voices // 2) + 3
                if abs(degree - home) > 6:
                    degree -= int(math.copysign(rng.choice([2, 4]), degree - home))
                target = degree
                # Consonance on the beat, passing notes between.
                if offset == 0 or (start * 2) % 1 == 0 and count % 3:
                    target = min((chord + 7 * octave + step for octave in range(-4, 5) for step in (0, 2, 4)), key=lambda near: abs(near - degree))
                    if voice == 0 and offset == 0 and plan["degrees"][max(int(at) - 1, 0)] != chord:
                        target = min((chord + 7 * octave for octave in range(-4, 5)), key=lambda near: abs(near - degree))
                    degree = target
                count += 1
                if held:
                    # The note before lasts on through the place of this one.
                    player.add(held[0], position - held[0], held[1], beats_per_bar)
                    held = None
                    continue
                pitch = plan["scale_tone"](target, chord)
                if offset == len(cell) - 1 and not has_subject and len(cell) > 1 and rng.random() < ties:
                    held = (start, pitch)
                else:
                    player.add(start, abs(quarters) / unit, pitch, beats_per_bar)
            at += 1


def chorale(rng, player, plan):
    """Four voices in beats with passing notes."""
    passing = rng.choice([0.2, 0.4, 0.6])
    half = rng.choice([0.0, 0.2])
    for index in range(plan["beat_count"]):
        degree = plan["degrees"][index]
        for voice, step in enumerate(rng.choice([[-14, -3, 2, 7], [-14, 0, 4, 9], [-12, -3, 4, 7]])):
            if rng.random() < half:
                continue
            pitch = plan["tone"](degree, step)
            if rng.random() < passing / 2:
                player.add(index, 0.5, pitch, plan["beats_per_bar"])
                player.add(index + 0.5, 0.5, plan["scale_tone"](degree + step + 1, degree), plan["beats_per_bar"])
            else:
                player.add(index, 1.0, pitch, plan["beats_per_bar"])


def dance(rng, player, plan):
    """A tune over a walking or broken bass."""
    compound, beats_per_bar = plan["is_compound"], plan["beats_per_bar"]
    cells = (FAST_COMPOUND, MEDIUM_COMPOUND, SLOW_COMPOUND) if compound else (FAST, MEDIUM, SLOW)
    unit = 6 if compound else 4
    bar = [rng.choice(cells[rng.choice([0, 0, 1, 1, 2])]) for _ in range(beats_per_bar)]
    bass = rng.choice(["walk", "walk", "eighths", "bar"])
    degree = 4
    for index in range(plan["beat_count"]):
        chord = plan["degrees"][index]
        cell = bar[index % beats_per_bar] if rng.random() < 0.7 else rng.choice(cells[1])
        position = float(index)
        for quarters in cell:
            degree += rng.choice([-2, -1, -1, 1, 1, 2])
            degree = min(max(degree, -1), 12)
            if quarters > 0:
                player.add(position, quarters / unit, plan["scale_tone"](degree, chord), beats_per_bar, 4)
            position += abs(quarters) / unit
        if bass == "bar":
            if index % beats_per_bar == 0:
                player.add(index, beats_per_bar, plan["tone"](chord, -14), beats_per_bar)
        elif bass == "walk":
            player.add(index, 1.0, plan["tone"](chord, rng.choice([-14, -14, -12, -10])), beats_per_bar)
        else:
            parts = 3 if compound else 2
            for part in range(parts):
                step = rng.choice([-14, -12, -10, -7])
                player.add(index + part / parts, 1 / parts, plan["tone"](chord, step), beats_per_bar)


def make_piece(rng, seconds):
    """A piece: notes, programs, beats, bpm, metre, key and style."""
    texture = rng.choice(TEXTURES)
    is_compound = texture != "chorale" and rng.random() < 0.25
    is_stately = texture == "counterpoint" and rng.random() < 0.25
    slots = 3 if is_compound else rng.choice([2, 4, 4, 4, 4, 3])
    # Players settle near a walking pace, and the quickest notes must stay playable and audible.
    quickest = 3 if is_compound or texture == "prelude" and slots == 3 else 2 if is_stately or texture == "chorale" else slots if texture == "prelude" else 4
    bpm = 0.0
    while not (42.0 <= bpm <= 150.0 and 1.4 <= bpm / 60.0 * quickest <= 9.0):
        bpm = 74.0 * 2 ** rng.gauss(0, 0.45)
    if is_compound and rng.random() < 0.1:
        bpm = rng.uniform(120.0, 205.0)
    beats_per_bar = rng.choice([2, 4, 4]) if is_compound else rng.choice([4, 4, 4, 3, 3, 2])
    is_minor, tonic = rng.random() < 0.5, rng.randrange(12)
    scale = MINOR if is_minor else MAJOR
    beats = beat_times(rng, bpm, seconds + 4, beats_per_bar)
    degrees, step = plan_harmony(rng, len(beats), beats_per_bar, is_minor, texture)
    root = 60 + (tonic if tonic < 7 else tonic - 12)
    program = rng.choice(PROGRAMS)

    def scale_tone(degree, chord):
        return raised(tone(scale, root, degree), chord, root, is_minor)

    plan = {
        "degrees": degrees,
        "step": step,
        "slots": slots,
        "beats_per_bar": beats_per_bar,
        "beat_count": len(beats) - 1,
        "is_compound": is_compound,
        "is_stately": is_stately,
        "scale_tone": scale_tone,
        "tone": lambda degree, step: scale_tone(degree + step, degree),
    }
    player = Player(rng, beats, program in (19, 20))
    {"prelude": prelude, "counterpoint": counterpoint, "chorale": chorale, "dance": dance}[texture](rng, player, plan)
    beats = [beat for beat in beats if beat < seconds]
    style = texture + ("_compound" if is_compound else "_stately" if is_stately else "")
    return {
        "notes": player.notes,
        "programs": {0: program},
        "beats": beats,
        "beats_per_bar": beats_per_bar,
        "tonic": tonic,
        "is_minor": is_minor,
        "style": style,
        "chords": [],
    }
