"""The styles of `band_styles` over harmony that puts the key in doubt. Nobody's work.

Progressions are drawn as a chain over degrees or from loops that many songs share, begin on any degree, and change in
the course of a song; the dominant of minor keeps its third or raises it; the sixth of minor and the seventh of major
may be those of the church modes.
"""

from band_styles import COMMON_BASS, COMMON_COMP, COMMON_DRUMS, STEPS_PER_BEAT, STYLES

__all__ = ["COMMON_BASS", "COMMON_COMP", "COMMON_DRUMS", "STEPS_PER_BEAT", "STYLES", "draw_harmony"]

LOOPS_MAJOR = [[0, 4, 5, 3], [5, 3, 0, 4], [0, 5, 3, 4], [3, 4, 0, 5], [0, 3, 1, 4], [0, 3, 4, 3], [1, 4, 0, 5], [0, 4, 3, 3], [3, 0, 4, 5], [0, 2, 3, 4], [0, 0, 3, 0, 4, 3, 0, 4]]
LOOPS_MINOR = [[0, 5, 2, 6], [0, 6, 5, 6], [0, 3, 6, 2], [0, 5, 6, 0], [5, 6, 0, 0], [0, 2, 6, 3], [0, 6, 5, 4], [0, 3, 4, 0], [0, 0, 5, 6], [0, 3, 0, 4], [3, 0, 4, 0], [0, 5, 3, 4], [0, 6, 2, 5]]
# How likely a degree follows another: tonic and dominant draw, the third and the seventh degree are rare in major.
NEXT_MAJOR = [[1, 2, 1, 4, 4, 3, 0.3], [1, 0, 0.5, 1, 5, 0.5, 0.3], [0.5, 1, 0, 3, 0.5, 3, 0], [3, 1, 0.3, 0, 4, 1, 0.2], [5, 0.3, 0.3, 2, 0, 3, 0], [0.5, 3, 1, 4, 2, 0, 0], [3, 0, 1, 0, 0, 1, 0]]
NEXT_MINOR = [[1, 0.4, 1, 3, 3, 3, 3], [1, 0, 0, 0, 4, 0, 0], [1, 0.2, 0, 2, 0.5, 2, 2], [3, 0.3, 0.5, 0, 3, 1, 2], [5, 0, 0.3, 1, 0, 2, 0.3], [1, 0.4, 1.5, 1.5, 2, 0, 3], [3, 0, 3, 1, 0.5, 2, 0]]
CHURCH_SHARE, LOOP_SHARE, TONIC_FIRST = 0.12, 0.5, 0.7


def draw_harmony(song):
    """Scale, dominant and one to two progressions of a song."""
    rng = song.rng
    song.raises_dominant = rng.random() < 0.5
    if rng.random() < CHURCH_SHARE:
        song.scale = [0, 2, 3, 5, 7, 9, 10] if song.is_minor else [0, 2, 4, 5, 7, 9, 10]
    song.progressions = [draw_progression(rng, song.is_minor) for _ in range(rng.choice([1, 1, 2]))]


def draw_progression(rng, is_minor):
    if rng.random() < LOOP_SHARE:
        loop = rng.choice(LOOPS_MINOR if is_minor else LOOPS_MAJOR)
        start = 0 if rng.random() < TONIC_FIRST else rng.randrange(len(loop))
        return loop[start:] + loop[:start]
    table = NEXT_MINOR if is_minor else NEXT_MAJOR
    degrees = [0 if rng.random() < TONIC_FIRST else rng.choice([1, 2, 3, 4, 5, 5, 6])]
    while len(degrees) < rng.choice([4, 4, 8]):
        degrees.append(rng.choices(range(7), table[degrees[-1]])[0])
    if 0 not in degrees:
        degrees[-1] = 0
    return degrees
