"""Random keyboard pieces as diminutions of a figured bass: four plain voices, each broken into quicker notes.

Beside `baroque_pieces`, whose player's timing they share. A chord stands on each beat or half bar; voices go to the nearest
note of the next one and fill the way with passing and neighbouring notes, broken chords, anticipations and suspensions, by
turns, so that the quick motion never stops. Nobody's work.
"""

from baroque_pieces import beat_times
from keyboard_pieces import MAJOR, MINOR, Player, raised, tone

PROGRAMS = [0, 0, 0, 0, 0, 0, 6, 19, 20, 48]
FOLLOWING = {0: [3, 4, 5, 1, 4, 3], 1: [4, 4, 6], 2: [5, 3], 3: [4, 0, 1, 4], 4: [0, 0, 5, 0], 5: [1, 3, 3], 6: [0]}


def plan_chords(rng, beat_count, bar):
    """Scale degree of the root and of the bass on each beat; full closes where phrases end, some broadened by a hemiola."""
    pace = rng.choice([1, 1, 2, 2, bar]) if bar != 3 else rng.choice([1, 2, 3, 3])
    phrase = bar * rng.choice([2, 4, 4, 8])
    roots, degree = [], 0
    is_hemiola = bar == 3 and rng.random() < 0.5
    for index in range(beat_count):
        left = phrase - index % phrase
        changes = index % bar % pace == 0
        if is_hemiola and left <= 6:
            changes = left % 2 == 0
        if index and changes:
            degree = rng.choice(FOLLOWING[degree])
        if left <= 2:
            degree = 4
        if index % phrase == 0:
            degree = 0
        roots.append(degree)
    inversion, basses = 0, []
    for index, root in enumerate(roots):
        if not index or roots[index - 1] != root:
            inversion = rng.choice([0, 0, 0, 2])
        basses.append(root + inversion)
    return roots, basses


def plain_voices(rng, roots, basses, count):
    """Degrees of each voice on each beat, moving as little as may be; the lowest has the bass."""
    homes = [-12, -3, 2, 8] if count == 4 else [-12, 0, 7] if count == 3 else [-10, 5]
    voices = [[] for _ in homes]
    for index, root in enumerate(roots):
        for rank, home in enumerate(homes):
            if rank == 0:
                options, wanted = [basses[index] + 7 * octave for octave in range(-4, 4)], home
            else:
                options = [root + step + 7 * octave for octave in range(-4, 5) for step in (0, 2, 4)]
                wanted = voices[rank][-1] if index else home
                wanted += (home - wanted) // 4 + rng.choice([-1, 0, 0, 1, 2])
            voices[rank].append(min(options, key=lambda option: (abs(option - wanted), option)))
    return voices


def way(rng, kind, here, following, parts, chord):
    """Degrees of the parts of a beat from one note to the next; `None` is a rest or goes on with what sounds."""
    if kind == "passing":
        return [here + round((following - here) * part / parts) if abs(following - here) >= 2 else here + (part % 2) * (1 if following >= here else -1) for part in range(parts)]
    if kind == "neighbour":
        sign = rng.choice([-1, 1])
        return [here + (sign if part % 2 else 0) for part in range(parts)]
    if kind == "broken":
        ladder = rng.choice([[0, 2, 4], [0, 4, 2], [0, -3, 2], [0, 7, 4], [0, -7, -3]])
        return [here if not part else chord + ladder[part % 3] + 7 * round((here - chord) / 7) for part in range(parts)]
    if kind == "scale":
        sign = 1 if following > here else -1
        return [here + sign * part for part in range(parts)]
    if kind == "anticipation":
        return [here] + [None] * (parts - 2) + [following]
    if kind == "late":
        return [None] + [here + (part % 2) for part in range(parts - 1)]
    return [here] + [None] * (parts - 1)


