"""Times the whole chains of librosa and essentia on the files of `leitmotif-eval audio-speed`, and judges tempo and key.

Usage: python audio_librosa_essentia.py DATA [CLIPS]     (needs librosa, essentia and numpy; DATA has labels.csv)
A chain is decoding, tempo with beats, key, and mel with cepstrum, chroma and spectral statistics. One thread.
"""
import csv
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import essentia  # noqa: E402
import essentia.standard as es  # noqa: E402
import librosa  # noqa: E402
import numpy as np  # noqa: E402

essentia.log.infoActive = False
essentia.log.warningActive = False
TONICS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
# Krumhansl and Kessler 1982.
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]


def timed(spent, stage, work):
    start = time.perf_counter()
    found = work()
    spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - start
    return found


def by_librosa(path, spent):
    sound, rate = timed(spent, "decode", lambda: librosa.load(path, sr=22050, mono=True))
    tempo, _ = timed(spent, "tempo and beats", lambda: librosa.beat.beat_track(y=sound, sr=rate))
    chroma = timed(spent, "key", lambda: librosa.feature.chroma_cqt(y=sound, sr=rate).mean(axis=1))
    scores = {
        (tonic, mode): np.corrcoef(chroma, np.roll(profile, tonic))[0, 1]
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for tonic in range(12)
    }
    tonic, mode = max(scores, key=scores.get)

    def features():
        power = np.abs(librosa.stft(sound, n_fft=2048, hop_length=512)) ** 2
        mel = librosa.feature.melspectrogram(S=power, sr=rate, n_mels=128)
        librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
        librosa.feature.chroma_stft(S=power, sr=rate)
        for one in ("spectral_centroid", "spectral_rolloff", "spectral_bandwidth"):
            getattr(librosa.feature, one)(S=np.sqrt(power), sr=rate)

    timed(spent, "features", features)
    return float(np.ravel(tempo)[0]), (TONICS[tonic], mode), len(sound) / rate


def by_essentia(path, spent):
    sound = timed(spent, "decode", lambda: es.MonoLoader(filename=path, sampleRate=44100)())
    # Fresh algorithms for every file: those that are called again may answer for the file before.
    tempo = timed(spent, "tempo and beats", lambda: es.RhythmExtractor2013(method="degara")(sound))[0]
    key = timed(spent, "key", lambda: es.KeyExtractor(profileType="bgate")(sound))

    def features():
        window, spectrum = es.Windowing(type="hann"), es.Spectrum(size=2048)
        cepstrum, peaks, chroma = es.MFCC(inputSize=1025), es.SpectralPeaks(), es.HPCP()
        centroid, rolloff, flux = es.Centroid(range=22050), es.RollOff(), es.Flux()
        for frame in es.FrameGenerator(sound, frameSize=2048, hopSize=1024):
            one = spectrum(window(frame))
            cepstrum(one), chroma(*peaks(one)), centroid(one), rolloff(one), flux(one)

    timed(spent, "features", features)
    return float(tempo), (FLATS.get(key[0], key[0]), key[1]), len(sound) / 44100


def main():
    data = sys.argv[1]
    rows = list(csv.DictReader(open(os.path.join(data, "labels.csv"))))
    rows = rows[: int(sys.argv[2])] if len(sys.argv) > 2 else rows
    report = {}
    for name, chain in (("librosa", by_librosa), ("essentia", by_essentia)):
        chain(os.path.join(data, rows[0]["file"]), {})  # what is compiled and loaded once
        spent, audio_s, tempos, keys = {}, 0.0, [], []
        for row in rows:
            tempo, key, length_s = chain(os.path.join(data, row["file"]), spent)
            audio_s += length_s
            if row["bpm"] and row["bpm_kind"] == "exact":
                tempos.append(abs(tempo / float(row["bpm"]) - 1) <= 0.04)
            if row["key"] and row["key_kind"] == "exact":
                keys.append(key == (row["key"], row["mode"]))
        report[name] = {
            "x_realtime": round(audio_s / sum(spent.values())),
            "x_realtime_by_stage": {stage: round(audio_s / one) for stage, one in spent.items()},
            "tempo_acc1": [round(float(np.mean(tempos)), 3), len(tempos)],
            "key_exact": [round(float(np.mean(keys)), 3), len(keys)],
        }
    print(json.dumps(report))


main()
