"""Voice prompts as safetensors files."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.errors import BundleError
from engine.types import VoicePrompt

FORMAT = "1"


def save_prompt(prompt: VoicePrompt, path: Path) -> None:
    """Write `prompt` to `path`.

    Raises:
        OSError: it cannot be written.
    """
    tensors = {"semantic_tokens": prompt.semantic_tokens, "phoneme_ids": prompt.phoneme_ids}
    if prompt.bert_features is not None:
        tensors["bert_features"] = prompt.bert_features
    if prompt.reference_mel is not None:
        tensors["reference_mel"] = prompt.reference_mel
    for i, spectrogram in enumerate(prompt.reference_spectrograms):
        tensors[f"reference_spectrogram.{i}"] = spectrogram
    for i, embedding in enumerate(prompt.speaker_embeddings):
        tensors[f"speaker_embedding.{i}"] = embedding
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        save_file(contiguous, path, {"language": prompt.language, "format": FORMAT})
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def load_prompt(path: Path) -> VoicePrompt:
    """Read a prompt that `save_prompt` wrote.

    Raises:
        BundleError: the file is damaged or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise BundleError(f"{path} is not a voice of format {FORMAT}")
        return VoicePrompt(
            metadata["language"],
            tensors["semantic_tokens"],
            tensors["phoneme_ids"],
            tensors.get("bert_features"),
            tuple(t.float() for t in _numbered(tensors, "reference_spectrogram")),
            tuple(_numbered(tensors, "speaker_embedding")),
            tensors.get("reference_mel"),
        )
    except (SafetensorError, OSError, KeyError) as error:
        raise BundleError(f"{path} is not a readable voice: {error}") from error


def _numbered(tensors: dict[str, torch.Tensor], name: str) -> list[torch.Tensor]:
    """The tensors `name.0`, `name.1`, … in order."""
    count = sum(key.startswith(f"{name}.") for key in tensors)
    return [tensors[f"{name}.{i}"] for i in range(count)]
