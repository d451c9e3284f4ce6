"""Makes the verifier that the settings name."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from backend.errors import ConfigurationError
from engine.text.faults import FAULTS

if TYPE_CHECKING:
    from engine.pipeline.checks import SpokenSentence, Verifier

logger = logging.getLogger(__name__)

FORM = "`module:function`, a function without arguments that returns an object with `accepts`"


class Lenient:
    """A verifier that accepts what another one fails on, for that is no fault of the speech."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def accepts(self, sentence: SpokenSentence) -> bool:
        """Whether the audio says the text, or nobody can tell."""
        try:
            return bool(self._verifier.accepts(sentence))
        except FAULTS:  # foreign code, whose faults must not end the speech of others
            logger.exception("the verifier failed on a sentence, which is taken as it is")
            return True


def make_verifier(name: str) -> Verifier | None:
    """Return a new verifier of that name; none without a name. Each engine has one of its own.

    Raises:
        ConfigurationError: there is no such function, or it makes no verifier.
    """
    if not name:
        return None
    module, _, function = name.partition(":")
    try:
        verifier = getattr(import_module(module), function)()
    except (ImportError, AttributeError, TypeError, ValueError, OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"verifier {name!r} cannot be made: {error}; give {FORM}"
        ) from error
    if not callable(getattr(verifier, "accepts", None)):
        raise ConfigurationError(f"verifier {name!r} has no method `accepts`; give {FORM}")
    return Lenient(verifier)
