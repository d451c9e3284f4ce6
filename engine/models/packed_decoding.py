"""A text-to-semantic model whose decoding step is compiled, for a CPU.

The weights of all layers lie in one array of each kind, which a prefill reads, too: the model's own
are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import MissingDependencyError
from engine.models.decoding_kernel import (
    Embedding,
    Places,
    Room,
    Weights,
    decoding_step,
)
from engine.models.kernel_parts import Norm
from engine.models.kernel_threads import share
from engine.models.key_value_cache import KeyValueCache
from engine.models.packed_layers import numbers
from engine.models.packed_linear import PackedLinear
from engine.models.panels import Projection, aligned, padded, panels_of
from engine.models.positions import frequencies
from engine.models.prefill_kernel import ReadingRoom, prefilling
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.tile_kernel import LANES

CPU = torch.device("cpu")


class Precision(StrEnum):
    """How the weights of the text-to-semantic model's layers are kept, on a CPU.

    `half` is float16, which released weights are, so that nothing is lost of them. `int8` holds
    for the feed-forward layers, two thirds of all, with a scale for each output; attention, where
    the same error changes more tokens, then keeps `half`, and so do keys and values. Activations
    and sums stay float32.
    On a GPU `half` holds for those as well (see `half_precision`), and there is no `int8`.
    """

    FLOAT32 = "float32"
    HALF = "half"
    INT8 = "int8"


KINDS: Mapping[Precision, torch.dtype] = MappingProxyType(
    {Precision.FLOAT32: torch.float32, Precision.HALF: torch.float16, Precision.INT8: torch.int8}
)
INT8_MAXIMUM = 127


class PackedDecoding:
    """The decoding step of one model, whose layers have the `precision`."""

    def __init__(
        self, weights: Weights, config: TextToSemanticConfig, precision: Precision
    ) -> None:
        self.precision, self._weights, self._vocabulary = precision, weights, config.vocabulary
        self._head_width = config.width // config.heads

    @property
    def cache_dtype(self) -> torch.dtype:
        """See `Decode`; half of it where the weights are smaller still and would be outweighed."""
        return torch.float16 if self.precision is Precision.INT8 else torch.float32

    def __call__(self, cache: KeyValueCache, tokens: Tensor, positions: Tensor) -> Tensor:
        """See `TextToSemantic.decode`; the cache has room, and its lengths stay."""
        lengths = cache.lengths[: cache.live].numpy()
        places = Places(_numbers(cache.keys), _numbers(cache.values), lengths)
        room = self._room(len(tokens), int(lengths.max()) + 1)
        step, weights = decoding_step(self._head_width), self._weights
        matrix_bytes = weights.linear1.weight[0].nbytes
        share(step, matrix_bytes, weights, places, tokens.numpy(), positions.numpy(), room)
        return torch.from_numpy(room.logits)[:, : self._vocabulary]

    def _room(self, rows: int, positions: int) -> Room:
        w = self._weights
        width, columns = w.norm1.gain.shape[1], (w.linear1, w.linear2, w.head)
        hidden, added, logits = (
            aligned((rows, each.bias.shape[1]), torch.float32).numpy() for each in columns
        )
        attended = aligned((rows, width), torch.float32).numpy()
        scores = np.empty((rows, width // self._head_width, positions), np.float32)
        return Room(attended, hidden, added, scores, logits)


class PackedPrefill:
    """Reading of one model, whose heads fill whole panels, for a cache of some kind of numbers."""

    def __init__(
        self, weights: Weights, config: TextToSemanticConfig, cache_dtype: torch.dtype
    ) -> None:
        self._weights, self._config, self._cache_dtype = weights, config, cache_dtype

    def __call__(self, x: Tensor, text: int) -> tuple[Tensor, Tensor, Tensor]:
        """See `Prefill`."""
        (length, width), w, heads = x.shape, self._weights, self._config.heads
        shape = self._config.layers, heads, length, width // heads
        keys, values = (torch.empty(shape, dtype=self._cache_dtype) for _ in range(2))
        rows = x.detach().float().clone(memory_format=torch.contiguous_format).numpy()
        room = ReadingRoom(
            rows,
            np.empty((length, w.in_proj.bias.shape[1]), np.float32),
            np.empty((heads * padded(length) // LANES, width // heads, LANES), np.float32),
            np.empty((length, width), np.float32),
            np.empty((length, w.linear1.bias.shape[1]), np.float32),
            np.empty((length, w.linear2.bias.shape[1]), np.float32),
            _numbers(keys),
            _numbers(values),
        )
        share(prefilling(), w.linear1.weight[0].nbytes, w, text, room)
        return torch.from_numpy(rows[-1]), keys, values


def _numbers(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a cache; the bits of float16, which numba does not know."""
    return (tensor.view(torch.int16) if tensor.dtype is torch.float16 else tensor).numpy()


