"""Makes labelled clips without drums, played with human timing, to fit the metre weights on.

Usage: make_metre_clips.py OUT_FOLDER SOUND_FONT COUNT FIRST_SEED
Needs the `mido` package and the `fluidsynth` program. Writes the layout that `leitmotif-eval audio`
reads: labels.csv, beats/*.txt and one WAV a clip. Compositions are random: nobody's work.
"""

import math
import os
import random
import subprocess
import sys

import mido

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
PROGRAMS = [0, 0, 0, 1, 6, 19, 20, 24, 25, 32, 40, 46, 48, 48, 49, 52, 73]
MAJOR, MINOR = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]


def beat_times(rng, bpm, seconds):
    """Beats whose period wanders slowly, with a little jitter on each."""
    times, at, drift = [], rng.uniform(0.1, 1.0), 0.0
    wander = rng.choice([0.0, 0.01, 0.02, 0.03])
    while at < seconds:
        times.append(at)
        drift = 0.9 * drift + rng.gauss(0, wander)
        at += 60.0 / bpm * math.exp(drift)
    return times


def make(seed, folder, font):
    rng = random.Random(seed)
    subdivision = rng.choice([2, 2, 3, 4, 4, 4])
    # A composer's fastest notes fall into a playable, audible range; the beat follows from them.
    rate = math.exp(rng.uniform(math.log(2.8), math.log(8.5)))
    bpm = min(max(60.0 * rate / subdivision, 45.0), 200.0)
    meter = rng.choice([4, 4, 4, 3, 3, 2])
    tonic, is_minor = rng.randrange(12), rng.random() < 0.5
    scale = MINOR if is_minor else MAJOR
    seconds = 24.0
    beats = beat_times(rng, bpm, seconds + 4)
    harmony_beats = rng.choice([1, 2, meter, meter, 2 * meter])
    voices = rng.choice([2, 2, 3, 3, 4])
    program = rng.choice(PROGRAMS)
    spread = rng.uniform(0.002, 0.018)
    events = []
    degree = 0
    # One voice is the mover with the fastest notes; the others are slower by kind.
    mover = rng.randrange(voices)
    kinds = [rng.choice(["beat", "half", "bar", "mixed"]) for _ in range(voices)]
    for index in range(len(beats) - 1):
        if index % harmony_beats == 0:
            degree = 0 if index == 0 else rng.choice([0, 0, 3, 4, 4, 1, 5, 2])
        start, end = beats[index], beats[index + 1]
        is_downbeat = index % meter == 0
        for voice in range(voices):
            base = 40 + 11 * voice
            if voice == mover:
                slots = range(subdivision)
                gap = rng.choice([0.0, 0.05, 0.2])
            else:
                kind = kinds[voice]
                if kind == "bar" and not is_downbeat:
                    continue
                if kind == "half" and index % 2:
                    continue
                slots = [0]
                if kind == "mixed" and rng.random() < 0.5:
                    slots = [0, subdivision // 2] if subdivision % 2 == 0 else [0, 2]
                gap = 0.05
            slots = list(slots)
            for order, slot in enumerate(slots):
                if rng.random() < gap:
                    continue
                step = rng.choice([0, 2, 4, 7, 9]) if slot % 2 == 0 else rng.randrange(10)
                if voice == 0 and slot == 0:
                    step = 0
                tone = degree + step
                pitch = base + tonic % 12 + scale[tone % 7] + 12 * (tone // 7)
                at = start + (end - start) * slot / subdivision + rng.gauss(0, spread)
                following = slots[order + 1] if order + 1 < len(slots) else subdivision
                length = (end - start) * (following - slot) / subdivision
                if voice != mover and kinds[voice] == "bar":
                    length *= meter
                if voice != mover and kinds[voice] == "half":
                    length *= 2
                accent = 12 * is_downbeat * (slot == 0) + 6 * (slot == 0)
                velocity = int(min(120, max(30, 66 + accent + rng.gauss(0, 8))))
                events.append((max(at, 0.0), True, pitch, velocity))
                events.append((max(at + length * rng.uniform(0.6, 1.0), 0.02), False, pitch, 0))
    events.sort(key=lambda event: (event[0], event[1]))
    midi = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    track.append(mido.Message("program_change", program=program, time=0))
    now = 0
    for at, is_on, pitch, velocity in events:
        tick = int(at * 960)
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, note=min(pitch, 108), velocity=velocity, time=tick - now))
        now = tick
    name = f"metre_{seed:05d}"
    midi_path, wave = f"{folder}/{name}.mid", f"{folder}/{name}.wav"
    midi.save(midi_path)
    command = ["fluidsynth", "-ni", "-q", "-r", "22050", "-g", "0.6", "-F", wave, font, midi_path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    os.remove(midi_path)
    with open(f"{folder}/beats/{name}.txt", "w") as file:
        file.writelines(f"{beat:.4f}\n" for beat in beats[:-1])
    intervals = sorted(b - a for a, b in zip(beats, beats[1:]))
    bpm = 60.0 / intervals[len(intervals) // 2]
    mode = "minor" if is_minor else "major"
    style = f"drumless{subdivision}x{program}"
    return f"{name}.wav,own,{bpm:.2f},exact,{NAMES[tonic]},{mode},exact,{style},{meter},beats/{name}.txt"


def main():
    folder, font, count, first = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    os.makedirs(f"{folder}/beats", exist_ok=True)
    rows = [make(seed, folder, font) for seed in range(first, first + count)]
    with open(f"{folder}/labels.csv", "w") as file:
        file.write("file,kind,bpm,bpm_kind,key,mode,key_kind,genre,meter,beats_file\n")
        file.writelines(row + "\n" for row in rows)


main()
