"""The fastest way to vocode excerpts of many sounds that a device is able to do."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.models.device_decoding import by_kernels
from engine.models.hifigan import HifiGan

Vocode = Callable[[Tensor, Tensor | None, Tensor], Tensor]
"""`HifiGan.forward` of rows that have lengths."""

TRIED_FRAMES = (20, 9)  # of excerpts
LARGEST_ERROR = 0.05  # of the loudest sample; no rounding, even of half precision, comes near it


def best_vocode(generator: HifiGan) -> Vocode:
    """What vocodes excerpts fastest where the generator is.

    On CUDA that is Triton's kernels, if they compile there and say what the generator says.
    """
    if generator.conv_pre.weight.device.type != "cuda":
        return generator
    return tried(generator)


def tried(generator: HifiGan) -> Vocode:
    """Vocoding by Triton's kernels, or the generator's own where they fail."""

    def made() -> Vocode:
        from engine.models.triton_generator import TritonGenerator

        vocode = TritonGenerator(generator)
        _compare(generator, vocode)
        return vocode

    plain: Vocode = generator
    return by_kernels("vocoding", made, plain)


@torch.inference_mode()
def _compare(generator: HifiGan, vocode: Vocode) -> None:
    """Check that excerpts sound right.

    Raises:
        RuntimeError: they do not.
    """
    config, where = generator.config, generator.conv_pre.weight.device
    source, rows = torch.Generator().manual_seed(0), len(TRIED_FRAMES)
    z = torch.randn(rows, config.in_channels, max(TRIED_FRAMES), generator=source).to(where)
    style = torch.randn(rows, config.gin_channels, 1, generator=source).to(where)
    given = z, style if config.gin_channels else None, torch.tensor(TRIED_FRAMES, device=where)
    got, wanted = vocode(*given), generator(*given)
    spoken = [
        (got[i, 0, : frames * config.hop], wanted[i, 0, : frames * config.hop])
        for i, frames in enumerate(TRIED_FRAMES)
    ]
    error = max(float((a - b).abs().max() / b.abs().max()) for a, b in spoken)
    if not error <= LARGEST_ERROR:
        raise RuntimeError(f"sound is wrong by {error:.3g} of the loudest sample")
