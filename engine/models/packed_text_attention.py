"""The cross-attention of the prior over the text, packed, for a CPU; see `attention_kernel`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from engine.models.attention_kernel import ReadText, looking, reading
from engine.models.kernel_parts import Numbers
from engine.models.kernel_threads import share
from engine.models.packed_layers import followed, joined, projection, scaled, weights_of
from engine.models.panels import Projection, padded
from engine.models.prior_encoder import TextCrossAttention
from engine.models.tile_kernel import LANES


def pack_text_attention(module: TextCrossAttention) -> None:
    """Let `module`, which is on a CPU and trains no more, run compiled for single sentences.

    One whose heads or channels do not fill whole panels stays what it is.
    """
    width, heads = module.c_post.in_channels, module.cross_attention.n_heads
    if width // heads % LANES == 0 and module.c_post.out_channels % LANES == 0:
        module.packed = PackedTextAttention(module)


class PackedTextAttention:
    """Products that follow each other without anything between are one matrix.

    The keys and values of a text are kept as long as the text is.
    """

    def __init__(self, module: TextCrossAttention) -> None:
        attention, text_before = module.cross_attention, weights_of(module.text_pre)
        before, after = weights_of(module.c_pre), weights_of(module.c_post)
        queries = scaled(weights_of(attention.conv_q), attention.query_scale)
        keys, values = (
            followed(text_before, weights_of(conv)) for conv in (attention.conv_k, attention.conv_v)
        )
        self._heads, self._width = attention.n_heads, module.c_post.in_channels
        self._to_text = projection([joined(keys, values)])
        self._to_queries = projection([followed(before, queries)])
        self._from_found = projection([followed(weights_of(attention.conv_o), after)])
        self._straight = projection([followed(before, (after[0], torch.zeros_like(after[1])))])
        self._of_style = after[0][:, :, 0]
        self._texts = WeakTensorKeyDictionary()

    def __call__(self, content: Tensor, text: Tensor, style: Tensor) -> Tensor:
        """[1, C, T], [1, C, N], style [1, width, 1] -> [1, C, T]."""
        rows = content[0].T.contiguous().numpy()
        projections, room, out = self.projections(style), self.room(len(rows)), np.empty_like(rows)
        matrix_bytes = projections[-1].weight.nbytes
        share(looking(), matrix_bytes, projections, rows, self.read(text), room, out)
        return torch.from_numpy(out).T[None]

    def projections(self, style: Tensor) -> tuple[Projection, Projection, Projection]:
        """What `look` multiplies with, in a style [1, width, 1]."""
        straight = self._straight
        straight = straight._replace(bias=straight.bias + (self._of_style @ style[0]).T.numpy())
        return self._to_queries, self._from_found, straight

    def room(self, length: int) -> tuple[Numbers, Numbers, Numbers]:
        """Room for so many frames."""
        widths = self._width, self._width, len(self._of_style)
        queries, found, kept = (np.empty((length, width), np.float32) for width in widths)
        return queries, found, kept

    def read(self, text: Tensor) -> ReadText:
        """A text [1, C, N] as `look` reads it."""
        read = self._texts.get(text)
        if read is None:
            read = self._texts[text] = self._read(text)
        return read

    def _read(self, text: Tensor) -> ReadText:
        length, head_width = text.shape[2], self._width // self._heads
        shape = self._heads * padded(length) // LANES, head_width, LANES
        read = ReadText(
            np.empty(shape, np.float32), np.empty((length, 2 * self._width), np.float32)
        )
        rows = text[0].T.contiguous().numpy()
        share(reading(), self._to_text.weight.nbytes, self._to_text, rows, read)
        return read
