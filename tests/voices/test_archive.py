"""Voice prompts on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.errors import BundleError
from engine.types import VoicePrompt
from engine.voices.archive import load_prompt, save_prompt
from tests.tiny_bundle import tiny_prompt


def test_a_prompt_comes_back_as_it_was(tmp_path: Path) -> None:
    plain = tiny_prompt()
    prompt = VoicePrompt(
        "zh",
        plain.semantic_tokens,
        plain.phoneme_ids,
        torch.rand(1024, 20),
        (*plain.reference_spectrograms, torch.rand(352, 9)),
        (torch.rand(20480),),
    )
    save_prompt(prompt, tmp_path / "voice.safetensors")
    back = load_prompt(tmp_path / "voice.safetensors")
    assert back.language == "zh"
    assert torch.equal(back.semantic_tokens, prompt.semantic_tokens)
    assert back.bert_features is not None and prompt.bert_features is not None
    assert torch.equal(back.bert_features, prompt.bert_features)
    assert torch.equal(back.reference_spectrograms[1], prompt.reference_spectrograms[1])
    assert torch.equal(back.speaker_embeddings[0], prompt.speaker_embeddings[0])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "voice.safetensors"
    save_prompt(tiny_prompt(), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError, match=r"voice\.safetensors"):
        load_prompt(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        load_prompt(tmp_path / "absent.safetensors")


def test_prompt_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        save_prompt(tiny_prompt(), tmp_path / "missing" / "voice.safetensors")
