"""Subtitles of a text that was spoken in parts: one file, with the times of the whole sound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gptsovits.tts.v1 import timestamps_pb2

_TIME = r"\d+:\d\d:\d\d[.,]\d{3}"
_CUE = re.compile(
    rf"^(?P<start>{_TIME}) --> (?P<end>{_TIME})\n(?P<text>.*?)(?=\n\n|\Z)",
    re.DOTALL | re.MULTILINE,
)


class Subtitles(StrEnum):
    """The subtitles that a node can write."""

    NONE = "none"
    SRT = "srt"
    WEBVTT = "vtt"

    @property
    def message(self) -> timestamps_pb2.SubtitleFormat.ValueType:
        """The value in a request."""
        return {
            "none": timestamps_pb2.SUBTITLE_FORMAT_UNSPECIFIED,
            "srt": timestamps_pb2.SUBTITLE_FORMAT_SRT,
            "vtt": timestamps_pb2.SUBTITLE_FORMAT_WEBVTT,
        }[self.value]

    @property
    def mime_type(self) -> str:
        """The type of the file."""
        return "application/x-subrip" if self is Subtitles.SRT else "text/vtt"


@dataclass(frozen=True, slots=True)
class Cue:
    """A text that is shown from `start_ms` to `end_ms`."""

    start_ms: int
    end_ms: int
    text: str


def join_subtitles(parts: Sequence[tuple[str, float]], form: Subtitles) -> str:
    """Return one file of the parts' own, each given with the length of its sound in seconds."""
    blocks, begins_s = [] if form is Subtitles.SRT else ["WEBVTT\n"], 0.0
    for written, duration_s in parts:
        begins_ms, ends_ms = round(begins_s * 1000), round((begins_s + duration_s) * 1000)
        for cue in _cues(written):
            # No cue is shown into the next part, whatever the sound of its own was cut to.
            start_ms = min(begins_ms + cue.start_ms, ends_ms)
            moved = Cue(start_ms, min(begins_ms + cue.end_ms, ends_ms), cue.text)
            number = len(blocks) + (1 if form is Subtitles.SRT else 0)
            blocks.append(f"{number}\n{_written(moved, form)}\n")
        begins_s += duration_s
    return "\n".join(blocks)


def _cues(written: str) -> Iterator[Cue]:
    """Yield the cues of a SubRip or WebVTT file."""
    for found in _CUE.finditer(written):
        yield Cue(_milliseconds(found["start"]), _milliseconds(found["end"]), found["text"].strip())


def _milliseconds(clock: str) -> int:
    hours, minutes, seconds, thousandths = map(int, re.split("[:.,]", clock))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


def _written(cue: Cue, form: Subtitles) -> str:
    mark = "," if form is Subtitles.SRT else "."
    return f"{_clock(cue.start_ms, mark)} --> {_clock(cue.end_ms, mark)}\n{cue.text}"


def _clock(milliseconds: int, mark: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{thousandths:03d}"
