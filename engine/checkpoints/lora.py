"""Merge low-rank adapters of v3 and v4 into the weights they were trained beside.

Reference: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685,
section 4.1. The released trainer sets alpha to the rank, so the update is B A, unscaled.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from engine.errors import CheckpointError

WRAPPER = "base_model.model."
DOWN, UP = ".lora_A.default.weight", ".lora_B.default.weight"


def merge(base: Mapping[str, Tensor], adapters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the `base` weights, in float32 where changed, with `adapters` merged in.

    Keys beside the adapters (layers that were trained in full) replace those of the base.

    Raises:
        CheckpointError: an adapter has no partner or nothing to be added to.
    """
    merged = dict(base)
    for key, value in adapters.items():
        if key.endswith(UP):
            continue
        name = key.replace(WRAPPER, "", 1)
        if key.endswith(DOWN):
            name = name.removesuffix(DOWN) + ".weight"
            merged[name] = _updated(base, adapters, name, key)
        else:
            merged[name] = value
    return merged


def _updated(
    base: Mapping[str, Tensor], adapters: Mapping[str, Tensor], name: str, key: str
) -> Tensor:
    partner = key.removesuffix(DOWN) + UP
    if name not in base or partner not in adapters:
        raise CheckpointError(f"the adapter {key} needs {name} in the base and {partner} beside it")
    return base[name].float() + adapters[partner].float() @ adapters[key].float()
