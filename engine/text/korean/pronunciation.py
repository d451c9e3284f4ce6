"""Korean spelling to Korean pronunciation, both in Hangul, by the rules of `g2pk2`.

Importing that package asks NLTK for a corpus over the network, and making its main class may
call pip. Neither is needed for the rules themselves, so only its rule modules are loaded, and its
steps are run here: idioms, word classes by MeCab, numbers, special rules, the table of final and
initial consonants, linking.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.errors import MissingDependencyError

_SPECIAL = (
    "jyeo", "ye", "consonant_ui", "josa_ui", "vowel_ui", "jamo", "rieulgiyeok", "rieulbieub",
    "verb_nieun", "balb", "palatalize", "modifying_rieul",
)  # fmt: skip
_LINKS = ("link1", "link2", "link3", "link4")
_LONG_NUMBER = re.compile(r"\d(?:,?\d){16,}")  # beyond what the rules can count
_DIGIT_NAMES = str.maketrans("0123456789", "영일이삼사오육칠팔구", ",")
_WORD_CLASS = re.compile("/[PJEB]")


class KoreanRules:
    """Applies the rules. Dictionaries are loaded on first use."""

    def pronounce(self, text: str) -> str:
        """`text` as it is spoken, in Hangul syllables; other characters stay."""
        text = _LONG_NUMBER.sub(lambda match: match[0].translate(_DIGIT_NAMES), text)
        for pattern, spoken in self._idioms:
            text = pattern.sub(spoken, text)
        text = self._module("numerals").convert_num(
            self._module("utils").annotate(text, self._tagger)
        )
        letters = self._jamo.h2j(text)
        for name in _SPECIAL:
            letters = getattr(self._module("special"), name)(letters)
        letters = _WORD_CLASS.sub("", letters)
        for pattern, spoken in self._table:
            letters = pattern.sub(spoken, letters)
        for name in _LINKS:
            letters = getattr(self._module("regular"), name)(letters)
        return str(self._module("utils").compose(letters))

    def spell(self, text: str) -> str:
        """`text` with each syllable as its letters, such as ㅎㅏㄴ."""
        return str(self._jamo.j2hcj(self._jamo.h2j(text)))

    def _module(self, name: str) -> Any:
        return importlib.import_module(f"{self._package}.{name}")

    @cached_property
    def _package(self) -> str:
        spec = importlib.util.find_spec("g2pk2")
        if spec is None:
            raise _missing("g2pk2")
        sys.modules.setdefault("g2pk2", importlib.util.module_from_spec(spec))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's patterns hold invalid escapes
            for name in ("utils", "special", "regular", "numerals"):
                importlib.import_module(f"g2pk2.{name}")
        return "g2pk2"

    @cached_property
    def _idioms(self) -> list[tuple[re.Pattern[str], str]]:
        path = Path(self._module("utils").__file__).with_name("idioms.txt")
        lines = [line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
        pairs = [line.split("===") for line in lines if "===" in line]
        return [(re.compile(written), spoken) for written, spoken in pairs]

    @cached_property
    def _table(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(old), new) for old, new, _ in self._module("utils").parse_table()]

    @cached_property
    def _tagger(self) -> Any:
        try:
            import mecab
        except ImportError as error:
            raise _missing("python-mecab-ko") from error
        return mecab.MeCab()

    @cached_property
    def _jamo(self) -> Any:
        try:
            import jamo
        except ImportError as error:
            raise _missing("jamo") from error
        return jamo


def _missing(package: str) -> MissingDependencyError:
    return MissingDependencyError(f"{package} (needed to read Korean)", f"pip install {package}")
