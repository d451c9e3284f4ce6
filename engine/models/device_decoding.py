"""The fastest decoding step that a device is able to do."""

from __future__ import annotations

import logging
from subprocess import SubprocessError

import torch

from engine.models.key_value_cache import KeyValueCache
from engine.models.text_to_semantic import TextToSemantic, WindowDecode

logger = logging.getLogger(__name__)

TRIED_ROWS = (1, 2)  # one and many: each has kernels of its own
TRIED_POSITIONS = 64
LARGEST_ERROR = 0.1  # of the largest logit; no rounding, even of bfloat16, comes near it


def best_decode(model: TextToSemantic, most: int) -> WindowDecode:
    """What decodes windows of up to `most` rows fastest where the model is.

    On CUDA that is Triton's kernels, if they compile there and say what the model says.
    """
    if model.h.like.device.type != "cuda":
        return TextToSemantic.decode_window
    return tried(model, most)


def tried(model: TextToSemantic, most: int) -> WindowDecode:
    """Decoding by Triton's kernels, or the model's own where they fail."""
    try:
        from triton.errors import TritonError

        from engine.models.triton_decoding import TritonDecoding
    except ImportError as error:
        return _plain(error)
    try:
        decode = TritonDecoding(model)
        for rows in sorted({min(rows, most) for rows in TRIED_ROWS}):
            _compare(model, decode, rows)
    except (TritonError, RuntimeError, OSError, SubprocessError) as error:
        return _plain(error)  # no C compiler, an old GPU, too little of its memory
    return decode


@torch.inference_mode()
def _compare(model: TextToSemantic, decode: WindowDecode, rows: int) -> None:
    """Check that logits are right, for a past of random numbers.

    Raises:
        RuntimeError: they are not.
    """
    like, config = model.h.like, model.config
    source = torch.Generator().manual_seed(rows)
    cache = KeyValueCache(config, rows, TRIED_POSITIONS, like)
    for each in (cache.keys, cache.values):
        each.copy_(torch.randn(each.shape, generator=source))
    cache.lengths.copy_(torch.randint(TRIED_POSITIONS, (rows,), generator=source))
    tokens = torch.randint(config.end, (rows,), generator=source).to(like.device)
    window = cache.window(rows, TRIED_POSITIONS)
    got, wanted = (
        each(model, window, tokens, tokens) for each in (decode, TextToSemantic.decode_window)
    )
    error = float((got - wanted).abs().max() / wanted.abs().max())
    if not error <= LARGEST_ERROR:
        raise RuntimeError(f"logits of {rows} rows are wrong by {error:.3g} of the largest")


def _plain(error: Exception) -> WindowDecode:
    logger.warning("decoding without Triton's kernels, which is slower: %s", error)
    return TextToSemantic.decode_window
