"""Random keyboard pieces of another composer, kept out of every fit: what was learnt is judged on them.

Shares nothing with `keyboard_pieces` and `baroque_pieces`. Each voice has a rhythm of one or two bars, drawn slot by slot
by how strong a slot is and how much the voice cares; passages repeat it along the circle of fifths or step by step; then
new rhythms are drawn. The player follows a curve of tempo and of loudness, strikes chords unevenly and leads with the tune.
"""

import math

SCALES = {False: (0, 2, 4, 5, 7, 9, 11), True: (0, 2, 3, 5, 7, 8, 11)}
METRES = [(4, 4), (4, 4), (4, 4), (3, 4), (3, 4), (2, 4), (4, 2), (3, 2), (4, 3), (2, 3), (3, 3), (4, 6)]
SEQUENCES = [[0, 3, 6, 2, 5, 1, 4, 0], [0, 4, 5, 2, 3, 0, 3, 4], [0, 6, 5, 4, 3, 2, 1, 4], [0, 4, 0, 3, 1, 4, 0, 0], [0, 5, 3, 1, 6, 4, 2, 0]]


def strength(slot, division):
    """How strong a slot of the beat is: the beat 1, its half 0.5, the rest less."""
    if slot == 0:
        return 1.0
    if division % 2 == 0 and slot == division // 2:
        return 0.5
    return 0.25 if division != 4 or slot % 2 else 0.35


def draw_rhythm(rng, beats, division, density, care, period):
    """Slots that sound; repeats after `period` beats; a little is changed at the end."""
    hits = []
    for beat in range(beats):
        for slot in range(division):
            if beat >= period:
                hits.append(hits[len(hits) - period * division])
                continue
            weight = strength(slot, division)
            chance = density * (1 - care) + density * care * 2 * weight
            hits.append(rng.random() < chance)
    if not any(hits):
        hits[0] = True
    return hits


def tempo_curve(rng, bpm, seconds, bar):
    """Beats along a smooth curve: waves of two lengths, a slower end of every passage, and chance."""
    beats, at = [], rng.random() * 1.5 + 0.2
    waves = [(rng.uniform(6, 14), rng.uniform(0, 0.04), rng.uniform(0, 6.3)), (rng.uniform(18, 40), rng.uniform(0, 0.05), rng.uniform(0, 6.3))]
    close, passage, chance = rng.choice([0.0, 0.05, 0.12, 0.2]), bar * rng.choice([4, 4, 8]), rng.uniform(0.003, 0.02)
    while at < seconds:
        beats.append(at)
        index = len(beats)
        stretch = sum(depth * math.sin(index / length * 2 * math.pi + phase) for length, depth, phase in waves)
        stretch += close * max(0.0, 1 - (passage - 1 - (index - 1) % passage) / 2.0)
        at += 60.0 / bpm * (1 + stretch + rng.gauss(0, chance))
    return beats


