"""Half precision for a GPU, where what it says stays the same.

Numbers of 16 bits are read in half the time, but a sum may come out otherwise: nearly greedy
sentences then end early or turn into others, and sound may get noise. So both are measured before
they are used, on the weights themselves: of the tokens that full precision takes, greedily, how
many does the other take after the same past? And how far below the sound is what changes in it?
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.errors import BundleError
from engine.models.hifigan import HifiGan
from engine.models.text_to_semantic import TextToSemantic

LEAST_AGREEMENT = 0.99
LEAST_SIGNAL_DB = 40.0  # of a sound over what half precision changes in it
PROBE_FRAMES = 100
LONGEST = 150  # tokens of a sentence that are compared
KINDS = (torch.float16, torch.bfloat16)  # the finer one first; the other holds larger numbers


class Probe(NamedTuple):
    """A sentence to compare with: `phoneme_ids` [N] of prompt and text, and `prompt` [P]."""

    phoneme_ids: Tensor
    prompt: Tensor


@torch.inference_mode()
def halve(model: TextToSemantic, probes: Sequence[Probe]) -> torch.dtype:
    """Turn the layers of `model` into the first 16-bit kind that keeps its tokens; returns it.

    Embeddings and the last layer, whose logits decide, stay float32.

    Raises:
        BundleError: neither keeps enough of them; the model stays as it was.
    """
    full, wanted = model.h, greedy(model, probes)
    shares = {}
    for kind in KINDS:
        model.h = copy.deepcopy(full).to(kind)
        shares[kind] = _agreement(model, probes, wanted)
        if shares[kind] >= LEAST_AGREEMENT:
            return kind
    model.h = full
    found = ", ".join(f"{share:.1%} in {str(kind)[6:]}" for kind, share in shares.items())
    raise BundleError(
        f"half precision changes what these weights say: {found} of the tokens stay, "
        f"{LEAST_AGREEMENT:.0%} must; take the precision float32"
    )


def greedy(
    model: TextToSemantic, probes: Sequence[Probe], pasts: Sequence[Tensor] | None = None
) -> list[Tensor]:
    """The likeliest token of every step of each probe, up to the end [T].

    With `pasts` it is that after as many tokens of a probe's past, whatever was likeliest before.
    All probes go together, for a step of one row takes a GPU as long as one of many.
    """
    cache, end = model.new_cache(len(probes), 512), model.config.end
    logits = [model.prefill(cache, p.phoneme_ids, None, p.prompt) for p in probes]
    steps = [torch.stack(logits).argmax(-1)]
    given = None if pasts is None else pad_sequence(list(pasts), batch_first=True)
    positions = steps[0].new_tensor([len(p.prompt) for p in probes])
    ended = steps[0] == end
    for step in range((LONGEST if given is None else given.shape[1]) - 1):
        if given is None and ended.all():
            break
        newest = steps[-1] if given is None else given[:, step]
        steps.append(model.decode(cache, newest, positions + step).argmax(-1))
        ended |= steps[-1] == end
    found = torch.stack(steps, dim=1)
    if pasts is not None:
        return [row[: len(past)] for row, past in zip(found, pasts, strict=True)]
    return [row[: int((row != end).cumprod(0).sum()) + 1] for row in found]


def _agreement(model: TextToSemantic, probes: Sequence[Probe], wanted: Sequence[Tensor]) -> float:
    """The share of the `wanted` tokens that the model takes; of no numbers it takes none."""
    got = greedy(model, probes, wanted)
    same = sum(int((a == b).sum()) for a, b in zip(got, wanted, strict=True))
    return same / sum(map(len, wanted))


def halved_generator(generator: HifiGan) -> HifiGan:
    """A copy of the generator in float16 that makes the same sound.

    Raises:
        BundleError: it does not.
    """
    source, where = torch.Generator().manual_seed(0), generator.conv_pre.weight.device
    config = generator.config
    z = torch.randn(1, config.in_channels, PROBE_FRAMES, generator=source).to(where)
    style = torch.randn(1, config.gin_channels, 1, generator=source).to(where)
    half = copy.deepcopy(generator).half()
    with torch.inference_mode():
        wanted, got = (e(z, style if config.gin_channels else None) for e in (generator, half))
        signal_db = float(10 * (wanted.square().sum() / (got - wanted).square().sum()).log10())
    if not signal_db >= LEAST_SIGNAL_DB:
        raise BundleError(
            f"half precision changes the sound of these weights: it is {signal_db:.0f} dB above "
            f"what changes, {LEAST_SIGNAL_DB:.0f} dB must be; take the precision float32"
        )
    return half
