"""`python -m tests.bench.server.pretended serve …`: `backend serve`, whose models are pretended.

They take time and no processor, so that what shows is the rest of the server: reading text, judging
tokens, ordering the work, sending sound. The times are about those of an NVIDIA H100 in float32,
with released v2 sizes; what is heard is a steady sound as long as speech would be.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from engine.errors import EngineError
from engine.models.decoding_rows import Choosing
from engine.models.text_to_semantic import TextToSemanticConfig
from engine.pipeline import scheduler
from engine.pipeline.acoustic import Manner, OpenStream, Piece
from engine.pipeline.bundle import Bundle
from engine.pipeline.checks import Verifier
from engine.pipeline.piece_batches import ROWS
from engine.pipeline.sentence import Prefill
from engine.pipeline.vits_stream import FIRST_PIECE_TOKENS
from engine.types import Samples, VoicePrompt

PREFILL_S = 0.003
STEP_S, STEP_ROW_S = 0.0009, 0.00002  # of decoding, and for each row
BATCH_S, BATCH_PIECE_S = 0.005, 0.0005  # of pieces of sound
SAMPLES_PER_TOKEN = 640  # at the starter's 16 kHz
TOKENS_PER_PHONEME = 1.5
LOUDNESS = 0.1


class Device:
    """Does one thing after another, each of which takes its time."""

    def __init__(self) -> None:
        self._free_s = 0.0

    def begin(self, work_s: float) -> float:
        """Take on some work; when it will be done."""
        self._free_s = max(time.perf_counter(), self._free_s) + work_s
        return self._free_s

    def wait(self, until_s: float) -> None:
        """Sleep until work is done."""
        time.sleep(max(0.0, until_s - time.perf_counter()))


@dataclass(slots=True)
class _Underway:
    owners: tuple[int, ...]
    done_s: float


class Rows:
    """Stands in for `TokenRows`: any tokens, and an end where a sentence would have it."""

    def __init__(
        self, device: Device, config: TextToSemanticConfig, most: int, prompt_phonemes: int
    ) -> None:
        self._device, self._end, self._most = device, config.end, most
        self._prompt_phonemes = prompt_phonemes
        self._left: dict[int, int] = {}
        self._underway: list[_Underway] = []
        self._source = random.Random(1)

    @property
    def owners(self) -> tuple[int, ...]:
        """Whose rows there are."""
        return tuple(self._left)

    @property
    def full(self) -> bool:
        """Whether no row is free."""
        return len(self._left) == self._most

    def begin(self, owner: int, first: Prefill, _: Choosing) -> int:
        """See `TokenRows`."""
        self._device.wait(self._device.begin(PREFILL_S))
        phonemes = len(first.phoneme_ids) - self._prompt_phonemes
        self._left[owner] = round(TOKENS_PER_PHONEME * phonemes)
        return self._token()

    def step(self) -> list[tuple[int, int]]:
        """Tokens of the step before, as on a GPU."""
        rows = 1 << (len(self._left) - 1).bit_length()
        done_s = self._device.begin(STEP_S + STEP_ROW_S * rows)
        self._underway.append(_Underway(self.owners, done_s))
        if len(self._underway) == 1:
            return []
        arrived = self._underway.pop(0)
        self._device.wait(arrived.done_s)
        return [(owner, self._next(owner)) for owner in arrived.owners if owner in self._left]

    def remove(self, owner: int) -> None:
        """See `TokenRows`."""
        self._left.pop(owner, None)
        if not self._left:
            self._underway.clear()

    def _next(self, owner: int) -> int:
        self._left[owner] -= 1
        return self._token() if self._left[owner] > 0 else self._end

    def _token(self) -> int:
        return self._source.randrange(self._end)


class Stream:
    """One sentence."""

    incremental = True
    first_piece_tokens = FIRST_PIECE_TOKENS

    def __init__(self, device: Device, _: Tensor, __: torch.Generator) -> None:
        self._device, self._spoken = device, 0

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """A piece alone."""
        self._device.wait(self._device.begin(BATCH_S + BATCH_PIECE_S))
        return self.speak(semantic_tokens)

    def speak(self, semantic_tokens: Tensor) -> Samples:
        """What is new of a sentence."""
        samples = SAMPLES_PER_TOKEN * (len(semantic_tokens) - self._spoken)
        self._spoken = len(semantic_tokens)
        return np.full(samples, LOUDNESS, np.float32)


class Acoustics:
    """Speaks pieces in batches."""

    together = ROWS[-1]

    def __init__(self, device: Device) -> None:
        self._device = device

    def in_voice(self, voice: VoicePrompt, manner: Manner) -> OpenStream:
        """See `AcousticDecoder`."""
        return partial(Stream, self._device)

    def decode(self, pieces: Sequence[Piece]) -> Sequence[Samples | EngineError]:
        """See `AcousticDecoder`."""
        batches = -(-len(pieces) // self.together)
        work_s = BATCH_S * batches + BATCH_PIECE_S * len(pieces)
        self._device.wait(self._device.begin(work_s))
        return [piece.stream.speak(piece.semantic_tokens) for piece in pieces]


class Scheduler(scheduler.Scheduler):
    """That of the engine, with pretended models."""

    def __init__(
        self, bundle: Bundle, max_streams: int, *, verifier: Verifier | None = None
    ) -> None:
        device = Device()
        bundle = replace(bundle, acoustics=Acoustics(device))
        super().__init__(bundle, max_streams, verifier=verifier)
        prompts = (voice.prompt for voice in bundle.builtin_voices.values())
        phonemes = min(len(prompt.phoneme_ids) for prompt in prompts)
        self._rows = Rows(device, bundle.text_to_semantic.config, max_streams, phonemes)


if __name__ == "__main__":
    from backend.cli.app import app

    with patch.object(scheduler, "Scheduler", Scheduler):
        app()
