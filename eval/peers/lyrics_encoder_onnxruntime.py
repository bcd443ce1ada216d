"""Times onnxruntime with the tokenizers of Python on one thread, as `encoder_speed` times our encoder.

    python3 eval/tools/make_lyrics_encoder.py /tmp/encoder 6 384
    python3 eval/peers/lyrics_encoder_onnxruntime.py /tmp/encoder 300
    cargo run --release -p leitmotif-ingest --features onnx --example encoder_speed /tmp/encoder 300

Needs numpy, onnxruntime and tokenizers.
"""

import sys
import time

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

RUNS = 60
KNOWN = ["love", "the", "river", "night", "and", "stone", "you", "sea"]

folder, words = sys.argv[1], int(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
song = " ".join(KNOWN[at % len(KNOWN)] for at in range(words))
laps = []
for _ in range(RUNS):
    begun = time.perf_counter()
    whole = tokenizer.encode(song)
    for window in [whole, *whole.overflowing]:
        given = {"input_ids": window.ids, "attention_mask": window.attention_mask, "token_type_ids": window.type_ids}
        session.run(["last_hidden_state"], {name: np.array([row], np.int64) for name, row in given.items()})
    laps.append(1e3 * (time.perf_counter() - begun))
laps.sort()
print(f"{words} words: median {laps[RUNS // 2]:.2f} ms (5 % {laps[RUNS // 20]:.2f}, 95 % {laps[-RUNS // 20]:.2f})")
