"""Triton's kernels against PyTorch: `python -m tests.models.triton_comparison` interprets them.

Triton decides when it is imported whether it compiles or interprets, hence a process of its own,
with TRITON_INTERPRET=1. It prints the errors as JSON.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from engine.models.hifigan import HifiGan, HifiGanConfig
from engine.models.key_value_cache import KeyValueCache
from engine.models.text_to_semantic import TextToSemantic, TextToSemanticConfig
from engine.models.triton_decoding import TritonDecoding, Tuning
from engine.models.triton_generator import TritonGenerator
from engine.models.weight_norm import fuse_weight_norm

CASES = {  # sizes, and numbers of rows
    "powers of two": (TextToSemanticConfig(20, 65, 64, 4, 2, 0), (1, 3, 20)),
    "others": (TextToSemanticConfig(20, 45, 48, 3, 2, 0), (1, 5)),
}
VOCODERS = {  # with a style and without; an upsampling of one, two and three rounds
    "vocoder": HifiGanConfig(6, 48, (5, 4, 2), (11, 8, 2), (3, 7), ((1, 3, 5), (1, 3)), 5),
    "vocoder without style": HifiGanConfig(20, 72, (3,), (9,), (3,), ((1, 2),), final_bias=True),
}
LENGTHS = (12, 7, 1)  # of excerpts, in frames
KINDS = (torch.float32, torch.float16)
CAPACITY, POSITIONS = 50, 44
TUNING = Tuning(programs=4, long=16, short=16, long_warps=4)


@torch.inference_mode()
def errors(device: torch.device) -> dict[str, float]:
    """The largest error of logits and caches, over the largest number, of every case."""
    found = {}
    for name, (config, counts) in CASES.items():
        torch.manual_seed(0)
        model = TextToSemantic(config).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        for kind in KINDS:
            model.h.to(kind)
            model.to(device)
            for rows in counts:
                found[f"{name}, {str(kind)[6:]}, {rows} rows"] = _error(model, rows)
    for name, sizes in VOCODERS.items():
        for kind in KINDS:
            found[f"{name}, {str(kind)[6:]}"] = _vocoder_error(sizes, device, kind)
    return found


def _vocoder_error(config: HifiGanConfig, device: torch.device, kind: torch.dtype) -> float:
    torch.manual_seed(0)
    generator = HifiGan(config).eval()
    fuse_weight_norm(generator)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    generator.to(device, kind)
    z = torch.randn(len(LENGTHS), config.in_channels, max(LENGTHS), device=device)
    style = torch.randn(len(LENGTHS), config.gin_channels, 1, device=device)
    given = z, style if config.gin_channels else None, torch.tensor(LENGTHS, device=device)
    got, wanted = TritonGenerator(generator)(*given).float(), generator(*given).float()
    spoken = [(i, slice(frames * config.hop)) for i, frames in enumerate(LENGTHS)]
    return max(_relative(got[i, 0, part], wanted[i, 0, part]) for i, part in spoken)


def _error(model: TextToSemantic, rows: int) -> float:
    tokens = torch.arange(rows, device=model.h.like.device) % model.config.vocabulary
    caches = [_cache(model, rows + 3) for _ in range(2)]
    wanted = model.decode_window(caches[0].window(rows, POSITIONS), tokens, 7 * tokens)
    decode = TritonDecoding(model, TUNING)
    got = decode(model, caches[1].window(rows, POSITIONS), tokens, 7 * tokens)
    pairs = [(got, wanted)]
    pairs += [(getattr(caches[1], each), getattr(caches[0], each)) for each in ("keys", "values")]
    return max(_relative(*pair) for pair in pairs)


def _cache(model: TextToSemantic, rows: int) -> KeyValueCache:
    """A cache larger than the window, its rows of many lengths, one of them empty."""
    source = torch.Generator().manual_seed(rows)
    cache = KeyValueCache(model.config, rows, CAPACITY, model.h.like)
    for each in (cache.keys, cache.values):
        each.copy_(torch.randn(each.shape, generator=source))
    lengths = torch.randint(POSITIONS, (rows,), generator=source)
    lengths[0], lengths[1] = POSITIONS - 1, 0
    cache.lengths.copy_(lengths)
    return cache


def _relative(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max())


def _let_scalars_be_indices() -> None:
    """Loop bounds are arrays of one number, which NumPy 2.5 no longer takes for the number."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patched(tensor: type, scope: Any) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: self.handle.data.item())

    interpreter._patch_lang_tensor = patched


if __name__ == "__main__":
    _let_scalars_be_indices()
    print(json.dumps(errors(torch.device("cpu"))))
