"""The fastest decoding step that a device is able to do."""

from __future__ import annotations

import logging
from collections.abc import Callable
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

    def made() -> WindowDecode:
        from engine.models.triton_decoding import TritonDecoding

        decode = TritonDecoding(model)
        for rows in sorted({min(rows, most) for rows in TRIED_ROWS}):
            _compare(model, decode, rows)
        return decode

    plain: WindowDecode = TextToSemantic.decode_window
    return by_kernels("decoding", made, plain)


def by_kernels[Way](what: str, made: Callable[[], Way], plain: Way) -> Way:
    """A way of doing `what` by Triton's kernels; the `plain` one, with a warning, where they fail.

    They do without a C compiler, on an old GPU, or where too little of its memory is left.
    """
    try:
        from triton.errors import TritonError
    except ImportError as error:
        return _told(what, error, plain)
    try:
        return made()
    except (ImportError, TritonError, RuntimeError, OSError, SubprocessError) as error:
        return _told(what, error, plain)


def _told[Way](what: str, error: Exception, plain: Way) -> Way:
    logger.warning("%s without Triton's kernels, which is slower: %s", what, error)
    return plain


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
