"""Pronunciation in IPA by the program espeak-ng.

It runs as a process of its own, for some ten milliseconds a clause: its library keeps one state
for all callers, and text that breaks it must not break the server. The text goes to its standard
input, never to its command line.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable

from engine.errors import MissingDependencyError, SynthesisError

PROGRAM = "espeak-ng"
_SEPARATOR = "_"
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")
_PHONEME_INPUT = re.compile(r"[\[\]<>&]")  # would begin its own notations
_LIMIT_S = 30.0


def is_installed() -> bool:
    """Whether the program can be found."""
    return shutil.which(PROGRAM) is not None


def missing_program() -> MissingDependencyError:
    """What to raise where the program is needed and not there."""
    languages = "French, German, Spanish, Italian and Portuguese"
    return MissingDependencyError(
        f"{PROGRAM} (needed to read {languages})", "on Debian and Ubuntu: apt install espeak-ng"
    )


def sounds(text: str, voice: str) -> list[str]:
    """The sounds of `text` in IPA, stress marks on the vowels, read by the voice of a language.

    Raises:
        MissingDependencyError: the program is not installed.
        SynthesisError: the program failed.
    """
    return list(_split(_run(text, voice)))


def sounds_of_lines(lines: Iterable[str], voice: str) -> list[list[str]]:
    """The sounds of short lines without marks, such as the words of a list, in one run.

    Raises:
        MissingDependencyError: the program is not installed.
        SynthesisError: the program failed.
    """
    return [list(_split(line)) for line in _run("\n".join(lines), voice).splitlines()]


def _run(text: str, voice: str) -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise missing_program()
    arguments = [program, "-q", "--ipa", f"--sep={_SEPARATOR}", "-b1", "-v", voice, "--stdin"]
    plain = _PHONEME_INPUT.sub(" ", text).encode()
    try:
        done = subprocess.run(
            arguments, check=False, input=plain, capture_output=True, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise SynthesisError(f"{PROGRAM} gave no answer within {_LIMIT_S:.0f} s") from error
    if done.returncode:
        raise SynthesisError(f"{PROGRAM} failed with status {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def _split(ipa: str) -> Iterable[str]:
    """The sounds in a line; remarks that another language begins, such as `(en)`, are dropped."""
    bare = _LANGUAGE_SWITCH.sub(_SEPARATOR, ipa)
    return (sound for sound in re.split(rf"[{_SEPARATOR}\s]+", bare) if sound)