def pack_text_to_semantic(
    model: TextToSemantic, precision: Precision | None = None, device: torch.device = CPU
) -> None:
    """Compile the decoding of `model`, for the CPU; it cannot train after.

    Without a `precision` it is the fastest that loses nothing: `half` for weights that are
    float16 numbers, as released ones are. The embeddings, norms and the last layer, whose logits
    decide, stay float32. On another device a model stays what it is.

    Raises:
        MissingDependencyError: `device` does not have the precision.
    """
    if device.type != "cpu":
        if precision is Precision.INT8:
            raise MissingDependencyError("a CPU", f"{precision} is for models on a CPU")
        return
    precision = precision or _lossless(model)
    wide = Precision.FLOAT32 if precision is Precision.FLOAT32 else Precision.HALF
    position, layers = model.ar_audio_position, list(model.h)
    attentions = [layer.self_attn for layer in layers]
    weights = Weights(
        Embedding(
            numbers(model.ar_audio_embedding.word_embeddings.weight),
            np.float32(position.alpha.item()),
            frequencies(model.config.width, device).numpy(),
        ),
        _projection(attentions, wide, "in_proj_"),
        _projection([attention.out_proj for attention in attentions], wide),
        _norm([layer.norm1 for layer in layers]),
        _projection([layer.linear1 for layer in layers], precision),
        _projection([layer.linear2 for layer in layers], precision),
        _norm([layer.norm2 for layer in layers]),
        _head(model),
    )
    model.packed = PackedDecoding(weights, model.config, precision)
    if model.config.width // model.config.heads % LANES == 0:
        model.packed_prefill = PackedPrefill(weights, model.config, model.packed.cache_dtype)
    _share_with_prefill(model, weights)


def _lossless(model: TextToSemantic) -> Precision:
    weights = [parameter.detach() for parameter in model.h.parameters() if parameter.ndim == 2]
    exact = all(torch.equal(weight.half().float(), weight) for weight in weights)
    return Precision.HALF if exact else Precision.FLOAT32


def _projection(owners: Sequence[nn.Module], precision: Precision, prefix: str = "") -> Projection:
    """The weights and biases that `owners` have under the prefix, one array of each."""
    weights, scales, biases = [], [], []
    for owner in owners:
        weight = cast(Tensor, getattr(owner, f"{prefix}weight")).detach().float()
        scale = torch.ones(len(weight))
        if precision is Precision.INT8:
            scale = weight.abs().amax(1).clamp(min=1e-30) / INT8_MAXIMUM
            weight = torch.round(weight / scale[:, None])
        weights.append(weight)
        scales.append(_filled(scale.numpy()))
        biases.append(_filled(numbers(getattr(owner, f"{prefix}bias"))))
    packed = panels_of(weights, KINDS[precision])
    bits = packed.view(np.int16) if precision is Precision.HALF else packed  # numba has no other
    return Projection(bits, np.stack(scales), np.stack(biases))


def _filled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zeros behind the values, up to whole panels."""
    return np.pad(values, (0, padded(len(values)) - len(values)))


def _norm(norms: Sequence[nn.LayerNorm]) -> Norm:
    gains, biases = [numbers(n.weight) for n in norms], [numbers(n.bias) for n in norms]
    return Norm(np.stack(gains), np.stack(biases))


def _head(model: TextToSemantic) -> Projection:
    weight = panels_of([model.ar_predict_layer.weight.float()])
    zeros = np.zeros((1, padded(model.config.vocabulary)), np.float32)
    return Projection(weight, np.ones_like(zeros), zeros)


def _share_with_prefill(model: TextToSemantic, weights: Weights) -> None:
    """Let the packed weights stand in for the plain ones."""
    width = model.config.width
    for i, layer in enumerate(model.h):
        attention = layer.self_attn
        attention.packed_in_proj = PackedLinear(weights.in_proj, i, 3 * width)
        attention.register_parameter("in_proj_weight", None)
        attention.register_parameter("in_proj_bias", None)
        attention.out_proj = PackedLinear(weights.out_proj, i, width)
        layer.linear1 = PackedLinear(weights.linear1, i, 4 * width)
        layer.linear2 = PackedLinear(weights.linear2, i, width)
