"""From Dify's request to sound and back: the packaged plugin and the real backend."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import soundfile
from gptsovits.tts.v1 import voices_pb2, voices_pb2_grpc

from plugin.packaging.contents import TOOLS
from tests.e2e.backend_process import API_KEY, BackendProcess
from tests.e2e.daemon import HEARTBEAT_S, PluginProcess
from tests.e2e.dify import Dify, failure, longest_stall_s
from tests.e2e.nodes import Nodes, uploads
from tests.e2e.package_install import plugin_python, unpack_plugin
from tests.e2e.remote import RemotePlugin
from tests.e2e.serverless import ServerlessPlugin
from tests.plugin.sound import decode_mp3, is_bare_mp3, loudness
from tests.plugin.test_voices import LOCALES

SENTENCES = [
    "Good morning.",
    "The train is late today.",
    "Please close the window.",
    "We had soup for lunch.",
    "My sister lives by the sea.",
    "It will rain in the evening.",
    "The shop opens at nine.",
    "Thank you very much.",
]
LONGEST_STALL_S = 1.0
# About five seconds, as a reference must have three to ten.
RECORDED = "I agree that this voice may be used here, and I say so in a calm and even tone."
QUIETEST = 0.005


@pytest.fixture
def dify(real_dify: Dify) -> Dify:
    """A workspace with the real backend."""
    return real_dify


@pytest.fixture
def voice(dify: Dify) -> str:
    """A voice of the starter bundle."""
    return dify.voices("en-US")[0]["value"]


def assert_is_speech(sound: bytes) -> None:
    """Fail unless `sound` is bare MP3 of something audible and long enough to be words."""
    assert is_bare_mp3(sound)
    samples, rate_hz = decode_mp3(sound)
    assert 0.3 < len(samples) / rate_hz < 30
    assert loudness(samples) > QUIETEST


def test_one_request_gives_speech(dify: Dify, voice: str) -> None:
    speech = dify.speak("Hello, how are you today?", voice)
    assert speech.mime_types == {"audio/mpeg"}
    assert_is_speech(speech.sound)


def test_a_written_answer_with_markdown_gives_speech(dify: Dify, voice: str) -> None:
    answer = "## Lunch\n\n- **Soup** of the day 🍲\n- Bread, see [the menu](https://example.org)\n"
    assert_is_speech(dify.speak(answer, voice).sound)


def test_eight_at_once_all_speak_and_nothing_stalls(dify: Dify, voice: str) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(len(SENTENCES)) as listeners:
        speeches = list(listeners.map(lambda text: dify.speak(text, voice), SENTENCES))
    for speech in speeches:
        assert_is_speech(speech.sound)
    assert longest_stall_s(dify.plugin, began) < HEARTBEAT_S + LONGEST_STALL_S


def test_nothing_to_say_is_a_short_silence(dify: Dify, voice: str) -> None:
    samples, _ = decode_mp3(dify.speak("🎉🎉 …", voice).sound)
    assert len(samples) and not samples.any()


@pytest.mark.parametrize("locale", [*LOCALES, None])
def test_every_language_of_the_interface_has_voices(dify: Dify, locale: str | None) -> None:
    voices = dify.voices(locale)
    assert voices
    assert all(voice["name"] and voice["value"] for voice in voices)


@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_the_other_transports_give_speech(
    transport: str, dify: Dify, voice: str, tmp_path: Path
) -> None:
    unpacked = unpack_plugin(tmp_path)
    kind = RemotePlugin if transport == "tcp" else ServerlessPlugin
    plugin = kind(plugin_python(unpacked), unpacked)
    try:
        there = Dify(plugin, dify.credentials)
        assert there.validate() is True
        assert_is_speech(there.speak("Good morning.", voice).sound)
    finally:
        plugin.close()


def test_nodes_speak_and_make_a_voice_that_speaks(
    tmp_path: Path, backend: BackendProcess, voice: str
) -> None:
    unpacked = unpack_plugin(tmp_path, TOOLS)
    plugin = PluginProcess(plugin_python(unpacked), unpacked, {})
    nodes = Nodes(plugin, {"server_address": backend.address, "api_key": API_KEY})
    try:
        assert nodes.validate() is True
        spoken = nodes.run("speak", text=RECORDED, voice=voice, format="wav", subtitles="srt")
        assert "-->" in spoken.variables["subtitles"]
        recording = spoken.files["speech.wav"]
        samples, rate_hz = soundfile.read(io.BytesIO(recording))
        assert loudness(samples) > QUIETEST
        assert len(samples) / rate_hz == pytest.approx(spoken.variables["duration_s"], abs=0.01)
        with uploads({"reference.wav": recording, "consent.wav": recording}) as files:
            recordings = {"reference": files["reference.wav"], "consent": files["consent.wav"]}
            words = {"transcript": RECORDED, "recorded_language": "en", "consent_text": RECORDED}
            made = nodes.run("create_voice", **recordings, **words, speaker_name="A synthesizer")
        read = nodes.run("read_long_text", text="Good morning.", voice=made.variables["voice"])
        # What the small bundle makes of a reference is weak; that it comes is what counts here.
        assert is_bare_mp3(read.files["reading.mp3"])
        delete_voice(backend, made.variables["voice"])
    finally:
        plugin.close()


def delete_voice(backend: BackendProcess, voice: str) -> None:
    """Leave the backend as it was."""
    with grpc.insecure_channel(backend.address) as channel:
        voices_pb2_grpc.VoiceServiceStub(channel).DeleteVoice(
            voices_pb2.DeleteVoiceRequest(name=f"voices/{voice}"),
            metadata=(("x-api-key", API_KEY),),
        )


def test_the_schema_has_the_same_voices_as_the_list(dify: Dify) -> None:
    schema = dify.schema()["model_properties"]
    assert {each["mode"] for each in schema["voices"]} == {
        each["value"] for each in dify.voices(None)
    }
    assert schema["default_voice"]


def test_good_credentials_are_accepted(dify: Dify) -> None:
    assert dify.validate() is True


def test_a_wrong_key_is_refused_with_what_to_do(dify: Dify, voice: str) -> None:
    stranger = dify.with_credentials(api_key="wrong-secret")
    spoken, checked = failure(stranger.speak, "Hello.", voice), failure(stranger.validate)
    assert spoken.error_type == "InvokeAuthorizationError"
    assert checked.error_type == "CredentialsValidateFailedError"
    for error in (spoken, checked):
        assert "Enter a key" in error.message
        assert "wrong-secret" not in error.message + error.args_text


def test_an_unknown_voice_is_refused_with_the_known_ones(dify: Dify, voice: str) -> None:
    error = failure(dify.speak, "Hello.", "nobody-at-all")
    assert error.error_type == "InvokeBadRequestError"
    assert voice in error.message


def test_a_text_that_is_too_long_is_refused(dify: Dify, voice: str) -> None:
    error = failure(dify.speak, "word " * 20_000, voice)
    assert error.error_type == "InvokeBadRequestError"
    assert "too long" in error.message


def test_what_people_say_is_not_in_the_backends_log(
    dify: Dify, voice: str, backend: BackendProcess
) -> None:
    dify.speak("A secret that nobody may read.", voice)
    assert "secret that nobody" not in backend.log


def test_a_backend_that_dies_and_returns_speaks_again(
    dify: Dify, voice: str, backend: BackendProcess
) -> None:
    backend.kill()
    error = failure(dify.speak, "Good morning.", voice)
    assert error.error_type == "InvokeConnectionError"
    assert "cannot be reached" in error.message
    backend.start()
    assert_is_speech(dify.speak("Good morning.", voice).sound)
