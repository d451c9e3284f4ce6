"""One text becomes sound: the request, the first audio with its retries, the silence guard."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing

from gptsovits.tts.v1 import audio_pb2, tts_pb2

from plugin.gpt_sovits.connection import Connection, SpeechCall
from plugin.gpt_sovits.errors import ConnectionFailedError, ServerFailedError, TtsError
from plugin.gpt_sovits.settings import Settings, voice_id

# Dify ends an invocation after 600 s and never tells the plugin that a listener has left, so
# this deadline is what frees the server then.
SPEECH_DEADLINE_S = 570.0


def speech_input(settings: Settings, text: str, voice: str) -> tts_pb2.SpeechInput:
    """Return the request for `text` in `voice` (an id; empty means the default voice)."""
    return tts_pb2.SpeechInput(
        text=text,
        voice=f"voices/{voice_id(voice) or settings.default_voice}",
        language=settings.language,
        options=tts_pb2.SynthesisOptions(speed=settings.speed),
        audio_format=audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MP3),
    )


def stream_speech(
    connection: Connection, speech: tts_pb2.SpeechInput, silence_limit_s: float
) -> Generator[bytes]:
    """Yield MP3 as the server makes it.

    A call that fails in passing is repeated as long as nothing was heard of it; after the first
    sound never, for the listener would hear the beginning twice.

    Raises:
        TtsError: the server cannot be reached, refuses, falls silent, or breaks off.
    """

    def start() -> tuple[bytes, Generator[bytes]]:
        sound = _listen(connection.speak(speech, SPEECH_DEADLINE_S), silence_limit_s)
        return next(sound), sound

    first, rest = connection.retrying(start)
    with closing(rest):
        yield first
        try:
            yield from rest
        except ConnectionFailedError as error:
            raise ServerFailedError(f"The speech broke off. {error}") from None


def _listen(call: SpeechCall, silence_limit_s: float) -> Generator[bytes]:
    """Yield the sound of `call`, and cancel it when it ends in any other way than by itself."""
    guard = SilenceGuard(call, silence_limit_s)
    try:
        yield from _sound(call, guard)
    except TtsError:
        if guard.expired:
            raise ConnectionFailedError(
                f"The speech server sent nothing for {silence_limit_s:g} s. See whether it is "
                "overloaded, or raise the timeout in the model's settings."
            ) from None
        raise
    finally:
        guard.stop()
        call.cancel()


def _sound(call: SpeechCall, guard: SilenceGuard) -> Iterator[bytes]:
    heard = complete = False
    for message in call:
        guard.heard()
        if message.HasField("opened"):
            _check_format(message.opened.audio_format)
        elif message.HasField("audio") and message.audio.data:
            heard = True
            guard.pause()  # while the listener takes the sound, the server owes nothing
            yield message.audio.data
            guard.heard()
        elif message.HasField("completed"):
            complete = True
    if not (heard and complete):
        what = "broke off in mid-speech" if heard else "sent no sound"
        raise ServerFailedError(f"The speech server {what}. Its log has the cause.")


def _check_format(audio_format: audio_pb2.AudioFormat) -> None:
    if audio_format.encoding != audio_pb2.AUDIO_ENCODING_MP3:
        name = audio_pb2.AudioEncoding.Name(audio_format.encoding)
        raise ServerFailedError(f"The speech server sends {name} where MP3 was asked for.")


class SilenceGuard:
    """Cancels a call that has brought nothing for `limit_s`.

    Dify watches only whole invocations, and gRPC only whole calls.
    """

    def __init__(self, call: SpeechCall, limit_s: float) -> None:
        self.expired = False
        self._call = call
        self._limit_s = limit_s
        self._heard_at = time.monotonic()
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="silence-guard", daemon=True).start()

    def heard(self) -> None:
        """Note that the call has just brought something."""
        self._heard_at = time.monotonic()

    def pause(self) -> None:
        """Let time pass until the call is `heard` again."""
        self._heard_at = math.inf

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._remaining_s()):
            if self._remaining_s() == 0.0:
                self.expired = True
                self._call.cancel()
                return

    def _remaining_s(self) -> float:
        left_s = self._heard_at + self._limit_s - time.monotonic()
        return min(max(0.0, left_s), self._limit_s)
