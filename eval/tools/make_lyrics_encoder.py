"""Writes an encoder of the shape of BERT with random weights, and what onnxruntime says of texts.

Usage: python make_lyrics_encoder.py FOLDER                 the fixture: model, tokenizer, broken models, expected.json
       python make_lyrics_encoder.py FOLDER LAYERS HIDDEN   only a model of another size, to measure with

Needs numpy, onnx, onnxruntime and tokenizers. The graph is spelled as exporters spell it: shapes are computed in the
graph, layer norms and GELU are taken apart. The fixture was made with onnx 1.23, onnxruntime 1.32, tokenizers 0.23.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SEED = 24
OPSET = [helper.make_opsetid("", 14)]
WORDS = "the a of and in love night river stone i you me no all day sea war ##s ##ing ##ed ##er ##ly ##est".split()
SCRIPTS = "abcdefghijklmnopqrstuvwxyz0123456789" + "абвгдеиклмнорстуя" + "שלוםתור" + "مرحبايل" + "愛夜川石"
MARKS = list(".,!?'-")


def tokenizer(tokens_max):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *MARKS, *SCRIPTS, *("##" + one for one in SCRIPTS), *WORDS]
    vocabulary = {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    made.enable_truncation(tokens_max)
    return made


class Graph:
    """Collects nodes and weights; every method gives the name of what it made."""

    def __init__(self, seed):
        self.random, self.nodes, self.weights = np.random.default_rng(seed), [], []

    def weight(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def drawn(self, *shape, spread=None):
        spread = spread or 1.5 / np.sqrt(shape[0])
        return self.weight(self.random.normal(0, spread, shape).astype(np.float32))

    def real(self, value):
        return self.weight(np.float32(value))

    def whole(self, *values):
        return self.weight(np.array(values, np.int64))

    def node(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def linear(self, x, wide, out):
        return self.node("Add", self.node("MatMul", x, self.drawn(wide, out)), self.drawn(out, spread=0.1))

    def norm(self, x, hidden):
        centred = self.node("Sub", x, self.node("ReduceMean", x, axes=[-1]))
        variance = self.node("ReduceMean", self.node("Pow", centred, self.real(2)), axes=[-1])
        spread = self.node("Sqrt", self.node("Add", variance, self.real(1e-12)))
        scale = self.weight(self.random.normal(1, 0.1, hidden).astype(np.float32))
        scaled = self.node("Mul", self.node("Div", centred, spread), scale)
        return self.node("Add", scaled, self.drawn(hidden, spread=0.1))

    def gelu(self, x):
        erf = self.node("Erf", self.node("Div", x, self.real(np.sqrt(2))))
        return self.node("Mul", self.node("Mul", x, self.node("Add", erf, self.real(1))), self.real(0.5))

    def size(self, x, axis):
        one = self.node("Gather", self.node("Shape", x), self.weight(np.int64(axis)), axis=0)
        return self.node("Unsqueeze", one, self.whole(0))

    def split(self, x, heads, hidden, order):
        shape = self.node("Concat", self.size(x, 0), self.size(x, 1), self.whole(heads, hidden // heads), axis=0)
        return self.node("Transpose", self.node("Reshape", x, shape), perm=order)

    def attention(self, x, mask, heads, hidden):
        query, value = (self.split(self.linear(x, hidden, hidden), heads, hidden, [0, 2, 1, 3]) for _ in range(2))
        key = self.split(self.linear(x, hidden, hidden), heads, hidden, [0, 2, 3, 1])
        scores = self.node("Div", self.node("MatMul", query, key), self.real(np.sqrt(hidden / heads)))
        weights = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        joined = self.node("Transpose", self.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        shape = self.node("Concat", self.size(joined, 0), self.size(joined, 1), self.whole(hidden), axis=0)
        return self.linear(self.node("Reshape", joined, shape), hidden, hidden)

    def model(self, inputs, outputs):
        told = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in inputs]
        given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        made = helper.make_graph(self.nodes, "encoder", told, given, self.weights)
        return helper.make_model(made, opset_imports=OPSET, ir_version=8, producer_name="make_lyrics_encoder")

    def name_output(self, x, name):
        self.nodes.append(helper.make_node("Identity", [x], [name]))


def encoder(vocabulary, layers, hidden, heads, positions, has_types=True):
    graph = Graph(SEED)
    words = graph.node("Gather", graph.drawn(vocabulary, hidden, spread=0.5), "input_ids")
    ids = graph.weight(np.arange(positions, dtype=np.int64)[None])
    at = graph.node("Slice", ids, graph.whole(0), graph.size("input_ids", 1), graph.whole(1), graph.whole(1))
    x = graph.node("Add", words, graph.node("Gather", graph.drawn(positions, hidden, spread=0.3), at))
    if has_types:
        x = graph.node("Add", x, graph.node("Gather", graph.drawn(2, hidden, spread=0.3), "token_type_ids"))
    x = graph.norm(x, hidden)
    wide = graph.node("Unsqueeze", graph.node("Unsqueeze", "attention_mask", graph.whole(1)), graph.whole(2))
    hide = graph.node("Sub", graph.real(1), graph.node("Cast", wide, to=TensorProto.FLOAT))
    mask = graph.node("Mul", hide, graph.real(np.finfo(np.float32).min))
    for _ in range(layers):
        x = graph.norm(graph.node("Add", x, graph.attention(x, mask, heads, hidden)), hidden)
        inner = graph.gelu(graph.linear(x, hidden, 4 * hidden))
        x = graph.norm(graph.node("Add", x, graph.linear(inner, 4 * hidden, hidden)), hidden)
    return graph, x


def bert(*size):
    """Tells every token; the pooled output beside it must not be taken."""
    graph, x = encoder(*size)
    graph.name_output(x, "last_hidden_state")
    first = graph.node("Gather", x, graph.weight(np.int64(0)), axis=1)
    graph.name_output(graph.node("Tanh", first), "pooler_output")
    hidden = size[2]
    return graph.model(
        ["input_ids", "attention_mask", "token_type_ids"],
        {"pooler_output": ["batch", hidden], "last_hidden_state": ["batch", "sequence", hidden]},
    )


def sentence(vocabulary):
    """Tells the text itself, and asks for no token types."""
    graph, x = encoder(vocabulary, 1, 16, 2, 64, has_types=False)
    graph.name_output(graph.node("ReduceMean", x, axes=[1], keepdims=0), "sentence_embedding")
    graph.name_output(x, "token_embeddings")
    return graph.model(
        ["input_ids", "attention_mask"],
        {"token_embeddings": ["batch", "sequence", 16], "sentence_embedding": ["batch", 16]},
    )


def broken(kind):
    """A small graph over the ids that an encoder must not be, or that cannot work."""
    graph, names = Graph(SEED), ["input_ids", "attention_mask"]
    x = graph.node("Unsqueeze", graph.node("Cast", "input_ids", to=TensorProto.FLOAT), graph.whole(2))
    output, dimensions = "last_hidden_state", 4
    if kind == "inputs":
        x = graph.node("Unsqueeze", graph.node("Cast", "pixels", to=TensorProto.FLOAT), graph.whole(2))
        graph.nodes, names = graph.nodes[-2:], ["pixels"]
    elif kind == "outputs":
        output = "logits"
    elif kind == "wide":
        dimensions = 4097
    elif kind == "nan":
        x = graph.node("Log", graph.node("Neg", x))
    elif kind == "operator":
        x = graph.node("Einstein", x)
    if kind == "wide":
        x = graph.node("Tile", x, graph.whole(1, 1, dimensions))
    else:
        x = graph.node("Mul", x, graph.drawn(dimensions))
    graph.name_output(x, output)
    return graph.model(names, {output: ["batch", "sequence", dimensions]})


def reference(session, tokens, text):
    """The vector of a text as the encoder must give it; none where no token is known."""
    inputs = [one.name for one in session.get_inputs()]
    outputs = [one.name for one in session.get_outputs()]
    whole = tokens.encode(text)
    windows = [whole, *whole.overflowing]
    unknown = tokens.token_to_id("[UNK]")
    told = [(one, sum(1 for special in one.special_tokens_mask if not special)) for one in windows]
    if all(special or one == unknown for w in windows for one, special in zip(w.ids, w.special_tokens_mask)):
        return None
    total = 0
    for window, count in told:
        given = {"input_ids": window.ids, "attention_mask": window.attention_mask, "token_type_ids": window.type_ids}
        rows = session.run(None, {name: np.array([given[name]], np.int64) for name in inputs})
        found = dict(zip(outputs, rows))
        row = found["sentence_embedding"][0] if "sentence_embedding" in found else found["last_hidden_state"][0].mean(0)
        total = total + count * row.astype(np.float64)
    return (total / np.linalg.norm(total)).tolist()


TEXTS = [
    "love",
    "The river of the night, and you!",
    "I'm loving all the stones in the sea; no war, no day.",
    "Ночь и река, а я стою",
    "שלום לילות",
    "مرحبا يا ليل",
    "愛の夜 川 石",
    "night \U0001f30a\U0001f525 river",
    "\U0001f30a\U0001f525",
    "",
    " \n\t ",
    "\u202eriver\u202c e\u0301 \ufeffnight",
    "line one\nline two\n\nthe last line",
    "the river and the stone of love in the night " * 20,
    "unfathomable" * 9,
]


def save(path, model, is_sound=True):
    if is_sound:
        onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [int(one) for one in sys.argv[2:]]
    tokens = tokenizer(256 if sizes else 32)
    tokens.save(str(folder / "tokenizer.json"), pretty=False)
    vocabulary = tokens.get_vocab_size()
    if sizes:
        layers, hidden = sizes
        save(folder / "model.onnx", bert(30_522, layers, hidden, 12, 512))
        return
    save(folder / "model.onnx", bert(vocabulary, 2, 16, 2, 64))
    # Newer exporters write down every shape, with their own names of the axes.
    save(folder / "sentence.onnx", onnx.shape_inference.infer_shapes(sentence(vocabulary)))
    for kind in ("inputs", "outputs", "wide", "nan", "operator"):
        save(folder / f"broken_{kind}.onnx", broken(kind), is_sound=kind != "operator")
    expected = {"texts": TEXTS}
    for name in ("model", "sentence"):
        session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        rows = (reference(session, tokens, text) for text in TEXTS)
        expected[name] = [row and [round(value, 7) for value in row] for row in rows]
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")


main()
