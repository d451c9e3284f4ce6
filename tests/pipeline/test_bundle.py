"""Bundles from folders: with speaker embeddings, with character features, and incomplete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.checkpoints.bundle_folder import BERT_VOCABULARY, read_config, write_config
from engine.errors import BundleError, ReferenceAudioError, UnreadableTextError
from engine.pipeline.bundle import Bundle, load_bundle
from engine.pipeline.synthesizer import synthesize
from engine.types import Audio, SynthesisOptions, SynthesisRequest
from engine.voices.archive import load_prompt, save_prompt
from tests.tiny_bundle import tiny_prompt
from tests.tiny_folder import BERT, SPEAKER, tiny_config, write_tiny_folder

OPTIONS = SynthesisOptions(seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with everything."""
    config = tiny_config(speaker=True, bert=True)
    return write_tiny_folder(tmp_path_factory.mktemp("whole"), config)


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return load_bundle(folder, "cpu")


def recording(seconds: float = 4.0, rate: int = 32000) -> Audio:
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 140 * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2
    return Audio(wave.astype(np.float32), rate)


def test_a_recording_becomes_a_voice_with_a_speaker_embedding(bundle: Bundle) -> None:
    prompt = bundle.create_prompt(recording(), "你好世界。", "zh")
    (embedding,) = prompt.speaker_embeddings
    assert embedding.shape == (SPEAKER.embedding_size,)
    assert prompt.bert_features is not None
    assert prompt.bert_features.shape == (BERT["hidden_size"], len(prompt.phoneme_ids))


def test_a_small_bundle_runs_on_one_thread_and_a_large_one_on_all(bundle: Bundle) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    wide = SimpleNamespace(config=SimpleNamespace(width=512))
    assert bundle.best_threads == 1
    assert replace(bundle, text_to_semantic=wide).best_threads == 2
    torch.set_num_threads(before)


def test_a_transcript_with_words_that_nobody_reads_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UnreadableTextError, match=r"Hangul.*en, zh"):
        bundle.create_prompt(recording(), "Good morning, 안녕하세요.", "en")


def test_two_speakers_have_two_embeddings(bundle: Bundle) -> None:
    one = recording()
    noise = np.random.default_rng(0).normal(0, 0.1, len(one.samples)).astype(np.float32)
    voices = [one, Audio(noise, one.sample_rate_hz)]
    first, second = (bundle.create_prompt(v, "Good morning.", "en") for v in voices)
    assert not torch.allclose(first.speaker_embeddings[0], second.speaker_embeddings[0])


@pytest.mark.parametrize(("text", "language"), [("你好，世界。", "zh"), ("Good morning.", "en")])
def test_a_recorded_voice_speaks(bundle: Bundle, text: str, language: str, tmp_path: Path) -> None:
    save_prompt(bundle.create_prompt(recording(), "你好世界。", "zh"), tmp_path / "voice")
    voice = load_prompt(tmp_path / "voice")
    audio = synthesize(bundle, SynthesisRequest(text, language, voice, OPTIONS))
    assert audio.duration_s > 0.2
    assert np.isfinite(audio.samples).all()


def test_characters_are_felt_in_mandarin_alone(bundle: Bundle) -> None:
    phonemes = bundle.phonemes("你好，OK。", "zh")
    features = bundle.bert_features(phonemes)
    assert features is not None
    assert features.shape == (BERT["hidden_size"], len(phonemes.phoneme_ids))
    felt, at = features.abs().sum(0) > 0, 0
    for segment in phonemes.segments:
        until = at + len(segment.phonemes)
        assert felt[at:until].all() == (segment.language == "zh")
        assert felt[at:until].any() == (segment.language == "zh")
        at = until


def test_phonemes_of_one_character_share_its_features(bundle: Bundle) -> None:
    phonemes = bundle.phonemes("你好世界", "zh")
    features = bundle.bert_features(phonemes)
    assert features is not None and phonemes.segments[0].word2ph == (2, 2, 2, 2)
    torch.testing.assert_close(features[:, 0], features[:, 1])
    assert not torch.allclose(features[:, 1], features[:, 2])


