"""What is left after `kill -9`, seen by the server that starts next on the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from gptsovits.tts.v1 import tts_pb2, tts_pb2_grpc, voices_pb2, voices_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.backend.harness import speech, tone_wav, upload, voice_config

ROOT = Path(__file__).parents[2]
SERVING = health_pb2.HealthCheckResponse.SERVING


@contextmanager
def process(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], grpc.Channel]]:
    """Run a server of tones until killed."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "proto"), *filter(None, sys.path)])
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.backend.serve_tones", str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            _await_serving(channel)
            yield server, channel
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def _await_serving(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest()
    deadline = time.monotonic() + 60
    while health.Check(request, wait_for_ready=True, timeout=60).status != SERVING:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _stored(channel: grpc.Channel) -> list[str]:
    stub = voices_pb2_grpc.VoiceServiceStub(channel)
    voices = stub.ListVoices(voices_pb2.ListVoicesRequest()).voices
    return [voice.name for voice in voices if not voice.builtin]


def _create(channel: grpc.Channel, voice_id: str) -> None:
    stub = voices_pb2_grpc.VoiceServiceStub(channel)
    stub.CreateVoice(upload(voice_config(voice_id), tone_wav(), tone_wav()))


def _speaks(channel: grpc.Channel, voice: str) -> bool:
    stub = tts_pb2_grpc.TextToSpeechServiceStub(channel)
    return bool(stub.Synthesize(tts_pb2.SynthesizeRequest(input=speech(voice=voice))).audio)


def test_kill_during_an_upload_leaves_the_other_voices_and_no_trace(tmp_path: Path) -> None:
    with process(tmp_path) as (server, channel):
        _create(channel, "before")

        def unfinished() -> Iterator[voices_pb2.CreateVoiceRequest]:
            yield voices_pb2.CreateVoiceRequest(config=voice_config("half"))
            yield voices_pb2.CreateVoiceRequest(reference_data=tone_wav())
            time.sleep(0.2)
            server.kill()
            yield voices_pb2.CreateVoiceRequest(consent_data=tone_wav())

        with pytest.raises(grpc.RpcError):
            voices_pb2_grpc.VoiceServiceStub(channel).CreateVoice(unfinished())
    with process(tmp_path) as (_, channel):
        assert _stored(channel) == ["voices/before"]
        assert _speaks(channel, "voices/before")
        _create(channel, "half")
        assert _speaks(channel, "voices/half")


def test_kill_while_voices_are_made_leaves_only_whole_ones(tmp_path: Path) -> None:
    made: list[str] = []
    with process(tmp_path) as (server, channel):
        killer = threading.Timer(0.3, server.kill)
        killer.start()
        with pytest.raises(grpc.RpcError):
            for number in range(10_000):
                _create(channel, f"voice-{number}")
                made.append(f"voices/voice-{number}")
        killer.join()
    with process(tmp_path) as (_, channel):
        stored = _stored(channel)
        assert set(made) <= set(stored)
        assert len(stored) <= len(made) + 1
        assert all(_speaks(channel, voice) for voice in stored)
        folders = list((tmp_path / "voices").iterdir())
        assert len(folders) == len(stored)
        assert not list((tmp_path / "staging").iterdir())


def test_sigterm_ends_the_server_cleanly(tmp_path: Path) -> None:
    with process(tmp_path) as (server, channel):
        assert _speaks(channel, "voices/alto")
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=60) == 0
