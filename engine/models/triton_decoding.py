"""A decoding step of the autoregressive model by Triton's kernels, for GPUs.

For one row it is five kernels a layer, for more of them PyTorch's products with Triton's attention
and norms between. Attention reads the positions that are filled, not the whole window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import triton
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models import triton_kernels as kernels
from engine.models.key_value_cache import Window
from engine.models.positions import frequencies
from engine.models.semantic_layers import Layer
from engine.models.text_to_semantic import TextToSemantic


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the work is shared out; all of it gives the same up to rounding.

    Attributes:
        programs: how many a product of one row is split into, at least.
        row_warps: of each.
        long, long_warps: positions that one row and head looks at in a round, if there are few.
        short, short_warps: the same if there are many.
        overlap: kernels begin before the last one has ended, where the GPU can do that.
    """

    programs: int = 128
    row_warps: int = 4
    long: int = 512
    long_warps: int = 16
    short: int = 128
    short_warps: int = 4
    overlap: bool = True


FEW_HEADS = 264  # twice the multiprocessors of an H100


class _Linear(NamedTuple):
    """A matrix [N, K] and its bias [N]."""

    weight: Tensor
    bias: Tensor | None


class TritonDecoding:
    """Does what `TextToSemantic.decode_window` does, for a model that stays where it is."""

    def __init__(self, model: TextToSemantic, tuning: Tuning | None = None) -> None:
        device = model.h.like.device
        self._tuning = tuning or Tuning()
        self._overlaps = self._tuning.overlap and _can_overlap(device)
        self._frequencies = frequencies(model.config.width, device)

    def __call__(
        self, model: TextToSemantic, window: Window, tokens: Tensor, positions: Tensor
    ) -> Tensor:
        """One token [R] for every row of a window, at `positions` [R] -> logits [R, V]."""
        with torch.cuda.device_of(tokens):  # Triton starts kernels on the current one
            x = self._embedded(model, tokens, positions)
            return (self._one if len(tokens) == 1 else self._many)(model, window, x)

    def _embedded(self, model: TextToSemantic, tokens: Tensor, positions: Tensor) -> Tensor:
        table = model.ar_audio_embedding.word_embeddings.weight
        rows, width = len(tokens), table.shape[1]
        out = table.new_empty(rows, width, dtype=torch.float32)
        kernels.embed[rows,](
            tokens.contiguous(),
            positions.contiguous(),
            table,
            model.ar_audio_position.alpha,
            self._frequencies,
            out,
            WIDTH=width,
            BLOCK=triton.next_power_of_2(width),
            **self._overlap(),
        )
        return out

    def _one(self, model: TextToSemantic, window: Window, x: Tensor) -> Tensor:
        """Embedded [1, D] -> logits; a layer's last norm is left to the product after it."""
        norm: nn.LayerNorm | None = None
        for layer, keys, values in zip(model.h, window.keys, window.values, strict=True):
            qkv, x = self._product(x, _in_proj(layer), norm=norm)
            attended = self._attended(qkv, keys, values, window.lengths)
            x, _ = self._product(attended, _linear(layer.self_attn.out_proj), residual=x)
            hidden, x = self._product(x, _linear(layer.linear1), norm=layer.norm1, relu=True)
            x, _ = self._product(hidden, _linear(layer.linear2), residual=x)
            norm = layer.norm2
        return self._product(x, _linear(model.ar_predict_layer), norm=norm)[0]

    def _many(self, model: TextToSemantic, window: Window, x: Tensor) -> Tensor:
        """Embedded [R, D] -> logits, by products of the layers' own precision."""
        x = x.to(model.h.like.dtype)
        for layer, keys, values in zip(model.h, window.keys, window.values, strict=True):
            qkv = F.linear(x, *_in_proj(layer))
            attended = self._attended(qkv, keys, values, window.lengths)
            x = _added(x, layer.self_attn.out_proj(attended), layer.norm1)
            x = _added(x, layer.linear2(layer.linear1(x).relu_()), layer.norm2)
        return model.ar_predict_layer(x.float())

    def _product(
        self,
        x: Tensor,
        linear: _Linear,
        *,
        norm: nn.LayerNorm | None = None,
        residual: Tensor | None = None,
        relu: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """What comes out, float32 [1, N], and the `x` [1, K] that it is of, normalized or not."""
        outputs, width = linear.weight.shape
        out = x.new_empty(1, outputs)
        normed = x if norm is None else torch.empty_like(x)
        gain, shift, epsilon = (None, None, 0.0) if norm is None else _of(norm)
        block = _power_below(outputs // self._tuning.programs)
        kernels.row_linear[triton.cdiv(outputs, block),](
            *(x, gain, shift, epsilon, normed, linear.weight, linear.bias, residual, out),
            OUT=outputs,
            WIDTH=width,
            RELU=relu,
            BLOCK_N=block,
            BLOCK_K=triton.next_power_of_2(width),
            num_warps=self._tuning.row_warps,
            **self._overlap(),
        )
        return out, normed

    def _attended(self, qkv: Tensor, keys: Tensor, values: Tensor, lengths: Tensor) -> Tensor:
        """Fill caches [R, H, T, W] with the newest of `qkv` [R, 3 D] -> [R, D]."""
        rows, heads, _, head_width = keys.shape
        out = qkv.new_empty(rows, heads * head_width)
        tuning = self._tuning
        few = rows * heads <= FEW_HEADS
        kernels.attend[rows, heads](
            qkv,
            keys,
            values,
            lengths,
            out,
            keys.stride(0),
            keys.stride(1),
            1.0 / math.sqrt(head_width),
            WIDTH=heads * head_width,
            HEAD=head_width,
            BLOCK_W=triton.next_power_of_2(head_width),
            BLOCK_T=tuning.long if few else tuning.short,
            num_warps=tuning.long_warps if few else tuning.short_warps,
            **self._overlap(),
        )
        return out

    def _overlap(self) -> dict[str, bool]:
        return {"OVERLAP": True, "launch_pdl": True} if self._overlaps else {"OVERLAP": False}


def _can_overlap(device: torch.device) -> bool:
    if device.type != "cuda" or torch.version.hip is not None:
        return False
    return torch.cuda.get_device_capability(device) >= (9, 0)


def _added(x: Tensor, added: Tensor, norm: nn.LayerNorm) -> Tensor:
    """The norm of a sum [R, D]."""
    out = torch.empty_like(x)
    rows, width = x.shape
    gain, shift, epsilon = _of(norm)
    kernels.add_and_norm[rows,](
        x, added, gain, shift, epsilon, out, WIDTH=width, BLOCK=triton.next_power_of_2(width)
    )
    return out


def _of(norm: nn.LayerNorm) -> tuple[Tensor, Tensor, float]:
    return norm.weight, norm.bias, norm.eps


def _in_proj(layer: Layer) -> _Linear:
    return _Linear(layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias)


def _linear(module: nn.Module) -> _Linear:
    linear = cast(nn.Linear, module)
    return _Linear(linear.weight, linear.bias)


def _power_below(number: int) -> int:
    """The largest power of two that is no more, at least 1."""
    return 1 << max(number, 1).bit_length() - 1