def test_a_text_longer_than_the_network_reads_is_read_in_parts(bundle: Bundle) -> None:
    phonemes = bundle.phonemes("你好世界" * 6, "zh")
    features = bundle.bert_features(phonemes)
    assert features is not None and features.shape[1] == len(phonemes.phoneme_ids)


def test_a_bundle_without_characters_has_no_features(tmp_path: Path) -> None:
    plain = load_bundle(write_tiny_folder(tmp_path, tiny_config()), "cpu")
    assert plain.bert_features(plain.phonemes("你好世界", "zh")) is None
    assert plain.create_prompt(recording(), "Good morning.", "en").speaker_embeddings == ()


def test_a_voice_without_character_features_speaks_where_they_are_read(bundle: Bundle) -> None:
    voice = bundle.create_prompt(recording(), "Good morning.", "en")
    voice = replace(voice, bert_features=None)
    audio = synthesize(bundle, SynthesisRequest("你好世界。", "zh", voice, OPTIONS))
    assert audio.duration_s > 0.2


def test_a_voice_of_another_bundle_is_refused_by_reason(bundle: Bundle) -> None:
    request = SynthesisRequest("Good morning.", "en", tiny_prompt(), OPTIONS)
    with pytest.raises(ReferenceAudioError, match="no speaker embedding"):
        synthesize(bundle, request)


def test_networks_that_a_bundle_lacks_stay_out_of_its_description(tmp_path: Path) -> None:
    write_tiny_folder(tmp_path, tiny_config())
    text = (tmp_path / "bundle.json").read_text("utf-8")
    assert '"bert"' not in text and '"speaker_encoder"' not in text
    assert read_config(tmp_path).bert is None


@pytest.mark.parametrize("name", ["bert", "speaker_encoder"])
def test_a_network_that_another_one_needs_is_missed_by_name(tmp_path: Path, name: str) -> None:
    config = tiny_config(speaker=True, bert=True)
    write_tiny_folder(tmp_path, config)
    write_config(tmp_path, replace(config, **{name: None}))
    with pytest.raises(BundleError, match=rf"lacks {name}\.safetensors"):
        load_bundle(tmp_path, "cpu")


@pytest.mark.parametrize("name", ["bert.safetensors", "speaker_encoder.safetensors"])
def test_a_described_file_that_is_not_there_is_missed_by_name(tmp_path: Path, name: str) -> None:
    config = tiny_config(speaker=True, bert=True)
    write_tiny_folder(tmp_path, config)
    (tmp_path / name).unlink()
    write_config(tmp_path, config)
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_bundle(tmp_path, "cpu")


def test_a_speaker_encoder_of_another_width_is_refused(tmp_path: Path) -> None:
    config = tiny_config(speaker=True)
    wider = replace(config.acoustic, speaker_dimension=20480)
    write_tiny_folder(tmp_path, replace(config, acoustic=wider))
    with pytest.raises(BundleError, match="gives 2560 values where 20480 are read"):
        load_bundle(tmp_path, "cpu")


def test_the_vocabulary_is_pinned(tmp_path: Path) -> None:
    write_tiny_folder(tmp_path, tiny_config(bert=True))
    (tmp_path / BERT_VOCABULARY).write_text("[CLS]\n", "utf-8")
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(tmp_path, "cpu")


def test_a_vocabulary_without_its_marks_is_refused(tmp_path: Path) -> None:
    config = tiny_config(bert=True)
    write_tiny_folder(tmp_path, config)
    (tmp_path / BERT_VOCABULARY).write_text("你\n好\n", "utf-8")
    write_config(tmp_path, config)
    with pytest.raises(BundleError, match=r"lacks \[CLS\], \[SEP\], \[UNK\]"):
        load_bundle(tmp_path, "cpu")
