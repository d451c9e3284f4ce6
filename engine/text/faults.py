"""Faults of the libraries that texts are read by, kept to the text that they failed on.

The front ends lean on a dozen libraries, and a text that breaks one of them must not end the
thread that speaks for all. What is logged is the place of the fault, never the text.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ReadingError

logger = logging.getLogger(__name__)

FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextmanager
def kept_to_text(language: str) -> Iterator[None]:
    """Read a text inside.

    Raises:
        ReadingError: a fault came up.
    """
    try:
        yield
    except FAULTS as fault:
        place = traceback.extract_tb(fault.__traceback__)[-1]
        logger.error(
            "what reads %s failed with %s at %s:%s",
            language,
            type(fault).__name__,
            "/".join(Path(place.filename).parts[-2:]),
            place.lineno,
        )
        raise ReadingError(language, fault) from fault
