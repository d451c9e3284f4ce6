"""A bundle's networks as ONNX graphs, for runtimes other than PyTorch.

Three graphs around the same modules that speak here:

- `text_to_semantic_prefill.onnx`: phonemes, character features and prompt -> logits and caches;
- `text_to_semantic_step.onnx`: the newest token, its position and the caches -> logits and caches
  with one position more;
- `acoustic_decoder.onnx`: semantic tokens, phonemes, style and noise -> waveform.

All take one sentence. The caches are [layers, heads, positions, head width].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from engine.checkpoints.bundle_folder import read_config
from engine.checkpoints.parts import load_parts
from engine.errors import BundleError, MissingDependencyError
from engine.models.text_to_semantic import TextToSemantic, prefix_mask
from engine.models.vits_decoder import FRAMES_PER_TOKEN, VitsConfig, VitsDecoder
from engine.models.weight_norm import fuse_weight_norm

OPSET = 20


@dataclass(frozen=True, slots=True)
class _Graph:
    """A network to export.

    Attributes:
        inputs: an example of each.
        lengths: which axes of the inputs have any length.
    """

    name: str
    network: nn.Module
    inputs: Mapping[str, Tensor]
    lengths: Mapping[str, int]
    outputs: tuple[str, ...]


class _Prefill(nn.Module):
    """Phonemes [1, N], prompt [1, P], features [1, bert, N] -> logits [V] and two caches."""

    def __init__(self, model: TextToSemantic) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, phoneme_ids: Tensor, prompt: Tensor, bert_features: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        text = self.model.embed_text(phoneme_ids, bert_features)
        x = torch.cat([text, self.model.embed_audio(prompt)], dim=1)
        mask = prefix_mask(text.shape[1], x.shape[1], x.device)
        hidden, keys, values = self.model.encode(x, mask)
        return self.model.ar_predict_layer(hidden[0, -1]), torch.cat(keys), torch.cat(values)


class _Step(nn.Module):
    """Token [1], audio position [1] and caches [L, H, T, W] -> logits [V] and caches of T + 1."""

    def __init__(self, model: TextToSemantic) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, token: Tensor, position: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = self.model.embed_audio(token[None], position)
        all_keys, all_values = [], []
        for i, layer in enumerate(self.model.h):
            q, k, v = layer.self_attn.project(x)
            all_keys.append(torch.cat([keys[i], k[0]], dim=1))
            all_values.append(torch.cat([values[i], v[0]], dim=1))
            attended = layer.self_attn.attend(q, all_keys[-1][None], all_values[-1][None], None)
            x = layer.finish(x, attended)
        logits = self.model.ar_predict_layer(x[0, 0])
        return logits, torch.stack(all_keys), torch.stack(all_values)


def export_onnx(bundle: Path, out: Path) -> list[Path]:
    """Write the graphs of the bundle in `bundle` to `out`; returns their files.

    Raises:
        BundleError: the bundle is damaged, or of v3 or v4, whose sound is made in other steps.
        MissingDependencyError: the extra `onnx` is not installed.
    """
    config = read_config(bundle)
    if not isinstance(config.acoustic, VitsConfig):
        raise BundleError(f"{bundle} is of {config.version}; v1, v2 and v2Pro can be exported")
    parts = load_parts(bundle, config)
    fuse_weight_norm(parts.decoder)
    return write_graphs(parts.text_to_semantic, cast(VitsDecoder, parts.decoder), out)


def write_graphs(model: TextToSemantic, decoder: VitsDecoder, out: Path) -> list[Path]:
    """Write the graphs of two networks, neither of them packed, to `out`; returns their files.

    Raises:
        MissingDependencyError: the extra `onnx` is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    return [_write(out, graph) for graph in (_prefill(model), _step(model), _acoustic(decoder))]


def _prefill(model: TextToSemantic) -> _Graph:
    width = model.config.bert_dimension
    inputs = {"phoneme_ids": _ids(9), "prompt": _ids(7)}
    lengths = {"phoneme_ids": 1, "prompt": 1}
    if width:
        inputs["bert_features"], lengths["bert_features"] = torch.zeros(1, width, 9), 2
    outputs = ("logits", "keys", "values")
    return _Graph("text_to_semantic_prefill", _Prefill(model), inputs, lengths, outputs)


def _step(model: TextToSemantic) -> _Graph:
    c = model.config
    cache = torch.zeros(c.layers, c.heads, 16, c.width // c.heads)
    inputs = {
        "token": torch.zeros(1, dtype=torch.long),
        "position": torch.full((1,), 7),
        "keys": cache,
        "values": cache.clone(),
    }
    outputs = ("logits", "next_keys", "next_values")
    return _Graph("text_to_semantic_step", _Step(model), inputs, {"keys": 2, "values": 2}, outputs)


def _acoustic(decoder: VitsDecoder) -> _Graph:
    c = decoder.config
    inputs = {
        "semantic_tokens": _ids(11),
        "phoneme_ids": _ids(9),
        "style_embedding": torch.zeros(1, c.gin_channels, 1),
        "noise": torch.zeros(1, c.inter_channels, 11 * FRAMES_PER_TOKEN),
        "noise_scale": torch.tensor(0.5),
    }
    lengths = {"semantic_tokens": 1, "phoneme_ids": 1, "noise": 2}
    return _Graph("acoustic_decoder", decoder, inputs, lengths, ("waveform",))


def _ids(count: int) -> Tensor:
    return torch.zeros(1, count, dtype=torch.long)


def _write(out: Path, graph: _Graph) -> Path:
    path = out / f"{graph.name}.onnx"
    any_length = torch.export.Dim.DYNAMIC
    try:
        torch.onnx.export(
            graph.network.eval(),
            kwargs=dict(graph.inputs),
            f=path,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes={
                name: {graph.lengths[name]: any_length} if name in graph.lengths else None
                for name in graph.inputs
            },
            opset_version=OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    except ImportError as error:
        raise MissingDependencyError("onnxscript", "install the extra `onnx`") from error
    return path
