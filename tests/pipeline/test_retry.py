"""A sentence that comes out wrong is spoken again, without unsaying what was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import SynthesisError
from engine.models.key_value_cache import KeyValueCache
from engine.models.text_to_semantic import TextToSemantic
from engine.pipeline.bundle import Bundle
from engine.pipeline.checks import SpokenSentence, Verifier
from engine.pipeline.scheduler import Scheduler, StreamEvent
from engine.types import (
    Finding,
    Flaw,
    Samples,
    SpeechChecks,
    SplitPolicy,
    SynthesisOptions,
    SynthesisRequest,
)
from tests.tiny_bundle import CODES, SEMANTIC, tiny_bundle, tiny_prompt

TEXT = "The rain came early, and the road was wet."
GOOD = [int(i) for i in np.random.default_rng(1).integers(0, CODES, 50)]
LOOP = GOOD[:20] + [3] * 200
SHORT = GOOD[:12]
END = CODES


class ScriptedModel(TextToSemantic):
    """Says one script after another, the next whenever it is prefilled; remembers the prompts."""

    def __init__(self, scripts: Sequence[Sequence[int]]) -> None:
        super().__init__(replace(SEMANTIC, min_tokens=0))
        self.scripts = [list(script) for script in scripts]
        self.prompts: list[list[int]] = []
        self._rest: list[int] = []

    def prefill(
        self, cache: KeyValueCache, phoneme_ids: Tensor, bert: Tensor | None, prompt: Tensor
    ) -> Tensor:
        """The logits of the next script's first token."""
        super().prefill(cache, phoneme_ids, bert, prompt)
        self.prompts.append(prompt.tolist())
        self._rest = [*self.scripts[min(len(self.prompts), len(self.scripts)) - 1], END]
        return self._next()

    def decode(self, cache: KeyValueCache, tokens: Tensor, positions: Tensor) -> Tensor:
        """The logits of the script's next token."""
        super().decode(cache, tokens, positions)
        return self._next()[None]

    def _next(self) -> Tensor:
        logits = torch.full((CODES + 1,), -50.0)
        logits[self._rest.pop(0) if len(self._rest) > 1 else END] = 50.0
        return logits


@dataclass
class Heard:
    """What a listener got."""

    pieces: list[Samples] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()
    error: Exception | None = None

    def take(self, event: StreamEvent) -> None:
        """Add an event of the scheduler."""
        self.findings, self.error = event.findings, event.error
        if event.chunk is not None and len(event.chunk.samples):
            assert event.chunk.start_sample == sum(map(len, self.pieces))
            self.pieces.append(event.chunk.samples)

    @property
    def sound(self) -> Samples:
        """All of it."""
        return np.concatenate(self.pieces)


@cache
def loaded() -> Bundle:
    """One bundle for all tests: it takes seconds to load the dictionaries."""
    return tiny_bundle()


def bundle_saying(*scripts: Sequence[int], checks: SpeechChecks | None = None) -> Bundle:
    bundle = loaded()
    defaults = replace(bundle.config.defaults, checks=checks or SpeechChecks())
    config = replace(bundle.config, defaults=defaults)
    model = ScriptedModel(scripts).eval()
    return replace(bundle, text_to_semantic=model, config=config)


def listen(
    bundle: Bundle,
    *,
    seed: int = 3,
    verifier: Verifier | None = None,
    pause_at: int = -1,
    text: str = TEXT,
) -> Heard:
    """Speak one sentence; with `pause_at`, pause the stream for a while before that step."""
    scheduler, heard = Scheduler(bundle, 1, verifier=verifier), Heard()
    options = SynthesisOptions(seed=seed, split_policy=SplitPolicy.NONE)
    stream = scheduler.admit(SynthesisRequest(text, "en", tiny_prompt(), options))
    steps = 0
    while scheduler.live:
        if steps == pause_at:
            scheduler.pause(stream)
        if steps == pause_at + 25:
            scheduler.resume(stream)
        for event in scheduler.step():
            heard.take(event)
        steps += 1
    return heard


def prompts(bundle: Bundle) -> list[list[int]]:
    model = bundle.text_to_semantic
    assert isinstance(model, ScriptedModel)
    return model.prompts


def test_a_good_sentence_is_spoken_once() -> None:
    bundle = bundle_saying(GOOD)
    assert listen(bundle).findings == ()
    assert len(prompts(bundle)) == 1


def test_a_loop_is_taken_back_to_the_last_cut_and_goes_on_otherwise() -> None:
    bundle = bundle_saying(LOOP, GOOD)
    heard = listen(bundle)
    assert heard.findings == (Finding(0, Flaw.LOOP, 2, resolved=True),)
    own = tiny_prompt().semantic_tokens.tolist()
    assert prompts(bundle) == [own, own + LOOP[:36]]
    whole = listen(bundle_saying(LOOP[:36] + GOOD))
    assert len(heard.sound) == len(whole.sound)
    np.testing.assert_array_equal(heard.pieces[0], whole.pieces[0])


