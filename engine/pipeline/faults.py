"""Faults of the models, kept to the streams that they worked for.

A bug in a model or a library under it, or too little memory for a long sentence, must not end the
thread that speaks for all. What cannot be kept to a stream is a device that is lost: CUDA answers
every later call with the same error until the process ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial

import torch

from engine.errors import EngineError, ModelError
from engine.text.faults import FAULTS

logger = logging.getLogger(__name__)


@contextmanager
def kept_to_streams() -> Iterator[None]:
    """Let the models work inside.

    Raises:
        ModelError: a fault came up.
    """
    try:
        yield
    except torch.AcceleratorError:
        raise
    except (*FAULTS, MemoryError) as fault:
        logger.exception("the models failed")
        raise ModelError(f"the models failed with {type(fault).__name__}") from fault


def attempt[T](work: Callable[[], T]) -> T | EngineError:
    """Return what `work` returns, or the error that it ended with.

    The error has no traceback (the log has it), for that would hold a failed stream's tensors.
    """
    try:
        with kept_to_streams():
            return work()
    except EngineError as error:
        return _without_frames(error)


def attempt_together[Item, T](
    work: Callable[[Sequence[Item]], Sequence[T]], items: Sequence[Item]
) -> list[T | EngineError]:
    """Return what `work` returns for all items at once; if that fails, for each of them alone.

    So a fault stays with the stream that it came from. Work that fails must have changed nothing.
    """
    found = attempt(partial(work, items))
    if not isinstance(found, EngineError):
        return list(found)
    if len(items) == 1:
        return [found]
    return [outcome for item in items for outcome in attempt_together(work, [item])]


def copies(error: EngineError, count: int) -> list[EngineError]:
    """The error for as many streams: each is raised by a caller of its own."""
    each = [copy(error) for _ in range(count)]
    for one in each:
        one.__cause__ = error.__cause__
    return each


def _without_frames(error: EngineError) -> EngineError:
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__context__
    return error
