"""From Dify's request to sound and back: the packaged plugin and the real backend."""

from __future__ import annotations

import io
import re
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gptsovits.tts.v1 import voices_pb2, voices_pb2_grpc

from tests.e2e.backend_process import API_KEY, BackendProcess
from tests.e2e.daemon import HEARTBEAT_S
from tests.e2e.dify import Dify, failure, longest_stall_s
from tests.e2e.metronome import metronome
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
# Three to four seconds: less is refused, and of more the small bundle says nothing.
RECORDED = "I agree that my voice may be used in here now."
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


def test_a_long_chinese_text_is_heard_before_it_is_all_spoken(dify: Dify) -> None:
    text, voice = "今天天气很好，我们去公园走走。" * 6, dify.voices("zh-Hans")[0]["value"]
    dify.speak("你好。", voice)  # the first words of a language wait for its dictionary
    speech = dify.speak(text, voice)
    assert_is_speech(speech.sound)
    assert speech.first_piece_s < 0.5 * sum(speech.waits_s)
    assert speech.piece_bytes[0] < 0.2 * len(speech.sound)


@pytest.mark.parametrize(
    "answer",
    [
        "## Lunch\n\n- **Soup** of the day 🍲\n- Bread, see [the menu](https://example.org)\n",
        "Run `make` first:\n\n```sh\nmake run\n```\n\nThen it speaks. 🎉\n",
        "| dish | price |\n|---|---|\n| soup | 3.50 |\n",
    ],
    ids=["list", "code", "table"],
)
def test_a_written_answer_with_markdown_gives_speech(dify: Dify, voice: str, answer: str) -> None:
    assert_is_speech(dify.speak(answer, voice).sound)


def test_a_wav_is_what_it_is_called(dify: Dify, voice: str) -> None:
    speech = dify.with_credentials(audio_format="wav").speak("Good morning.", voice)
    samples, rate_hz = soundfile.read(io.BytesIO(speech.sound))
    assert speech.mime_types == {"audio/wav"}
    with wave.open(io.BytesIO(speech.sound)) as file:  # which believes the header
        assert (file.getnframes(), file.getframerate()) == (len(samples), rate_hz)
    assert 0.3 < len(samples) / rate_hz < 30
    assert loudness(samples) > QUIETEST


def test_eight_at_once_all_speak_and_nothing_stalls(dify: Dify, voice: str) -> None:
    began = time.monotonic()
    with metronome() as lateness_s, ThreadPoolExecutor(len(SENTENCES)) as listeners:
        speeches = list(listeners.map(lambda text: dify.speak(text, voice), SENTENCES))
        stall_s = longest_stall_s(dify.plugin, began)
    for speech in speeches:
        assert_is_speech(speech.sound)
    assert stall_s - max(lateness_s) < HEARTBEAT_S + LONGEST_STALL_S


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
    real_nodes: Nodes, backend: BackendProcess, voice: str
) -> None:
    assert real_nodes.validate() is True
    spoken = real_nodes.run("speak", text=RECORDED, voice=voice, format="wav", subtitles="srt")
    assert "-->" in spoken.variables["subtitles"]
    recording = spoken.files["speech.wav"]
    samples, rate_hz = soundfile.read(io.BytesIO(recording))
    assert loudness(samples) > QUIETEST
    assert len(samples) / rate_hz == pytest.approx(spoken.variables["duration_s"], abs=0.01)
    with uploads({"reference.wav": recording, "consent.wav": recording}) as files:
        recordings = {"reference": files["reference.wav"], "consent": files["consent.wav"]}
        words = {"transcript": RECORDED, "recorded_language": "en", "consent_text": RECORDED}
        made = real_nodes.run("create_voice", **recordings, **words, speaker_name="A synthesizer")
    try:
        read = real_nodes.run("read_long_text", text="Good morning.", voice=made.variables["voice"])
        assert_is_speech(read.files["reading.mp3"])
    finally:
        delete_voice(backend, made.variables["voice"])
    gone = failure(partial(real_nodes.run, "speak", text="Hello.", voice=made.variables["voice"]))
    assert f"Choose one of: {voice}" in gone.message or f", {voice}" in gone.message


def test_subtitles_of_a_long_reading_follow_its_sound(real_nodes: Nodes, voice: str) -> None:
    rule = "---\n" * 150  # fills a part without a sound
    text = f"{SENTENCES[1]} {SENTENCES[2]}\n\n{rule}\n\n{rule}\n\n{SENTENCES[3]} {SENTENCES[4]}"
    read = real_nodes.run("read_long_text", text=text, voice=voice, format="wav", subtitles="srt")
    samples, rate_hz = soundfile.read(io.BytesIO(read.files["reading.wav"]))
    assert read.variables["parts"] == 2
    cues = re.findall(r"(\S+) --> (\S+)\n((?:.+\n)+)", read.variables["subtitles"])
    times = [seconds(clock) for start, end, _ in cues for clock in (start, end)]
    assert times == sorted(times)
    assert times[-1] <= read.variables["duration_s"] == pytest.approx(len(samples) / rate_hz)
    said = re.findall(r"[a-z]+", "".join(words for *_, words in cues).lower())
    assert said == re.findall(r"[a-z]+", text.lower())
    spoken = [samples[round(start * rate_hz) : round(end * rate_hz)] for start, end in pairs(times)]
    between = np.concatenate(
        [samples[round(end * rate_hz) : round(start * rate_hz)] for end, start in pairs(times[1:])]
    )
    assert all(loudness(each) > QUIETEST for each in spoken)
    assert loudness(between) < 0.8 * loudness(np.concatenate(spoken))


def seconds(clock: str) -> float:
    """Return the time that a cue names."""
    hours, minutes, rest = clock.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def pairs(times: list[float]) -> list[tuple[float, float]]:
    """Return the first and second, the third and fourth, and so on."""
    return list(zip(times[::2], times[1::2], strict=False))


def delete_voice(backend: BackendProcess, voice: str) -> None:
    """Leave the backend as it was."""
    with backend.channel() as channel:
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


@pytest.mark.parametrize("language", ["en", "zh", "fr", "de", "es", "it", "pt", "auto", "voice"])
def test_a_form_with_any_language_of_the_server_is_accepted(dify: Dify, language: str) -> None:
    assert dify.with_credentials(language=language).validate() is True


def test_a_wrong_key_is_refused_with_what_to_do(dify: Dify, voice: str) -> None:
    stranger = dify.with_credentials(api_key="wrong-secret")
    spoken, checked = failure(stranger.speak, "Hello.", voice), failure(stranger.validate)
    assert spoken.error_type == "InvokeAuthorizationError"
    assert checked.error_type == "CredentialsValidateFailedError"
    for error in (spoken, checked):
        assert "Enter a key" in error.message
        assert "wrong-secret" not in error.message + error.args_text


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