def test_a_sentence_of_which_nothing_was_heard_begins_anew() -> None:
    bundle = bundle_saying(SHORT, GOOD)
    heard = listen(bundle)
    assert heard.findings == (Finding(0, Flaw.TOO_SHORT, 2, resolved=True),)
    assert prompts(bundle)[0] == prompts(bundle)[1]
    assert len(heard.sound) == len(listen(bundle_saying(GOOD)).sound)


def test_a_seed_gives_the_same_sound_again_with_its_retries() -> None:
    one, two = (listen(bundle_saying(SHORT, LOOP, GOOD)) for _ in range(2))
    np.testing.assert_array_equal(one.sound, two.sound)
    assert one.findings == two.findings == (Finding(0, Flaw.LOOP, 3, resolved=True),)


@pytest.mark.parametrize("pause_at", [2, 10, 30, 45, 60])
def test_a_listener_who_pauses_hears_the_same_sound(pause_at: int) -> None:
    paused = listen(bundle_saying(LOOP, GOOD), pause_at=pause_at)
    np.testing.assert_array_equal(paused.sound, listen(bundle_saying(LOOP, GOOD)).sound)


def test_no_tokens_at_all_are_tried_again_and_then_an_error() -> None:
    heard = listen(bundle_saying([], GOOD))
    assert heard.findings == (Finding(0, Flaw.EMPTY, 2, resolved=True),)
    failed = listen(bundle_saying([]))
    assert isinstance(failed.error, SynthesisError)
    assert failed.pieces == []
    assert failed.findings == (Finding(0, Flaw.EMPTY, 3, resolved=False),)


def test_a_sentence_that_loops_every_time_is_an_error() -> None:
    failed = listen(bundle_saying(LOOP))
    assert isinstance(failed.error, SynthesisError)
    assert "repeated itself" in str(failed.error)


def test_a_sentence_that_stays_short_is_heard_and_reported() -> None:
    longer = replace(SpeechChecks(), min_tokens_per_phoneme=2.0)
    heard = listen(bundle_saying(SHORT, checks=longer))
    assert heard.error is None
    assert heard.findings == (Finding(0, Flaw.TOO_SHORT, 3, resolved=False),)
    assert len(heard.sound)


def test_a_short_text_may_not_end_early_again() -> None:
    bundle = bundle_saying(GOOD[:3])
    heard = listen(bundle, text="Go home")
    assert heard.findings == (Finding(0, Flaw.TOO_SHORT, 2, resolved=True),)
    assert len(prompts(bundle)) == 2
    once = bundle_saying(GOOD[:3], checks=SpeechChecks(retries=0))
    assert len(heard.sound) > len(listen(once, text="Go home").sound)


def test_silence_is_tried_again_and_then_an_error() -> None:
    failed = listen(bundle_saying(GOOD, checks=SpeechChecks(silent_rms=10.0)))
    assert isinstance(failed.error, SynthesisError)
    assert failed.findings == (Finding(0, Flaw.SILENT, 3, resolved=False),)


def test_retries_can_be_switched_off() -> None:
    bundle = bundle_saying(SHORT, GOOD, checks=SpeechChecks(retries=0))
    assert listen(bundle).findings == (Finding(0, Flaw.TOO_SHORT, 1, resolved=False),)
    assert len(prompts(bundle)) == 1


@dataclass
class Picky:
    """Accepts what it hears from the nth time on."""

    accepted_time: int
    heard: list[SpokenSentence] = field(default_factory=list)

    def accepts(self, sentence: SpokenSentence) -> bool:
        """Whether it has been asked often enough."""
        self.heard.append(sentence)
        return len(self.heard) >= self.accepted_time


def test_a_verifier_judges_whole_sentences_before_they_are_heard() -> None:
    verifier = Picky(2)
    heard = listen(bundle_saying(GOOD), verifier=verifier)
    assert heard.findings == (Finding(0, Flaw.REJECTED, 2, resolved=True),)
    assert len(heard.pieces) == 1
    np.testing.assert_array_equal(verifier.heard[1].audio.samples, heard.sound)
    assert verifier.heard[0].language == "en"
    assert verifier.heard[0].text.startswith("The rain")


def test_a_verifier_that_accepts_nothing_does_not_make_it_mute() -> None:
    heard = listen(bundle_saying(GOOD), verifier=Picky(99))
    assert heard.error is None
    assert heard.findings == (Finding(0, Flaw.REJECTED, 3, resolved=False),)
