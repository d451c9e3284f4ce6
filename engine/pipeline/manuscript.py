"""What a request has to say: its sentences, the silences around them, and what nobody reads."""

from __future__ import annotations

import logging

from engine.errors import EmptyTextError, UnreadableTextError
from engine.pipeline.bundle import Bundle
from engine.pipeline.options import sentence_gap_s
from engine.text.guests import has_words, scripts_of
from engine.text.lexicon import Lexicon
from engine.text.marks import plain_text
from engine.text.pauses import pause_before, pause_behind, without_pause
from engine.types import Finding, Flaw, Phonemes, SynthesisRequest

logger = logging.getLogger(__name__)


class Manuscript:
    """The sentences of one request, as far as they were read.

    Attributes:
        language: what the text is read in.
        left_out: of each sentence that has words which nobody reads.

    Raises:
        InputError: nothing can be spoken, or the bundle does not know the language.
    """

    def __init__(self, bundle: Bundle, request: SynthesisRequest) -> None:
        bundle.check_language(request.language)
        settled = bundle.frontend.settle(request.text, request.language)
        self.language = settled if settled in bundle.config.languages else request.language
        self.left_out: list[Finding] = []
        self._bundle, self._request, self._next = bundle, request, 0
        self._sentences = bundle.frontend.sentences(
            request.text,
            self.language,
            request.options.split_policy,
            Lexicon(request.pronunciations),
            bundle.defaults.widest_piece,
            spoken=bundle.config.languages,
        )
        if not self._sentences:
            raise EmptyTextError("the text has nothing that can be spoken")

    @property
    def index(self) -> int:
        """Of the sentence that was read last, from 0."""
        return self._next - 1

    @property
    def at_end(self) -> bool:
        """Whether no sentence is left."""
        return self._next == len(self._sentences)

    @property
    def text(self) -> str:
        """The words of the sentence that was read last."""
        return plain_text(without_pause(self._sentences[self.index]))

    @property
    def lead_s(self) -> float:
        """The silence that the text asks for before its first sentence."""
        return pause_before(self._request.text)

    @property
    def gap_s(self) -> float:
        """The silence behind the sentence that was read last: as the text asks, or as usual."""
        asked_s = pause_behind(self._sentences[self.index])
        if asked_s is not None:
            return asked_s
        if self.at_end and not self._request.goes_on:
            return 0.0
        return sentence_gap_s(self._request.options, self._bundle.defaults)

    def read_on(self) -> Phonemes | None:
        """The next sentence that can be spoken; findings tell of those before it that cannot.

        Raises:
            InputError: it cannot be read.
        """
        while not self.at_end:
            text, self._next = self._sentences[self._next], self._next + 1
            try:
                phonemes = self._bundle.phonemes(text, self.language)
            except EmptyTextError:
                words = self.text.lstrip(".。").strip()
                self._leave_out(Finding(self.index, Flaw.EMPTY, 0, False, words))
                continue
            if phonemes.left_out:
                self._leave_out(Finding(self.index, Flaw.LEFT_OUT, 1, False, phonemes.left_out))
            return phonemes
        return None

    def nothing_to_say(self) -> EmptyTextError:
        """Why a text with words has none that can be spoken."""
        words = " ".join(finding.left_out for finding in self.left_out)
        if not has_words(words):
            return EmptyTextError("the text has nothing that can be spoken")
        return UnreadableTextError(words, scripts_of(words), self._bundle.languages)

    def _leave_out(self, finding: Finding) -> None:
        """Tell of words that are not spoken; they themselves are for the caller alone."""
        self.left_out.append(finding)
        logger.warning(
            "sentence %d: %d characters are left out, for none of %s reads them",
            finding.sentence,
            len(finding.left_out),
            ", ".join(self._bundle.config.languages),
        )
