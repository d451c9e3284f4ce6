"""The pieces that a text is spoken in while it is written, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.inference import SpeechStream
from engine.text.clauses import Clause

if TYPE_CHECKING:
    from engine.types import AudioChunk


@dataclass(eq=False, slots=True)
class Segment:
    """A committed piece of the text, counted from 0; `stream` is its sound once it is begun."""

    number: int
    clause: Clause
    stream: SpeechStream | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The sound of a segment follows."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class Sound:
    """Some of a segment's sound; positions count from the segment's beginning."""

    segment: Segment
    chunk: AudioChunk


@dataclass(frozen=True, slots=True)
class Ended:
    """No more sound of a segment follows."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a ping."""

    ping_id: int


Event = Started | Sound | Ended | Answer
