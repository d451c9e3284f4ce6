"""Texts and phone targets of the starter's speech."""

from __future__ import annotations

import itertools
import re

from engine.training.starter.content import PhoneNames
from engine.training.starter.corpus import english_texts, mandarin_texts
from engine.training.starter.generate import Utterance


def test_english_texts_are_all_different() -> None:
    texts = list(itertools.islice(english_texts(1), 500))
    assert len(set(texts)) == 500
    assert all(text[-1] in ".?!" for text in texts)


def test_the_same_seed_gives_the_same_texts() -> None:
    one, two = (list(itertools.islice(english_texts(4), 20)) for _ in range(2))
    assert one == two


def test_mandarin_texts_hold_nothing_but_characters_and_marks() -> None:
    for text in itertools.islice(mandarin_texts(1), 100):
        assert re.fullmatch("[一-龥]+(，[一-龥]+)?[。？！]", text)


def test_every_frame_is_named_by_the_phone_at_its_middle() -> None:
    phones = (("pau", 0.1), ("hh", 0.2), ("ay", 0.5), ("pau", 0.6))
    utterance = Utterance("a", "en", "Hi.", 0, int(0.6 * 16000), phones)
    names = PhoneNames([utterance])
    targets = [names.names[i] for i in names.frame_targets(utterance)]
    assert len(targets) == 30
    assert targets[0] == "pau" and targets[7] == "en:hh" and targets[20] == "en:ay"
    assert targets[-1] == "pau"


def test_pauses_of_all_languages_are_one_phone() -> None:
    utterances = [
        Utterance("a", "en", "Hi.", 0, 3200, (("pau", 0.2),)),
        Utterance("b", "zh", "嗨。", 0, 3200, (("pau", 0.1), ("x", 0.2))),
    ]
    assert PhoneNames(utterances).names == ["pau", "zh:x"]
