"""Makes labelled clips to fit and to measure the rhythm and harmony analyzers on.

Usage: make_training_clips.py OUT_FOLDER SOUND_FONT BAND_COUNT KEYBOARD_COUNT FIRST_SEED [modulate] [compound | triple | swung | harmony | plain | baroque | diminution | sequence]
Needs numpy and the `fluidsynth` and `ffmpeg` programs. Writes the layout that `leitmotif-eval audio` reads:
labels.csv, beats/*.txt, chords/*.txt (start, end, chord), keys/*.txt (start, key) and one WAV a clip.
With `modulate` the songs change key half way; with `compound` the band plays in compound time, with
`triple` in three-four, with `swung` in swung sixteenths, with `harmony` over harmony that puts the key in doubt,
with `plain` over natural scales; with `baroque`, `diminution` or `sequence` the keyboard pieces are those of
another composer (the last one's are to judge on, never to fit on). The metre is told as its upper number: 6, 9 or 12 where beats divide into three.
Two processes run side by side.
"""

import multiprocessing
import os
import random
import sys

import numpy as np

import band_styles
import baroque_pieces
import compound_styles
import diminution_pieces
import harmony_styles
import keyboard_pieces
import midi_render
import plain_styles
import sequence_pieces
import swung_styles
import triple_styles

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
SECONDS = 28.0
STYLES = {"all": band_styles, "compound": compound_styles, "triple": triple_styles, "swung": swung_styles, "harmony": harmony_styles, "plain": plain_styles}
KEYBOARDS = {"all": keyboard_pieces, "baroque": baroque_pieces, "diminution": diminution_pieces, "sequence": sequence_pieces}
EFFECTS = ["none", "none", "compressed", "noise", "lowpass", "mp3"]


def make(job):
    seed, index, is_keyboard, modulates, composer, folder, font = job
    rng, tables = random.Random(seed), STYLES.get(composer, band_styles)
    if is_keyboard:
        piece = KEYBOARDS.get(composer, keyboard_pieces).make_piece(rng, SECONDS)
    else:
        names = sorted(tables.STYLES)
        piece = band_styles.make_song(rng, names[index % len(names)], SECONDS, modulates, tables)
    name = f"clip_{seed:06d}"
    effect = rng.choice(EFFECTS)
    bend = rng.choice([0, 0, 0, rng.randint(-1600, 1600)])
    midi = midi_render.midi_bytes(piece["notes"], piece["programs"], bend)
    samples = midi_render.render(f"{folder}/{name}", font, midi, SECONDS, rng.random() < 0.8)
    samples = midi_render.degrade(samples, effect, np.random.default_rng(seed))
    if effect == "mp3":
        samples = midi_render.through_mp3(f"{folder}/{name}", samples)
    midi_render.write_wave(f"{folder}/{name}.wav", samples)
    with open(f"{folder}/beats/{name}.txt", "w") as file:
        file.writelines(f"{beat:.4f}\n" for beat in piece["beats"])
    if piece["chords"]:
        with open(f"{folder}/chords/{name}.txt", "w") as file:
            for start, end, chord in piece["chords"]:
                label = "X" if chord is None else NAMES[chord[0]] + ":" + chord[1]
                file.write(f"{start:.4f} {end:.4f} {label}\n")
    mode = "minor" if piece["is_minor"] else "major"
    for start, tonic in piece.get("keys", []):
        with open(f"{folder}/keys/{name}.txt", "a") as file:
            file.write(f"{start:.4f} {NAMES[tonic]} {mode}\n")
    intervals = sorted(b - a for a, b in zip(piece["beats"], piece["beats"][1:]))
    bpm = 60.0 / intervals[len(intervals) // 2]
    is_compound = not is_keyboard and tables is compound_styles or piece["style"].endswith("compound")
    metre = piece["beats_per_bar"] * (3 if is_compound else 1)
    kind = "own-keyboard" if is_keyboard else "own-band"
    key_kind = "weak: changes" if modulates else "exact"
    fields = [f"{name}.wav", kind, f"{bpm:.2f}", "exact", NAMES[piece["tonic"]], mode, key_kind]
    fields += [piece["style"], str(metre), f"beats/{name}.txt", effect, f"{bend / 40.96:.1f}"]
    return ",".join(fields)


def main():
    folder, font = sys.argv[1], sys.argv[2]
    bands, keyboards, first = (int(value) for value in sys.argv[3:6])
    modulates = "modulate" in sys.argv[6:]
    composer = sys.argv[-1] if sys.argv[-1] in {**STYLES, **KEYBOARDS} else "all"
    for part in ("beats", "chords", "keys"):
        os.makedirs(f"{folder}/{part}", exist_ok=True)
    jobs = [(first + i, i, False, modulates, composer, folder, font) for i in range(bands)]
    jobs += [(first + 50000 + i, i, True, False, composer, folder, font) for i in range(keyboards)]
    with multiprocessing.Pool(2) as pool:
        rows = pool.map(make, jobs, chunksize=4)
    with open(f"{folder}/labels.csv", "w") as file:
        file.write("file,kind,bpm,bpm_kind,key,mode,key_kind,genre,meter,beats_file,fx,tuning_cents\n")
        file.writelines(row + "\n" for row in rows)


if __name__ == "__main__":
    main()
