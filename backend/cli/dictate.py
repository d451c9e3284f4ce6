"""Speaking along from Python: text in as it is written, messages out as they come.

stub = tts_pb2_grpc.TextToSpeechServiceStub(channel)
config = tts_pb2.StreamingConfig(voice="voices/rms")
for message in speak_along(stub, config, pieces_of_an_answer):
    if message.HasField("audio"):
        play(message.audio.data)
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from gptsovits.tts.v1 import tts_pb2, tts_pb2_grpc

READ_BYTES = 4096


def speak_along(
    stub: tts_pb2_grpc.TextToSpeechServiceStub,
    config: tts_pb2.StreamingConfig,
    pieces: Iterable[str],
    metadata: tuple[tuple[str, str], ...] = (),
    timeout_s: float | None = None,
) -> Iterator[tts_pb2.StreamingSynthesizeResponse]:
    """Yield what the server answers while `pieces` are written; they are read in a thread.

    Raises:
        grpc.RpcError: the call failed.
    """
    requests = _requests(config, pieces)
    call = stub.StreamingSynthesize(requests, metadata=metadata, timeout=timeout_s)
    try:
        yield from call
    finally:
        call.cancel()


def text_as_it_comes(source: BinaryIO) -> Iterator[str]:
    """Yield UTF-8 text of a pipe or terminal as soon as some of it is there."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    read = getattr(source, "read1", source.read)  # read1 does not wait for the whole block
    while data := read(READ_BYTES):
        if text := decoder.decode(data):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def _requests(
    config: tts_pb2.StreamingConfig, pieces: Iterable[str]
) -> Iterator[tts_pb2.StreamingSynthesizeRequest]:
    yield tts_pb2.StreamingSynthesizeRequest(config=config)
    for piece in pieces:
        yield tts_pb2.StreamingSynthesizeRequest(text=tts_pb2.TextDelta(text=piece))
