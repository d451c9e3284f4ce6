"""A folder of g2pW with a network that looks at one character: the one behind the asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "行", "業", "走", "長", "城", "大")
SEVERAL = (("行", "ㄏㄤ2"), ("行", "ㄒㄧㄥ2"), ("長", "ㄓㄤ3"), ("長", "ㄔㄤ2"))
PINYIN = {"ㄏㄤ": "hang", "ㄒㄧㄥ": "xing", "ㄓㄤ": "zhang", "ㄔㄤ": "chang", "ㄋㄩ": "nu:"}
# What is read before which character.
BEFORE = {"業": "ㄏㄤ2", "走": "ㄒㄧㄥ2", "城": "ㄔㄤ2", "大": "ㄓㄤ3"}


def write_g2pw(folder: Path, *, by_character: bool = False) -> Path:
    """Write the folder as it is published, with `vocab.txt` beside it."""
    folder.mkdir(parents=True)
    labels = sorted({f"{c} {s}" if by_character else s for c, s in SEVERAL})
    onnx.save(_network(labels), str(folder / "g2pW.onnx"))
    lines = "\n".join("\t".join(pair) for pair in SEVERAL) + "\n"
    (folder / "POLYPHONIC_CHARS.txt").write_text(lines, "utf-8")
    (folder / "MONOPHONIC_CHARS.txt").write_text("女\tㄋㄩ3\n似\tㄋㄩ3\n", "utf-8")
    (folder / "bopomofo_to_pinyin_wo_tune_dict.json").write_text(json.dumps(PINYIN), "utf-8")
    (folder / "vocab.txt").write_text("\n".join(TOKENS) + "\n", "utf-8")
    settings = f"use_mask = True\nuse_char_phoneme = {by_character}\nraise_me = 1 / 1\n"
    (folder / "config.py").write_text(settings, "utf-8")
    return folder


def _network(labels: list[str]) -> onnx.ModelProto:
    """Probabilities: those of the token behind the position, of the labels that are allowed."""
    weights = np.full((len(TOKENS), len(labels)), 0.1, np.float32)
    for char, sound in BEFORE.items():
        for number, label in enumerate(labels):
            if label.endswith(sound):
                weights[TOKENS.index(char), number] = 0.9
    wide = {"input_ids", "token_type_ids", "attention_mask"}
    inputs = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64, ["B", "L"] if name in wide else ["B"]
        )
        for name in (*sorted(wide), "char_ids", "position_ids")
    ]
    mask = helper.make_tensor_value_info("phoneme_mask", TensorProto.FLOAT, ["B", len(labels)])
    output = helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["B", len(labels)])
    constants = {"one": np.array(1), "axis": np.array([1]), "weights": weights}
    nodes = [
        helper.make_node("Add", ["position_ids", "one"], ["next"]),
        helper.make_node("Unsqueeze", ["next", "axis"], ["column"]),
        helper.make_node("GatherElements", ["input_ids", "column"], ["tokens"], axis=1),
        helper.make_node("Squeeze", ["tokens", "axis"], ["token"]),
        helper.make_node("Gather", ["weights", "token"], ["all"]),
        helper.make_node("Mul", ["all", "phoneme_mask"], ["probs"]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", [*inputs, mask], [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
