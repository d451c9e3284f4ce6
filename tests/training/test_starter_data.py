"""Texts and phone targets of the starter's speech."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.training.starter.content import PhoneNames
from engine.training.starter.corpus import english_texts, mandarin_texts
from engine.training.starter.generate import Utterance, generate, load_audio, load_utterances
from engine.training.starter.recipe import SPEAKERS
from engine.training.starter.speech import Spoken
from engine.training.starter.tokens import Tokenizer, trained_codebook
from engine.types import Audio


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


def test_the_nearest_code_tells_the_label_and_rare_labels_get_none() -> None:
    torch.manual_seed(0)
    label = torch.arange(3000) % 6
    label[:20] = 9  # the rarest, left out
    points = torch.randn(10, 16)[label] * 2 + torch.randn(3000, 16)
    tokenizer = trained_codebook(points, label, 6, 8, seed=1, steps=300)
    features = points.view(3000, 8, 2).permute(1, 0, 2).reshape(8, 6000)
    right = (tokenizer.encode(features) == label)[20:].float().mean()
    assert tokenizer.codebook.shape == (6, 8) and right > 0.9
    assert tokenizer.pairs.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_code_heard_wrongly_is_corrected_and_a_pair_without_a_code_is_left() -> None:
    nothing = torch.empty(0)
    tokenizer = Tokenizer(nothing, nothing, nothing, pairs=torch.tensor([70, 30, 50]))
    heard, spoken = torch.tensor([0, 0, 2, 1]), torch.tensor([70, 30, 99, 50])
    assert tokenizer.correct(heard, spoken).tolist() == [0, 1, 2, 2]


def test_two_frames_make_one_pair_of_phones() -> None:
    hop = 1 / 50
    u = Utterance("a", "en", "Hi.", 0, 5 * 320, (("pau", 2 * hop), ("h", 3 * hop), ("i", 1.0)))
    phones = PhoneNames([u])
    assert phones.names == ["en:h", "en:i", "pau"]
    assert phones.frame_targets(u).tolist() == [2, 2, 0, 1, 1]
    assert phones.pair_targets(u).tolist() == [2 * 3 + 2, 0 * 3 + 1]


class UnevenSource:
    """Speaks a second for an even number of letters, too short for an odd one, some slowly."""

    parallel = True

    def speak(self, text: str) -> Spoken:
        time.sleep(0.01 * (len(text) % 3))
        seconds = 0.1 if len(text) % 2 else 1.0
        level = np.float32(len(text) / 1000)
        audio = Audio(np.full(int(16000 * seconds), level, np.float32), 16000)
        return Spoken(audio, (("pau", seconds),))


def test_texts_that_are_spoken_at_a_time_are_kept_in_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("engine.training.starter.generate._source", lambda _: UnevenSource())
    speaker = replace(SPEAKERS[0], utterances=30)
    generate(tmp_path, (speaker,), seed=3)
    fitting = (text for text in english_texts(3) if len(text) % 2 == 0)
    utterances, audio = load_utterances(tmp_path), load_audio(tmp_path)
    assert [each.text for each in utterances] == list(itertools.islice(fitting, 30))
    for each in utterances:
        assert audio[each.start] == int(np.float32(len(each.text) / 1000) * 32767)
