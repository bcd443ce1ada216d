"""Notes to sound: a MIDI writer, calls of `fluidsynth` and `ffmpeg`, and what recordings do to sound."""

import os
import struct
import subprocess
import wave

import numpy as np

RATE_HZ = 22050
DRUM_CHANNEL = 9
TICKS_PER_SECOND = 960


def _variable_length(value):
    out = [value & 0x7F]
    while value > 0x7F:
        value >>= 7
        out.append((value & 0x7F) | 0x80)
    return bytes(reversed(out))


def midi_bytes(notes, programs, bend=0):
    """One track of a MIDI file. Notes are (start s, end s, channel, pitch, velocity)."""
    events = []
    for channel, program in programs.items():
        events.append((0, 0, bytes([0xC0 | channel, program])))
    if bend:
        # 14-bit pitch bend, a range of two semitones either way.
        for channel in range(16):
            if channel != DRUM_CHANNEL:
                value = 8192 + bend
                events.append((0, 0, bytes([0xE0 | channel, value & 0x7F, value >> 7])))
    for start, end, channel, pitch, velocity in notes:
        pitch = min(max(int(pitch), 21), 108)
        velocity = min(max(int(velocity), 1), 127)
        on = int(max(start, 0.0) * TICKS_PER_SECOND)
        off = max(int(end * TICKS_PER_SECOND), on + 10)
        events.append((on, 2, bytes([0x90 | channel, pitch, velocity])))
        events.append((off, 1, bytes([0x80 | channel, pitch, 0])))
    events.sort(key=lambda event: event[:2])
    body, now = bytearray(), 0
    for tick, _, message in events:
        body += _variable_length(tick - now) + message
        now = tick
    body += b"\x00\xff\x2f\x00"
    # 120 bpm by default: 480 ticks a beat are 960 a second.
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    return head + b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def render(path, font, midi, seconds, is_reverberant):
    """Renders MIDI bytes to mono samples."""
    midi_path, wave_path = path + ".mid", path + ".stereo.wav"
    with open(midi_path, "wb") as file:
        file.write(midi)
    effects = "1" if is_reverberant else "0"
    command = ["fluidsynth", "-ni", "-q", "-R", effects, "-C", "0", "-r", str(RATE_HZ), "-g", "0.5"]
    # Only the samples that sound are read: the same bytes in half of the time.
    command += ["-o", "synth.dynamic-sample-loading=1", "-F", wave_path, font, midi_path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with wave.open(wave_path) as file:
        raw = file.readframes(file.getnframes())
    os.remove(midi_path)
    os.remove(wave_path)
    samples = np.frombuffer(raw, "<i2").reshape(-1, 2).mean(1) / 32768.0
    return samples[: int(seconds * RATE_HZ)]


def degrade(samples, kind, generator):
    """Compression, pink noise or a low pass, as cheap recordings have them."""
    peak = np.abs(samples).max() + 1e-9
    samples = samples / peak * 0.8
    if kind == "compressed":
        samples = np.tanh(samples * 4.0) * 0.8
    if kind in ("noise", "lowpass"):
        count = len(samples)
        frequency = np.fft.rfftfreq(count, 1.0 / RATE_HZ)
        if kind == "lowpass":
            spectrum = np.fft.rfft(samples)
            samples = np.fft.irfft(spectrum / (1.0 + (frequency / 4500.0) ** 12), count)
        else:
            pink = np.fft.rfft(generator.standard_normal(count)) / np.sqrt(frequency + 20.0)
            pink = np.fft.irfft(pink, count)
            level = np.sqrt((samples**2).mean() / (pink**2).mean())
            samples = samples + pink * level * 10 ** (-generator.uniform(12, 26) / 20)
    return np.clip(samples, -1.0, 1.0)


def through_mp3(path, samples):
    """What a 64 kbit/s MP3 leaves of the samples; the file's header tells how to undo its delay."""
    wave_path, mp3_path = path + ".raw.wav", path + ".mp3"
    write_wave(wave_path, samples)
    quiet = ["ffmpeg", "-y", "-v", "error", "-i"]
    subprocess.run(quiet + [wave_path, "-b:a", "64k", mp3_path], check=True)
    subprocess.run(quiet + [mp3_path, wave_path], check=True)
    with wave.open(wave_path) as file:
        raw = file.readframes(file.getnframes())
    os.remove(wave_path)
    os.remove(mp3_path)
    return np.frombuffer(raw, "<i2")[: len(samples)] / 32768.0


def write_wave(path, samples):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