def diminish(rng, player, plan, voices):
    """Gives the quick motion to a voice in turn; the others move in halves of the beat, in beats, or hold."""
    bar, parts, count = plan["bar"], plan["parts"], len(voices)
    turn = rng.choice([1, 2, bar, bar, 2 * bar])
    quick = rng.sample(["passing", "neighbour", "broken", "scale", "late"], 2) + ["passing"]
    half = [kind for kind in ("passing", "broken", "plain", "anticipation", "late") if rng.random() < 0.6] or ["plain"]
    suspends, holds = rng.choice([0.0, 0.15, 0.4]), rng.choice([0.0, 0.5, 0.9])
    carriers = [rank for rank in range(count) if rank or rng.random() < 0.6]
    bass_pace, joint = rng.choice(["plain", "plain", "half", "hold"]), rng.random() < 0.25
    silent_head = rng.random() < 0.35
    sounding = [None] * count

    def stop(rank, until):
        if sounding[rank]:
            start, degree, chord = sounding[rank]
            player.add(start, until - start, plan["scale_tone"](degree, chord), bar, plan["boosts"][rank])
        sounding[rank] = None

    for index in range(plan["beat_count"] - 1):
        carrier = carriers[(index // turn) % len(carriers)]
        chord = plan["roots"][index]
        for rank in range(count):
            here, following = voices[rank][index], voices[rank][index + 1]
            pieces = parts
            if rank == carrier or joint and rank == carriers[-1]:
                kind = quick[(index // turn + index % max(turn, 1)) % 3]
                if silent_head and index % turn == 0:
                    kind = "late"
            elif rank == 0:
                kind, pieces = ("plain" if bass_pace != "half" else rng.choice(["passing", "broken", "plain"])), plan["halves"]
            else:
                kind, pieces = rng.choice(half), plan["halves"]
            is_held = sounding[rank] and sounding[rank][1] == here and (rng.random() < holds or rank == 0 and bass_pace == "hold")
            if rank and sounding[rank] and rank != carrier and rng.random() < suspends and plan["roots"][index - 1] != chord:
                # The note before is kept through the beat and resolved in its second half.
                middle = index + (plan["halves"] // 2 or 1) / plan["halves"]
                stop(rank, middle)
                sounding[rank] = (middle, here, chord)
                continue
            for part, degree in enumerate(way(rng, kind, here, following, pieces, chord)):
                at = index + part / pieces
                if degree is None:
                    if part == 0 and kind == "late" and rank == carrier:
                        stop(rank, at)
                    continue
                if part == 0 and is_held and rank != carrier:
                    continue
                stop(rank, at)
                sounding[rank] = (at, degree, chord)
    for rank in range(count):
        stop(rank, plan["beat_count"] - 1)


def make_piece(rng, seconds):
    """A piece: notes, programs, beats, metre, key and style."""
    parts = rng.choice([4, 4, 4, 4, 2, 3, 3, 6])
    is_compound = parts in (3, 6)
    bar = rng.choice([2, 4, 4, 3]) if is_compound else rng.choice([4, 4, 4, 3, 3, 2])
    bpm = 0.0
    while not (42.0 <= bpm <= 130.0 and 1.6 <= bpm / 60.0 * parts <= 9.0):
        bpm = 70.0 * 2 ** rng.gauss(0, 0.42)
    is_minor, tonic = rng.random() < 0.5, rng.randrange(12)
    scale, root = MINOR if is_minor else MAJOR, 60 + (tonic if tonic < 7 else tonic - 12)
    beats = beat_times(rng, bpm, seconds + 4, bar)
    roots, basses = plan_chords(rng, len(beats), bar)
    program, count = rng.choice(PROGRAMS), rng.choice([2, 3, 3, 4, 4])
    plan = {
        "bar": bar, "parts": parts, "halves": 3 if is_compound else 2, "beat_count": len(beats) - 1, "roots": roots,
        "scale_tone": lambda degree, chord: raised(tone(scale, root, degree), chord, root, is_minor),
        "boosts": [rng.choice([-8, 0, 4]) for _ in range(count)],
    }
    player = Player(rng, beats, program in (19, 20))
    diminish(rng, player, plan, plain_voices(rng, roots, basses, count))
    return {
        "notes": player.notes, "programs": {0: program}, "beats": [beat for beat in beats if beat < seconds],
        "beats_per_bar": bar, "tonic": tonic, "is_minor": is_minor, "chords": [],
        "style": f"diminution_{parts}" + ("_compound" if is_compound else ""),
    }
