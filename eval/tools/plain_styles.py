"""The styles of `band_styles` over plain harmony: random degrees of a natural scale, from the tonic on. Nobody's work.

Minor leaves its leading note as it is, as most popular songs do: all notes are those of the relative major.
"""

from band_styles import COMMON_BASS, COMMON_COMP, COMMON_DRUMS, STEPS_PER_BEAT, STYLES
from harmony_styles import LOOPS_MAJOR, LOOPS_MINOR

__all__ = ["COMMON_BASS", "COMMON_COMP", "COMMON_DRUMS", "STEPS_PER_BEAT", "STYLES", "draw_harmony"]

LOOP_SHARE = 0.5
# Degrees whose triads are not diminished.
MAJOR_DEGREES, MINOR_DEGREES = [0, 1, 2, 3, 4, 5], [0, 2, 3, 4, 5, 6]


def draw_harmony(song):
    """Scale, dominant and one to two progressions of a song."""
    rng = song.rng
    song.raises_dominant = False
    song.progressions = [draw_progression(rng, song.is_minor) for _ in range(rng.choice([1, 1, 2]))]


def draw_progression(rng, is_minor):
    if rng.random() < LOOP_SHARE:
        loop = rng.choice(LOOPS_MINOR if is_minor else LOOPS_MAJOR)
        start = loop.index(0)
        return loop[start:] + loop[:start]
    degrees = MINOR_DEGREES if is_minor else MAJOR_DEGREES
    return [0] + [rng.choice(degrees) for _ in range(3)]
