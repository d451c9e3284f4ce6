"""Random numbers by their place: no state, the same on every device and in every batch.

A row of a batch has a key; its numbers are those that SplitMix64 gives, seeded with the key, at
the places `step * 2^16 + index`. So what a row draws depends neither on its neighbours nor on what
was drawn before.

Reference: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
with the constants of Stafford's "Mix13".

Integers are int64, which wrap around as unsigned ones do.
"""

from __future__ import annotations

import torch
from torch import Tensor

GAMMA = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SHIFTS = (30, 27, 31)
BITS = 52  # of a number: a double holds it with the half that is added
INDEX_BITS = 16  # of a place; the others are the step's


def random_key(seed: int, *parts: int) -> int:
    """The key of a seed and the numbers behind it, all at least -1; a signed 64-bit integer."""
    key = _mixed(seed + GAMMA)
    for part in parts:
        key = _mixed(key + (part + 1) * GAMMA)
    return _signed(key)


def at_step(key: int, step: int) -> int:
    """The key moved to a step, as `log_uniform` wants it; signed."""
    return _signed((key + (step << INDEX_BITS) * GAMMA) % 2**64)


def log_uniform(keys: Tensor, indices: Tensor) -> Tensor:
    """Logs of numbers in (0, 1), for keys [B, 1] at their steps and `indices` [B, W] below 2^16.

    Less the sign they are Exp(1) noise. Float64 [B, W], of 52 random bits.
    """
    z = torch.add(keys, indices, alpha=_signed(GAMMA))
    z = z.bitwise_xor_(_shifted(z, SHIFTS[0])).mul_(_signed(FIRST))
    z = z.bitwise_xor_(_shifted(z, SHIFTS[1])).mul_(_signed(SECOND))
    z = z.bitwise_xor_(_shifted(z, SHIFTS[2])).bitwise_and_((1 << BITS) - 1)
    return z.double().add_(0.5).mul_(2.0**-BITS).log_()


def _shifted(z: Tensor, bits: int) -> Tensor:
    """Shifted to the right as unsigned integers are."""
    return (z >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _mixed(number: int) -> int:
    """The mixing of `log_uniform`, of a Python integer."""
    z = number % 2**64
    z = (z ^ (z >> SHIFTS[0])) * FIRST % 2**64
    z = (z ^ (z >> SHIFTS[1])) * SECOND % 2**64
    return z ^ (z >> SHIFTS[2])


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


STEP = at_step(0, 1)  # what moves a key by a step
