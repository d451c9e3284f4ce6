"""Speed of the acoustic half: offline, in pieces, and beside what its convolutions reach alone.

The ceiling of a subject is the time that its multiplications would take at the rate of the
residual convolutions, the largest part of the work, one after the other without anything between,
in pieces that stay in the caches, every multiplication done; by PyTorch or compiled, whichever is
faster. The vocoder, which needs fewer multiplications (`engine.models.minimal_filtering`), can be
above it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from engine.models.convolution_kernel import convolve
from engine.models.hifigan import HifiGan
from engine.models.hifigan_stream import stream_of
from engine.models.kernel_parts import ONE, compiled
from engine.models.kernel_threads import share
from engine.models.packed_generator import taps_of
from engine.models.vits_decoder import VitsDecoder
from engine.pipeline.acoustic import Manner
from engine.pipeline.sentence import piece_ends
from engine.pipeline.vits_stream import FIRST_PIECE_TOKENS, VitsStream
from tests.bench import official
from tests.bench.report import Row
from tests.bench.rounds import take_turns

TOKENS = 50  # two seconds
PIECES = 5
PIECE_FRAMES = 2 * TOKENS // PIECES  # of the convolutions alone: what stays in the caches


@torch.inference_mode()
def measure(rounds: int) -> list[Row]:
    """Real-time factors of decoding the released v2 sizes."""
    plain, decoder = official.vits_decoder(packed=False), official.vits_decoder()
    audio_s = TOKENS / 25
    latents = torch.randn(1, decoder.config.inter_channels, 2 * TOKENS)
    style = torch.randn(1, decoder.config.gin_channels, 1)
    layers = _convolutions(plain.dec)
    subjects: dict[str, Callable[[], object]] = {
        "whole sentence": lambda: spoken(decoder, style, [TOKENS]),
        "in growing pieces": lambda: spoken(decoder, style, _cuts()),
        "whole sentence, without compiled code": lambda: spoken(plain, style, [TOKENS]),
        "vocoder, one plain pass": lambda: plain.dec(latents, style),
        "vocoder, at once": lambda: _vocoded(decoder.dec, latents, style, [TOKENS]),
        "vocoder, in growing pieces": lambda: _vocoded(decoder.dec, latents, style, _cuts()),
    }
    vocoder = [name for name in subjects if name.startswith("vocoder")]
    alone = {
        "residual convolutions alone, by PyTorch": lambda: _by_torch(layers),
        "residual convolutions alone, compiled": _compiled(layers),
    }
    work = dict.fromkeys(subjects, _operations(lambda: spoken(plain, style, [TOKENS])))
    work |= dict.fromkeys(vocoder, _operations(subjects["vocoder, one plain pass"]))
    work |= dict.fromkeys(alone, _operations(lambda: _by_torch(layers)))
    seconds = {n: timed.median_s for n, timed in take_turns(subjects | alone, rounds).items()}
    rate = max(work[name] / seconds[name] for name in alone)
    rows = []
    for name, took_s in seconds.items():
        whole = "vocoder, at once" if name in vocoder else "whole sentence"
        ratios = {f"of `{whole}`": took_s / seconds[whole]}
        ratios["of its ceiling"] = work[name] / rate / took_s
        rows.append(Row(name, took_s / audio_s, "s per s of audio", ratios))
    return rows


def _operations(subject: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        subject()
    return int(counter.get_total_flops())


def _cuts() -> list[int]:
    inside = takewhile(lambda end: end < TOKENS, piece_ends(FIRST_PIECE_TOKENS))
    return [*inside, TOKENS]


def spoken(decoder: VitsDecoder, style: Tensor, cuts: list[int]) -> None:
    """Decode one sentence in pieces that end at `cuts`."""
    generator = torch.Generator().manual_seed(0)
    stream = VitsStream(decoder, style, Manner(0.5, 1.0), official.phonemes(40), generator)
    tokens = official.tokens(TOKENS)
    for cut in cuts:
        stream.decode(tokens[:cut], last=cut == TOKENS)


def _vocoded(generator: HifiGan, latents: Tensor, style: Tensor, cuts: list[int]) -> None:
    stream, done = stream_of(generator, style), 0
    for cut in cuts:
        stream.push(latents[..., 2 * done : 2 * cut], last=cut == TOKENS)
        done = cut


def _convolutions(generator: HifiGan) -> list[tuple[nn.Conv1d, Tensor]]:
    """Every residual convolution, and samples of a few frames for it, channels last."""
    found, length = [], PIECE_FRAMES
    blocks = len(generator.config.resblock_kernel_sizes)
    for i, rate in enumerate(generator.config.upsample_rates):
        length *= rate
        for conv in generator.resblocks[blocks * i : blocks * (i + 1)].modules():
            if isinstance(conv, nn.Conv1d):
                x = torch.randn(1, conv.in_channels, 1, length)
                found.append((conv, x.contiguous(memory_format=torch.channels_last)))
    return found


def _by_torch(layers: list[tuple[nn.Conv1d, Tensor]]) -> None:
    for conv, x in layers:
        dilation, padding = conv.dilation[0], int(conv.padding[0])
        weight = conv.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        for _ in range(PIECES):
            F.conv2d(x, weight, conv.bias, dilation=(1, dilation), padding=(0, padding))


def _compiled(layers: list[tuple[nn.Conv1d, Tensor]]) -> Callable[[], None]:
    packed = [(taps_of(conv), x[0, :, 0].T.contiguous().numpy()) for conv, x in layers]
    largest = max(taps.weight.nbytes for taps, _ in packed)
    kernel = _plain_convolution()

    def run_all() -> None:
        for taps, x in packed:
            out = np.empty((len(x) - 2 * taps.reach, taps.bias.shape[1]), np.float32)
            for _ in range(PIECES):
                share(kernel, largest, taps, x, out)

    return run_all


def _plain_convolution() -> Callable[..., None]:
    """(taps, x, out, met, part, parts)."""

    def run(taps, x, out, met, part, parts):  # type: ignore[no-untyped-def]
        convolve(taps, x, out, None, ONE, part, parts)

    return compiled(run)
