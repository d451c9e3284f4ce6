"""One text becomes sound: the request, the first audio with its retries, the silence guard."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

from gptsovits.tts.v1 import audio_pb2, tts_pb2

from plugin.gpt_sovits.connection import Connection, SpeechCall
from plugin.gpt_sovits.errors import ConnectionFailedError, ServerFailedError, TtsError
from plugin.gpt_sovits.settings import (
    DEFAULT_PAUSE_S,
    Manner,
    SoundFormat,
    voice_id,
    voice_language,
)

# Dify ends an invocation after 600 s and never tells the plugin that a listener has left, so
# this deadline is what frees the server then.
SPEECH_DEADLINE_S = 570.0
WATCH_PERIOD_S = 0.25  # how often a call's silence is measured

ENCODINGS = MappingProxyType(
    {
        SoundFormat.MP3: audio_pb2.AUDIO_ENCODING_MP3,
        SoundFormat.WAV: audio_pb2.AUDIO_ENCODING_WAV,
    }
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may stay silent: before its first sound, and between two."""

    first_s: float
    gap_s: float = DEFAULT_PAUSE_S


def speech_input(text: str, voice: str, manner: Manner) -> tts_pb2.SpeechInput:
    """Return the request for `text` in `voice`, whose own `@language` outweighs the manner's."""
    return tts_pb2.SpeechInput(
        text=text,
        voice=f"voices/{voice_id(voice)}",
        language=voice_language(voice) or manner.language,
        options=tts_pb2.SynthesisOptions(
            speed=manner.speed, temperature=manner.expression.temperature
        ),
        audio_format=audio_pb2.AudioFormat(encoding=ENCODINGS[manner.sound_format]),
    )


def stream_speech(
    connection: Connection, speech: tts_pb2.SpeechInput, patience: Patience
) -> Generator[bytes]:
    """Yield sound as the server makes it.

    A call that fails in passing is repeated as long as nothing was heard of it; after the first
    sound never, for the listener would hear the beginning twice.

    Raises:
        TtsError: the server cannot be reached, refuses, falls silent, or breaks off.
    """

    def start() -> tuple[bytes, Generator[bytes]]:
        call = connection.speak(speech, SPEECH_DEADLINE_S)
        sound = _listen(call, speech.audio_format.encoding, patience)
        return next(sound), sound

    first, rest = connection.retrying(start)
    with closing(rest):
        yield first
        try:
            yield from rest
        except ConnectionFailedError as error:
            raise ServerFailedError(
                "The speech broke off: the connection to the speech server at "
                f"{connection.endpoint.address} was lost ({error.cause}). See whether it was "
                "stopped or restarted, and have the text spoken again."
            ) from None


def _listen(
    call: SpeechCall, encoding: audio_pb2.AudioEncoding.ValueType, patience: Patience
) -> Generator[bytes]:
    """Yield the sound of `call`, and cancel it when it ends in any other way than by itself."""
    guard = SilenceGuard(call, patience.first_s)
    try:
        for sound in _sound(call, encoding, guard):
            guard.pause()  # while the listener takes the sound, the server owes nothing
            yield sound
            guard.expect_within(patience.gap_s)
    except TtsError:
        if guard.expired:
            raise _fell_silent(call.address, guard) from None
        raise
    finally:
        guard.stop()
        call.cancel()


def _fell_silent(address: str, guard: SilenceGuard) -> TtsError:
    silence = f"speech server at {address} sent nothing for {guard.limit_s:g} s"
    if guard.in_speech:
        return ServerFailedError(
            f"The speech broke off: the {silence}. See whether it is overloaded or too slow. With "
            "Dify 1.17 or later the settings may allow a longer pause."
        )
    return ConnectionFailedError(
        f"The {silence}. See whether it is overloaded or too slow, or raise the timeout "
        "in the settings."
    )


def _sound(
    call: SpeechCall, encoding: audio_pb2.AudioEncoding.ValueType, guard: SilenceGuard
) -> Iterator[bytes]:
    heard = complete = False
    for message in call:
        guard.heard()
        if message.HasField("opened"):
            _check_format(message.opened.audio_format, encoding)
        elif message.HasField("audio") and message.audio.data:
            heard = True
            yield message.audio.data
        elif message.HasField("completed"):
            complete = True
    if not (heard and complete):
        what = "broke off in mid-speech" if heard else "sent no sound"
        raise ServerFailedError(
            f"The speech server {what}. See its log for the cause, and have the text spoken again."
        )


def _check_format(
    audio_format: audio_pb2.AudioFormat, wanted: audio_pb2.AudioEncoding.ValueType
) -> None:
    if audio_format.encoding != wanted:
        raise ServerFailedError(
            f"The speech server sends {_encoding_name(audio_format.encoding)} where "
            f"{_encoding_name(wanted)} was asked for. See that it is of this plugin's version."
        )


def _encoding_name(encoding: audio_pb2.AudioEncoding.ValueType) -> str:
    """Return the name of an encoding, which a newer server may have invented."""
    names = {value: name for name, value in audio_pb2.AudioEncoding.items()}
    return names.get(encoding, f"format {encoding}")


class SilenceGuard:
    """Cancels a call that has brought nothing for `limit_s`.

    Dify watches only whole invocations, and gRPC only whole calls.
    """

    def __init__(self, call: SpeechCall, limit_s: float) -> None:
        self.expired = self.in_speech = False
        self.limit_s = limit_s
        self._call = call
        self._heard_at = time.monotonic()
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="silence-guard", daemon=True).start()

    def heard(self) -> None:
        """Note that the call has just brought something."""
        self._heard_at = time.monotonic()

    def pause(self) -> None:
        """Let time pass until the call is `heard` again."""
        self._heard_at = math.inf

    def expect_within(self, limit_s: float) -> None:
        """Wait again from now on, for `limit_s`: sound has been heard."""
        self.limit_s, self.in_speech = limit_s, True
        self.heard()

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(min(self._remaining_s(), WATCH_PERIOD_S)):
            if self._remaining_s() == 0.0:
                self.expired = True
                self._call.cancel()
                return

    def _remaining_s(self) -> float:
        left_s = self._heard_at + self.limit_s - time.monotonic()
        return min(max(0.0, left_s), self.limit_s)