def draw_voices(rng, division):
    """Densities, care for the beat and registers; one voice is as busy as the piece gets."""
    count = rng.choice([2, 2, 3, 3, 4])
    voices = []
    busiest = rng.randrange(count)
    for index in range(count):
        density = 0.95 if index == busiest and rng.random() < 0.7 else rng.choice([0.2, 0.3, 0.45, 0.7])
        home = 38 + index * (34 // max(count - 1, 1)) + rng.randint(-2, 2)
        voices.append({"density": density, "care": rng.choice([0.2, 0.5, 0.8, 1.0]) if index else rng.choice([0.6, 0.9, 1.0]),
                       "home": home, "lag": rng.choice([0, 0, 0, 1, division // 2]) * (index > 0), "is_chordal": index > 0 and rng.random() < 0.15,
                       "skips": rng.choice([0.1, 0.3, 0.9]), "holds": rng.choice([0.5, 0.9, 1.0])})
    return voices


def nearest(scale, root, degrees, pitch):
    options = [root + scale[degree % 7] + 12 * octave for degree in degrees for octave in range(-4, 6)]
    return min(options, key=lambda option: (abs(option - pitch), option))


def step_in_scale(scale, root, pitch, step):
    ladder = sorted(root + note + 12 * octave for note in scale for octave in range(-4, 6))
    at = min(range(len(ladder)), key=lambda index: abs(ladder[index] - pitch))
    return ladder[min(max(at + step, 0), len(ladder) - 1)]


def slot_events(rng, voices, beat_count, bar, division):
    """For every voice the slots that sound, passage by passage."""
    size = rng.choice([bar, bar, 2 * bar, 2]) if bar % 2 == 0 else rng.choice([bar, 2 * bar])
    passage = bar * rng.choice([2, 4, 4, 8])
    opening_rest = rng.choice([0, 0, 1, division // 2])
    events = []
    for rank, voice in enumerate(voices):
        hits = []
        while len(hits) < beat_count * division:
            rhythm = draw_rhythm(rng, size, division, voice["density"], voice["care"], rng.choice([1, 2, size]))
            if voice["lag"] and rng.random() < 0.7:
                rhythm = rhythm[-voice["lag"]:] + rhythm[: -voice["lag"]]
            part = (rhythm * (passage // size + 1))[: passage * division]
            if rng.random() < 0.5 and opening_rest:
                part[:opening_rest] = [False] * opening_rest
            hits += part
        if rng.random() < 0.35:
            silent = rank * bar * division
            hits[:silent] = [False] * silent
        events.append(hits[: beat_count * division])
    return events


def compose(rng, beats, bar, division, is_minor, tonic, pace):
    """Slots of notes: (voice, first slot, length in slots, pitch)."""
    scale, root = SCALES[is_minor], 48 + tonic
    beat_count = len(beats) - 1
    voices = draw_voices(rng, division)
    route = rng.choice(SEQUENCES)
    per_chord = max(int(rng.choice([0.5, 1, 1, 2]) * bar), 1) if pace < 1 else rng.choice([1, 1, 2])
    notes = []
    for index, (voice, hits) in enumerate(zip(voices, slot_events(rng, voices, beat_count, bar, division))):
        pitch, places = voice["home"], [slot for slot, hit in enumerate(hits) if hit]
        for place, following in zip(places, places[1:] + [beat_count * division]):
            chord = route[(place // division // per_chord) % len(route)]
            degrees = [chord, chord + 2, chord + 4]
            if index == 0 and place % (division * per_chord) == 0:
                degrees = [chord] if rng.random() < 0.8 else [chord + 2]
            move = rng.choice([-7, -5, 4, 5, 7]) if rng.random() < voice["skips"] * 0.5 else rng.choice([-3, -2, 2, 3])
            wanted = pitch + move - (pitch - voice["home"]) // 6
            is_chord_tone = rng.random() < 0.4 + 0.5 * strength(place % division, division) or voice["skips"] > 0.5
            pitch = nearest(scale, root, degrees, wanted) if is_chord_tone else step_in_scale(scale, root, pitch, 1 if move > 0 else -1)
            length = min(following - place, 2 * bar * division) * voice["holds"]
            notes.append((index, place, length, pitch))
            if voice["is_chordal"]:
                notes += [(index, place, length, nearest(scale, root, degrees, pitch - gap)) for gap in (4, 8)]
    return notes


def perform(rng, notes, beats, division):
    """Seconds and velocities: an arc of loudness, uneven hands, a tune that leads."""
    spread, lead = rng.uniform(0.002, 0.016), rng.choice([0.0, 0.008, 0.018])
    arc, loud = rng.uniform(4, 22), rng.uniform(55, 85)
    accent, highest = rng.choice([0, 0, 4, 9]), max(note[0] for note in notes)
    drag = {voice: rng.gauss(0, 0.006) for voice in range(highest + 1)}

    def when(slot):
        at = min(slot / division, len(beats) - 1.001)
        index = int(at)
        return beats[index] + (beats[index + 1] - beats[index]) * (at - index)

    played = []
    for voice, place, length, pitch in notes:
        start = when(place) + rng.gauss(0, spread) + drag[voice] - lead * (voice == highest)
        end = max(when(place + length), start + 0.06)
        velocity = loud + arc * math.sin(place / division / 9.0) + (pitch - 60) * 0.15 + rng.gauss(0, 5)
        velocity += accent * (place % division == 0)
        played.append((max(start, 0.0), end, 0, min(max(pitch, 28), 96), min(max(velocity, 22), 120)))
    return played


def make_piece(rng, seconds):
    """A piece: notes, programs, beats, metre, key and style."""
    bar, division = rng.choice(METRES)
    quickest = {2: 2, 3: 3, 4: 4, 6: 6}[division]
    bpm = 0.0
    while not 1.8 <= bpm / 60.0 * quickest <= 9.5:
        bpm = rng.lognormvariate(math.log(72.0), 0.32)
    is_minor, tonic = rng.random() < 0.5, rng.randrange(12)
    beats = tempo_curve(rng, bpm, seconds + 4, bar)
    notes = compose(rng, beats, bar, division, is_minor, tonic, rng.random() * 1.6)
    return {
        "notes": perform(rng, notes, beats, division), "programs": {0: 0}, "beats": [beat for beat in beats if beat < seconds],
        "beats_per_bar": bar, "tonic": tonic, "is_minor": is_minor, "chords": [],
        "style": f"sequence_{division}" + ("_compound" if division in (3, 6) else ""),
    }
