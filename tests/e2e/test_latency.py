"""What the plugin adds to the wait for the first sound."""

from __future__ import annotations

import time

import grpc
import pytest
from gptsovits.tts.v1 import tts_pb2, tts_pb2_grpc

from plugin.gpt_sovits.settings import Manner
from plugin.gpt_sovits.speech import speech_input
from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import Dify
from tests.plugin.speech_server import API_KEY, SpeechServer

ROUNDS = 30
LARGEST_ADDITION_S = 0.02


def test_the_first_sound_comes_at_most_20_ms_later_than_without_the_plugin(
    plugin_process: PluginProcess, server: SpeechServer, capsys: pytest.CaptureFixture[str]
) -> None:
    dify = Dify(plugin_process, {"server_address": server.address, "api_key": API_KEY})
    with grpc.insecure_channel(server.address) as channel:
        direct = [direct_s(channel)]
        through = [dify.speak("Hello.", "amy").first_piece_s]
        for _ in range(ROUNDS):  # in turns, so that both meet the same load of the machine
            direct.append(direct_s(channel))
            through.append(dify.speak("Hello.", "amy").first_piece_s)
    quickest = min(through) - min(direct)
    median = sorted(through)[ROUNDS // 2] - sorted(direct)[ROUNDS // 2]
    with capsys.disabled():
        print(f"\nthe plugin adds {quickest * 1e3:.1f} ms (medians: {median * 1e3:.1f} ms)")
    assert quickest < LARGEST_ADDITION_S


def direct_s(channel: grpc.Channel) -> float:
    """Return the wait for the first sound of a client that calls the server itself."""
    stub = tts_pb2_grpc.TextToSpeechServiceStub(channel)
    request = tts_pb2.SynthesizeStreamRequest(input=speech_input("Hello.", "amy", Manner()))
    key = (("authorization", f"Bearer {API_KEY}"),)
    began = time.monotonic()
    messages = stub.SynthesizeStream(request, metadata=key)
    first = next(message for message in messages if message.HasField("audio"))
    waited_s = time.monotonic() - began
    assert first.audio.data
    for _ in messages:  # the rest, so that the next round finds the server free
        pass
    return waited_s
