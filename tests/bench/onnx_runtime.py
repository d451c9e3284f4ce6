"""The compiled CPU code beside ONNX Runtime, which runs the exported graphs of the same networks.

It tells which of the two a CPU should be served by: both at the released v2 sizes, in float32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
import torch

from engine.checkpoints.onnx_export import write_graphs
from engine.models.packed_decoder import pack_decoder
from engine.models.packed_decoding import Precision, pack_text_to_semantic
from tests.bench import official
from tests.bench.acoustic import TOKENS, spoken
from tests.bench.report import Row
from tests.bench.rounds import take_turns
from tests.bench.text_to_semantic import STEPS, decoding

SENTENCE_PHONEMES = 40


@torch.inference_mode()
def measure(rounds: int) -> list[Row]:
    """Tokens per second of one sequence, and the real-time factor of decoding a sentence."""
    model, decoder = official.text_to_semantic(), official.vits_decoder(packed=False)
    with TemporaryDirectory() as folder:
        sessions = {
            path.stem: _session(path) for path in write_graphs(model, decoder, Path(folder))
        }
    packed = copy.deepcopy(model)
    pack_text_to_semantic(packed, Precision.FLOAT32)
    pack_decoder(decoder)
    style = torch.randn(1, decoder.config.gin_channels, 1)
    seconds = take_turns(
        {
            "tokens, ours": decoding(packed, 1),
            "tokens, ONNX Runtime": _steps(sessions),
            "sound, ours": lambda: spoken(decoder, style, [TOKENS]),
            "sound, ONNX Runtime": _sound(sessions["acoustic_decoder"], style),
        },
        rounds,
    )
    tokens = {who: STEPS / seconds[f"tokens, {who}"].median_s for who in ("ours", "ONNX Runtime")}
    sound = {who: seconds[f"sound, {who}"].median_s / (TOKENS / 25) for who in tokens}
    faster = "times as fast as ONNX Runtime"
    return [
        Row("decoding, batch 1, ONNX Runtime", tokens["ONNX Runtime"], "tokens/s"),
        Row(
            "decoding, batch 1, ours",
            tokens["ours"],
            "tokens/s",
            {faster: tokens["ours"] / tokens["ONNX Runtime"]},
        ),
        Row("whole sentence, ONNX Runtime", sound["ONNX Runtime"], "s per s of audio"),
        Row(
            "whole sentence, ours",
            sound["ours"],
            "s per s of audio",
            {faster: sound["ONNX Runtime"] / sound["ours"]},
        ),
    ]


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _steps(sessions: dict[str, Any]) -> Callable[[], None]:
    """As `decoding`: a prompt that is read once, then so many tokens, again and again."""
    prompt = official.tokens(official.PROMPT_TOKENS)
    inputs = {
        "phoneme_ids": official.phonemes()[None].numpy(),
        "prompt": prompt[None].numpy(),
        "bert_features": np.zeros((1, 1024, official.PHONEMES), np.float32),
    }
    read = sessions["text_to_semantic_prefill"]
    _, keys, values = read.run(["logits", "keys", "values"], inputs)
    outputs = ["logits", "next_keys", "next_values"]

    def decode() -> None:
        caches, token = (keys, values), np.zeros(1, np.int64)
        for step in range(STEPS):
            position = np.array([official.PROMPT_TOKENS + step])
            feeds = {"token": token, "position": position, "keys": caches[0], "values": caches[1]}
            logits, *caches = sessions["text_to_semantic_step"].run(outputs, feeds)
            token = logits.reshape(-1)[:-1].argmax(keepdims=True)

    return decode


def _sound(session: Any, style: torch.Tensor) -> Callable[[], object]:
    frames = 2 * TOKENS
    feeds = {
        "semantic_tokens": official.tokens(TOKENS)[None].numpy(),
        "phoneme_ids": official.phonemes(SENTENCE_PHONEMES)[None].numpy(),
        "style_embedding": style.numpy(),
        "noise": np.random.default_rng(0).standard_normal((1, 192, frames)).astype(np.float32),
        "noise_scale": np.array(0.5, np.float32),
    }
    return lambda: session.run(["waveform"], feeds)
