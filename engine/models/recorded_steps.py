"""Decoding steps of fixed shapes: embedding, layers, logits and sampling as one recording.

There is a recording for each bucket of rows and positions, made before or when it is needed. Rows
that are not in use are decoded with the others and mean nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models.decoding_rows import DecodingRows
from engine.models.key_value_cache import KeyValueCache
from engine.models.recording import Recorder, Work
from engine.models.text_to_semantic import TextToSemantic, WindowDecode

POSITIONS = (256, 384, 512, 768, 1024, 1536)  # then multiples of the last


class RecordedSteps:
    """The steps of a model over rows and their cache.

    Args:
        model: in evaluation mode, its weights where they stay.
        cache, rows: of the same sequences.
        record: makes the recordings.
        decode: what stands in for the decoding of a window.
    """

    def __init__(
        self,
        model: TextToSemantic,
        cache: KeyValueCache,
        rows: DecodingRows,
        record: Recorder,
        decode: WindowDecode = TextToSemantic.decode_window,
    ) -> None:
        self._model, self._cache, self._rows = model, cache, rows
        self._record, self._decode = record, decode
        self._steps: dict[tuple[int, int], Work] = {}
        self._keys = cache.keys

    @torch.inference_mode()
    def prepare(self) -> None:
        """Record all buckets that the cache has room for, so that nobody has to wait for it."""
        most = len(self._cache.filled)
        for positions in POSITIONS:
            if positions <= self._cache.capacity:
                for rows in sorted({rows_bucket(n + 1, most) for n in range(most)}):
                    self._step_of(rows, positions)

    def __call__(self) -> Tensor:
        """Take the next token of every live row: [live], which the next step overwrites."""
        cache, live = self._cache, self._cache.live
        positions = positions_bucket(cache.longest + 1)
        cache.reserve(positions)
        if cache.keys is not self._keys:  # it has grown, and recordings know the old place
            self._steps.clear()
            self._keys = cache.keys
        self._step_of(rows_bucket(live, len(cache.filled)), positions)()
        for row in range(live):
            cache.filled[row] += 1
        return self._rows.tokens[:live]

    def _step_of(self, rows: int, positions: int) -> Work:
        step = self._steps.get((rows, positions))
        if step is None:
            step = self._recorded(rows, positions)
            self._steps[rows, positions] = step
        return step

    def _recorded(self, rows: int, positions: int) -> Work:
        window, state = self._cache.window(rows, positions), self._rows

        def work() -> None:
            tokens, at = state.tokens[:rows], state.positions[:rows]
            logits = self._decode(self._model, window, tokens, at)
            state.choose_as_recorded(logits)
            window.lengths.add_(state.alive[:rows])

        lengths = window.lengths.clone()
        with state.unchanged():
            recording = self._record(work)
        window.lengths.copy_(lengths)
        return recording


def rows_bucket(rows: int, most: int) -> int:
    """How many rows are decoded for `rows` of at most `most`: a power of two, or all."""
    return min(1 << (rows - 1).bit_length(), most)


def positions_bucket(positions: int) -> int:
    """How many positions are looked at for so many."""
    for bucket in POSITIONS:
        if positions <= bucket:
            return bucket
    largest = POSITIONS[-1]
    return -(-positions // largest) * largest
