"""Which published files each released version consists of, by their paths in the repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.checkpoints.convert import Source
from engine.checkpoints.identify import identify_file
from engine.checkpoints.released_bundle import ReleasedFiles
from engine.errors import CheckpointError, InputError

REPOSITORY = "lj1995/GPT-SoVITS"
CONTENT = "chinese-hubert-base"
CHARACTERS = "chinese-roberta-wwm-ext-large"
SPEAKER = "sv/pretrained_eres2netv2w24s4ep4.ckpt"


@dataclass(frozen=True, slots=True)
class Release:
    """The files that are a version's own; `vocoder` where the acoustic model makes mels."""

    semantic: str
    acoustic: str
    uses_speaker: bool = False
    vocoder: str | None = None

    def paths(self) -> tuple[str, ...]:
        """Every file that a bundle of this version is made of."""
        return (
            self.semantic,
            self.acoustic,
            f"{CONTENT}/config.json",
            f"{CONTENT}/pytorch_model.bin",
            f"{CHARACTERS}/config.json",
            f"{CHARACTERS}/pytorch_model.bin",
            f"{CHARACTERS}/tokenizer.json",
            *((SPEAKER,) if self.uses_speaker else ()),
            *((self.vocoder,) if self.vocoder else ()),
        )


RELEASES = {
    "v1": Release("s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt", "s2G488k.pth"),
    "v2": Release(
        "gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
        "gsv-v2final-pretrained/s2G2333k.pth",
    ),
    "v2Pro": Release("s1v3.ckpt", "v2Pro/s2Gv2Pro.pth", uses_speaker=True),
    "v2ProPlus": Release("s1v3.ckpt", "v2Pro/s2Gv2ProPlus.pth", uses_speaker=True),
    "v3": Release(
        "s1v3.ckpt",
        "s2Gv3.pth",
        vocoder="models--nvidia--bigvgan_v2_24khz_100band_256x/bigvgan_generator.pt",
    ),
    "v4": Release(
        "s1v3.ckpt", "gsv-v4-pretrained/s2Gv4.pth", vocoder="gsv-v4-pretrained/vocoder.pth"
    ),
}


def release_named(version: str) -> Release:
    """The release of a version.

    Raises:
        InputError: no bundle can be made of it.
    """
    if version not in RELEASES:
        raise InputError(f"version {version!r} is not known; known: {', '.join(RELEASES)}")
    return RELEASES[version]


def with_shared_networks(
    semantic: Source, acoustic: Source, pretrained: Path, *, mandarin: bool = True
) -> ReleasedFiles:
    """The pair with the networks of `pretrained`, a folder laid out as the repository is.

    What the pair needs is read off the head of the acoustic checkpoint: a vocoder, and for
    adapters the checkpoint that they were trained beside.

    Args:
        mandarin: take the character features along, without which no Mandarin is spoken.

    Raises:
        CheckpointError: a folder or a file is missing.
    """
    content, characters, speaker = (pretrained / p for p in (CONTENT, CHARACTERS, SPEAKER))
    if not content.is_dir():
        raise CheckpointError(f"{content} is missing; it is part of {REPOSITORY}")
    if mandarin and not characters.is_dir():
        raise CheckpointError(
            f"{characters} is missing; it is part of {REPOSITORY}, "
            "and only a bundle without Mandarin can be made without it"
        )
    acoustic.check()
    identity = identify_file(acoustic.path)
    release = RELEASES[identity.model]
    return ReleasedFiles(
        semantic,
        acoustic,
        content,
        characters if mandarin else None,
        Source(speaker) if speaker.is_file() else None,
        _needed(pretrained, release.vocoder, "vocoder") if release.vocoder else None,
        _needed(pretrained, release.acoustic, "base") if identity.is_lora else None,
    )


def _needed(pretrained: Path, name: str, role: str) -> Source:
    path = pretrained / name
    if not path.is_file():
        raise CheckpointError(f"{path}, the {role}, is missing; it is part of {REPOSITORY}")
    return Source(path)
