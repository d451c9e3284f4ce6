"""A bundle on disk: `bundle.json` beside safetensors files that are pinned by their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.checkpoints.acoustic_config import FlowAcousticConfig
from engine.errors import BundleError
from engine.models.cfm import FlowOptions
from engine.models.sampling import SamplingOptions
from engine.models.speaker_encoder import SpeakerEncoderConfig
from engine.models.text_to_semantic import TextToSemanticConfig
from engine.models.vits_decoder import VitsConfig
from engine.text.splitting import SPEAKABLE_PIECE
from engine.types import SpeechChecks

CONFIG = "bundle.json"
BERT_VOCABULARY = "bert_vocabulary.txt"
OPTIONAL_FIELDS = ("bert", "speaker_encoder")


@dataclass(frozen=True, slots=True)
class SpeechDefaults:
    """What a request takes where it says nothing.

    `reference_peak`: references are scaled to this peak, or left as they are when None.
    `longest_reference_s`: longer references are cut with their words, or refused.
    `widest_piece`: longer sentences are cut, for models have a limit, and some learned from short
    ones; in letters, of which a CJK character counts as three and a digit as four.
    `carried_s`: how much of what was just spoken the next sentence of a text that comes in parts
    goes on from; 0 where the model does not cope with longer prompts.
    `checks`: when a sentence is spoken again; left out of the file where they are the usual ones.
    `flow`: of bundles that go by mels (v3 and v4); left out of the file where it is None.
    """

    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    noise_scale: float = 0.5
    sentence_gap_s: float = 0.3
    reference_peak: float | None = None
    longest_reference_s: float = 10.0
    widest_piece: int = SPEAKABLE_PIECE
    carried_s: float = 3.0
    checks: SpeechChecks = field(default_factory=SpeechChecks)
    flow: FlowOptions | None = None


@dataclass(frozen=True, slots=True)
class VoiceEntry:
    """A voice that comes with the bundle; its prompt lies in `voices/{voice_id}.safetensors`."""

    voice_id: str
    display_name: str
    description: str
    language: str


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """What `bundle.json` holds.

    `symbols` is the symbol table's version; `content_encoder` are fields of
    `transformers.HubertConfig`; `sha256` pins every file by its path in the folder. Networks
    that not every bundle has, left out of the file where they are None: `bert`, fields of
    `transformers.BertConfig`, and `speaker_encoder`.
    """

    name: str
    version: str
    symbols: str
    languages: tuple[str, ...]
    text_to_semantic: TextToSemanticConfig
    acoustic: VitsConfig | FlowAcousticConfig
    content_encoder: dict[str, Any]
    defaults: SpeechDefaults
    voices: tuple[VoiceEntry, ...]
    sha256: dict[str, str]
    bert: dict[str, Any] | None = None
    speaker_encoder: SpeakerEncoderConfig | None = None


def read_config(folder: Path) -> BundleConfig:
    """Read and check a bundle's description.

    Raises:
        BundleError: it is missing, or a field is missing, wrong or unknown.
    """
    path = folder / CONFIG
    try:
        raw = json.loads(path.read_text("utf-8"))
        config = TypeAdapter(BundleConfig).validate_python(raw)
    except (OSError, ValueError, ValidationError) as error:
        raise BundleError(f"{path} is not a bundle's description: {error}") from error
    if unknown := sorted(_unknown_fields(raw, asdict(config))):
        raise BundleError(f"{path} has fields that this version does not know: {unknown}")
    return config


def checked(config: BundleConfig) -> BundleConfig:
    """The same description with every value of the type that it must have.

    Raises:
        BundleError: a value cannot be read as that.
    """
    try:
        return TypeAdapter(BundleConfig).validate_python(asdict(config))
    except ValidationError as error:
        wrong = "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in error.errors())
        raise BundleError(f"the description of the networks is wrong: {wrong}") from error


def _place(path: Sequence[object]) -> str:
    return ".".join(map(str, path))


def write_config(folder: Path, config: BundleConfig) -> None:
    """Write `bundle.json`, pinning every file that is in the folder now."""
    files = sorted([*folder.rglob("*.safetensors"), *folder.glob(BERT_VOCABULARY)])
    hashes = {p.relative_to(folder).as_posix(): sha256(p) for p in files}
    described = _described(config) | {"sha256": hashes}
    text = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    (folder / CONFIG).write_text(text, "utf-8")


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_changed(folder: Path, config: BundleConfig) -> None:
    """Check the pinned files that were written later than the description that pins them.

    The others have been hashed since; `verify` reads them all, which takes longer than loading.

    Raises:
        BundleError: a file is missing or differs from its hash.
    """
    pinned_ns = (folder / CONFIG).stat().st_mtime_ns
    paths = {name: folder / name for name in config.sha256}
    changed = {
        name: config.sha256[name]
        for name, path in paths.items()
        if not path.is_file() or path.stat().st_mtime_ns >= pinned_ns
    }
    verify(folder, replace(config, sha256=changed))


def verify(folder: Path, config: BundleConfig) -> None:
    """Check every pinned file.

    Raises:
        BundleError: a file is missing or differs from its hash.
    """
    for name, expected in config.sha256.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path} is missing from the bundle")
        if sha256(path) != expected:
            raise BundleError(f"{path} is damaged: its SHA-256 is not the pinned one")


def _described(config: BundleConfig) -> dict[str, Any]:
    """What `bundle.json` says of `config`."""
    fields = asdict(config)
    if config.defaults.checks == SpeechChecks():
        del fields["defaults"]["checks"]
    if config.defaults.flow is None:
        del fields["defaults"]["flow"]
    return {k: v for k, v in fields.items() if v is not None or k not in OPTIONAL_FIELDS}


def _unknown_fields(raw: Any, known: Any) -> Iterator[str]:
    """The names in `raw`, at any depth, that `known` lacks."""
    if isinstance(raw, dict) and isinstance(known, dict):
        yield from raw.keys() - known.keys()
        for name in raw.keys() & known.keys():
            yield from _unknown_fields(raw[name], known[name])
    elif isinstance(raw, list) and isinstance(known, list | tuple):
        for each, other in zip(raw, known, strict=False):
            yield from _unknown_fields(each, other)


def load_network(network: nn.Module, path: Path) -> nn.Module:
    """Fill `network` strictly from a safetensors file, ready for inference.

    Weights that are stored in the network's own precision stay where they are: the file is mapped
    into memory, read as they are used, and shared with other processes. Others are widened.

    Raises:
        BundleError: the file is missing, damaged or does not fit the network.
    """
    if not path.is_file():
        raise BundleError(f"{path} is missing from the bundle")
    try:
        state = load_file(path)
        own = {key: tensor.dtype for key, tensor in network.state_dict().items()}
        wanted = {key: t.to(own.get(key, torch.float32)) for key, t in state.items()}
        network.load_state_dict(wanted, strict=True, assign=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise BundleError(f"{path} does not fit its network: {error}") from error
    return network.eval().requires_grad_(False)


def check_shapes(network: nn.Module, path: Path) -> nn.Module:
    """Check that a file has the tensors of `network`, without reading or making any.

    Raises:
        BundleError: the file is missing, damaged or does not fit the network.
    """
    if not path.is_file():
        raise BundleError(f"{path} is missing from the bundle")
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            stored = {key: tuple(file.get_slice(key).get_shape()) for key in names}
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path} cannot be read: {error}") from error
    for key in sorted(wanted.keys() | stored.keys()):
        if wanted.get(key) != stored.get(key):
            raise BundleError(
                f"{path} does not fit its network: {key} is {stored.get(key, 'missing')}, "
                f"not {wanted.get(key, 'known')}"
            )
    return network


def save_network(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a state dict in half precision."""
    save_file({name: tensor.half().contiguous() for name, tensor in state.items()}, path)
