"""Speed of the acoustic half: offline, in pieces, and beside what its convolutions reach alone.

The ceiling of a subject is the time that its multiplications would take at the rate of the
residual convolutions, the largest part of the work, one after the other without anything between.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from engine.models.hifigan import HifiGan
from engine.models.vits_decoder import VitsDecoder
from engine.models.weight_norm import weight_of
from engine.pipeline.acoustic import Manner
from engine.pipeline.vits_stream import VitsStream
from tests.bench import official
from tests.bench.report import Row
from tests.bench.rounds import take_turns

TOKENS = 50  # two seconds
FIRST_PIECE, GROWTH = 14, 1.5


@torch.inference_mode()
def measure(rounds: int) -> list[Row]:
    """Real-time factors of decoding the released v2 sizes."""
    decoder = official.vits_decoder()
    frames = 2 * TOKENS
    audio_s = TOKENS / 25
    latents = torch.randn(1, decoder.config.inter_channels, frames)
    style = torch.randn(1, decoder.config.gin_channels, 1)
    layers = _convolutions(decoder.dec, frames)
    subjects: dict[str, Callable[[], object]] = {
        "whole sentence": lambda: spoken(decoder, style, [TOKENS]),
        "in growing pieces": lambda: spoken(decoder, style, _cuts()),
        "vocoder, plain forward": lambda: decoder.dec(latents, style),
        "residual convolutions alone": lambda: [
            F.conv2d(x, w, dilation=d, padding=p) for x, w, d, p in layers
        ],
    }
    work = {name: _operations(subject) for name, subject in subjects.items()}
    seconds = {name: timed.median_s for name, timed in take_turns(subjects, rounds).items()}
    rate = work["residual convolutions alone"] / seconds["residual convolutions alone"]
    return [
        Row(
            name,
            seconds[name] / audio_s,
            "s per s of audio",
            {
                "of the whole sentence": seconds[name] / seconds["whole sentence"],
                "of its ceiling": work[name] / rate / seconds[name],
            },
        )
        for name in subjects
    ]


def _operations(subject: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        subject()
    return int(counter.get_total_flops())


def _cuts() -> list[int]:
    cuts, piece = [FIRST_PIECE], FIRST_PIECE
    while cuts[-1] < TOKENS:
        piece = int(piece * GROWTH)
        cuts.append(min(TOKENS, cuts[-1] + piece))
    return cuts


def spoken(decoder: VitsDecoder, style: Tensor, cuts: list[int]) -> None:
    """Decode one sentence in pieces that end at `cuts`."""
    generator = torch.Generator().manual_seed(0)
    stream = VitsStream(decoder, style, Manner(0.5, 1.0), official.phonemes(40), generator)
    tokens = official.tokens(TOKENS)
    for cut in cuts:
        stream.decode(tokens[:cut], last=cut == TOKENS)


def _convolutions(
    generator: HifiGan, frames: int
) -> list[tuple[Tensor, Tensor, tuple[int, int], tuple[int, int]]]:
    """Input, weight, dilation and padding of every residual convolution, channels last."""
    found, length = [], frames
    blocks = len(generator.config.resblock_kernel_sizes)
    for i, rate in enumerate(generator.config.upsample_rates):
        length *= rate
        for conv in generator.resblocks[blocks * i : blocks * (i + 1)].modules():
            if not isinstance(conv, nn.Conv1d):
                continue
            x = torch.randn(1, conv.in_channels, 1, length)
            weight = weight_of(conv).unsqueeze(2)
            size = weight.shape[-1] // 2 * conv.dilation[0]
            found.append(
                (
                    x.contiguous(memory_format=torch.channels_last),
                    weight.contiguous(memory_format=torch.channels_last),
                    (1, conv.dilation[0]),
                    (0, size),
                )
            )
    return found
