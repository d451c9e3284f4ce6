"""What the pipeline asks of the acoustic half of a bundle, whichever networks it is made of.

A request opens its voice once; every sentence then opens a stream and feeds it the tokens as they
come. What a sentence has said stays said: a piece joins the last one without a click.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.types import Samples, VoicePrompt


@dataclass(frozen=True, slots=True)
class Manner:
    """How a request wants the sound.

    `noise_scale` of the latents' randomness; `speed`, 2.0 is twice as fast; `steps` of the flow,
    None where the request does not say.
    """

    noise_scale: float
    speed: float
    steps: int | None = None


class AcousticStream(Protocol):
    """One sentence on its way to sound; all state of it lives in the stream."""

    @property
    def incremental(self) -> bool:
        """Whether pieces can be decoded before the sentence's end."""
        ...

    @property
    def first_piece_tokens(self) -> int:
        """How many tokens the first piece is best made of."""
        ...

    def decode(self, semantic_tokens: Tensor, *, last: bool) -> Samples:
        """Return what can be spoken now of all tokens so far [T], float32 [S].

        The tokens are on the host. Unless `last`, the newest frames are held back. The sound
        depends on the tokens of every call, on nothing else.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What `AcousticStream.decode` is asked for; `stream` is one that the decoder opened.

    All `semantic_tokens` so far are given, on the host.
    """

    stream: AcousticStream
    semantic_tokens: Tensor
    last: bool


OpenStream = Callable[[Tensor, torch.Generator], AcousticStream]
"""Begins a sentence: its phoneme ids [N] and the source of its noise, on the CPU."""


class AcousticDecoder(Protocol):
    """The acoustic half of a bundle."""

    @property
    def together(self) -> int:
        """How many pieces are decoded in hardly more time than one."""
        ...

    def in_voice(self, voice: VoicePrompt, manner: Manner) -> OpenStream:
        """Prepare to speak in a voice.

        Raises:
            ReferenceAudioError: the voice lacks something that the networks read.
            InvalidOptionError: `manner` asks for what these networks do not do.
        """
        ...

    def decode(self, pieces: Sequence[Piece]) -> Sequence[Samples | EngineError]:
        """Return what each of the streams' `decode` would, in one batch where networks can.

        A fault that concerns one stream alone is returned in place of its sound.
        """
        ...
