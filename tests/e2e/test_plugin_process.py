"""The packaged plugin in its own process, as Dify runs it, before a server that can misbehave."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.rpc import code_pb2, status_pb2
from gptsovits.tts.v1 import audio_pb2

from plugin.gpt_sovits.audio import wav_file
from tests.e2e.crowd import LONGEST_STALL_S, serve_sixty_at_once
from tests.e2e.daemon import HEARTBEAT_S, PluginProcess
from tests.e2e.dify import Dify, failure, longest_stall_s
from tests.e2e.metronome import metronome
from tests.plugin.sound import RATE_HZ, decode_mp3, loudness, tone_mp3
from tests.plugin.speech_server import API_KEY, SpeechServer, voice
from tests.plugin.test_voices import LOCALES


@pytest.fixture
def dify(plugin_process: PluginProcess, server: SpeechServer) -> Dify:
    """A workspace with that server."""
    return Dify(plugin_process, {"server_address": server.address, "api_key": API_KEY})


def test_the_first_line_is_the_manifest(plugin_process: PluginProcess) -> None:
    assert json.loads(plugin_process.first_line)["name"] == "gpt_sovits"


def test_one_call_gives_the_servers_sound(dify: Dify) -> None:
    speech = dify.speak("Hello.", "amy")
    assert speech.sound == tone_mp3(2.0)
    assert speech.mime_types == {"audio/mpeg"}
    assert loudness(decode_mp3(speech.sound)[0]) > 0.1


def test_sixty_at_once_stream_side_by_side_without_a_stall(
    dify: Dify, server: SpeechServer
) -> None:
    serve_sixty_at_once(dify, server)


def test_a_mute_server_stalls_nobody_else(dify: Dify, server: SpeechServer) -> None:
    mute = SpeechServer()
    mute.behaviour.mute = True
    waiting = dify.with_credentials(server_address=mute.address, timeout="2")
    began = time.monotonic()
    with metronome() as lateness_s, ThreadPoolExecutor(2) as listeners:
        silent = [listeners.submit(failure, waiting.speak, "Hello.", "amy") for _ in range(2)]
        assert dify.speak("Hello.", "amy").first_piece_s < 2.0, "it waited for the mute one"
        errors = [each.result() for each in silent]
        stall_s = longest_stall_s(dify.plugin, began)
    mute.stop()
    assert {error.error_type for error in errors} == {"InvokeConnectionError"}
    assert "nothing for 2 s" in errors[0].message
    assert stall_s - max(lateness_s) < HEARTBEAT_S + LONGEST_STALL_S
    assert mute.ended.wait(2.0)


def test_a_wrong_key_is_an_authorization_error_that_shows_no_key(dify: Dify) -> None:
    stranger = dify.with_credentials(api_key="wrong-secret")
    error = failure(stranger.speak, "Hello.", "amy")
    assert error.error_type == "InvokeAuthorizationError"
    assert "Enter a key that it knows" in error.message
    assert "wrong-secret" not in error.message + error.args_text


def test_an_unknown_voice_is_a_bad_request_that_lists_the_known(dify: Dify) -> None:
    error = failure(dify.speak, "Hello.", "nobody")
    assert error.error_type == "InvokeBadRequestError"
    assert error.message.startswith("[gpt_sovits]")
    assert "amy, ken" in error.message


def test_a_voice_of_another_provider_is_refused_with_the_known_ones(dify: Dify) -> None:
    error = failure(dify.speak, "Hello.", "FunAudioLLM/CosyVoice2-0.5B:alex")
    assert error.error_type == "InvokeBadRequestError"
    assert "Choose one of: amy, ken" in error.message


def test_a_text_that_no_call_can_carry_is_a_bad_request(dify: Dify) -> None:
    error = failure(dify.speak, "word " * 1_000_000, "amy")
    assert error.error_type == "InvokeBadRequestError"
    assert "Send the text in parts" in error.message


def test_a_dead_server_is_a_connection_error_until_it_comes_back(
    dify: Dify, server: SpeechServer
) -> None:
    assert dify.speak("Hello.", "amy").sound
    server.stop()
    error = failure(dify.speak, "Hello.", "amy")
    assert error.error_type == "InvokeConnectionError"
    assert server.address in error.message
    returned = SpeechServer(server.port)
    assert dify.speak("Hello.", "amy").sound == tone_mp3(2.0)
    returned.stop()


def test_many_calls_at_once_to_a_dead_server_all_end(dify: Dify) -> None:
    away = dify.with_credentials(server_address="127.0.0.1:1")
    with ThreadPoolExecutor(40) as listeners:
        failed = [listeners.submit(failure, away.speak, "Hello.", "amy") for _ in range(40)]
        assert {each.result().error_type for each in failed} == {"InvokeConnectionError"}


def test_many_slow_lists_do_not_hold_up_speech(dify: Dify) -> None:
    slow = SpeechServer()
    slow.behaviour.list_delay_s = 3.0
    waiting = dify.with_credentials(server_address=slow.address)
    with ThreadPoolExecutor(24) as listeners:
        lists = [listeners.submit(waiting.voices, "en-US") for _ in range(24)]
        time.sleep(0.3)
        assert dify.speak("Hello.", "amy").first_piece_s < 2.5
        assert all(len(each.result()) == 2 for each in lists)
    slow.stop()


def test_a_busy_server_is_a_rate_limit(dify: Dify, server: SpeechServer) -> None:
    full = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="the queue is full")
    server.behaviour.fail_next = [full]
    assert failure(dify.speak, "Hello.", "amy").error_type == "InvokeRateLimitError"


def test_sound_that_breaks_off_is_a_server_error_after_what_was_heard(
    dify: Dify, server: SpeechServer
) -> None:
    server.behaviour.break_off_after = 3
    error = failure(dify.speak, "Hello.", "amy")
    assert error.error_type == "InvokeServerUnavailableError"
    assert len(server.requests) == 1


def test_a_text_without_words_is_a_short_silence(dify: Dify) -> None:
    speech = dify.speak("🎉 …", "amy")
    samples, _ = decode_mp3(speech.sound)
    assert speech.mime_types == {"audio/mpeg"}
    assert len(samples) and not samples.any()


@pytest.mark.parametrize("locale", [*LOCALES, None])
def test_every_language_of_the_interface_has_voices(dify: Dify, locale: str | None) -> None:
    voices = dify.voices(locale)
    assert {voice["value"] for voice in voices} == {"amy", "ken"}
    assert voices[0]["value"] == ("ken" if locale == "ja-JP" else "amy")


def test_the_voice_that_is_chosen_speaks_from_whichever_list_it_is(
    dify: Dify, server: SpeechServer
) -> None:
    server.behaviour.voices += [voice(f"v{number}", "zh") for number in range(4)]
    listed = [each["value"] for each in dify.voices("zh-Hans")]
    described = [each["mode"] for each in dify.schema()["model_properties"]["voices"]]
    assert sorted(listed) == sorted(described)
    for chosen in listed:
        assert dify.speak("Hello.", chosen).sound
    assert [speech.voice for speech in server.requests] == [f"voices/{each}" for each in listed]


def test_without_a_voice_the_default_one_speaks(dify: Dify, server: SpeechServer) -> None:
    assert dify.speak("Hello.", "").sound
    assert dify.with_credentials(default_voice="ken").speak("Hello.", "").sound
    assert [speech.voice for speech in server.requests] == ["voices/amy", "voices/ken"]


@pytest.mark.parametrize(
    ("changes", "kind", "advice"),
    [
        ({"api_key": "wrong-secret"}, "InvokeAuthorizationError", "Enter a key that it knows"),
        ({"server_address": "127.0.0.1:1"}, "InvokeConnectionError", "Check that it runs"),
        ({"server_address": "no address"}, "InvokeBadRequestError", "Enter it like"),
    ],
)
def test_a_list_that_cannot_be_had_is_an_error_and_not_empty(
    dify: Dify, changes: dict[str, str], kind: str, advice: str
) -> None:
    error = failure(dify.with_credentials(**changes).voices, "en-US")
    assert error.error_type == kind
    assert advice in error.message
    assert "wrong-secret" not in error.message + error.args_text


def test_a_server_without_voices_is_an_error_and_no_empty_list(
    dify: Dify, server: SpeechServer
) -> None:
    server.behaviour.voices = []
    assert "Create one first" in failure(dify.voices, "en-US").message


def test_texts_are_read_in_the_language_of_the_apps_settings_if_that_is_chosen(
    dify: Dify, server: SpeechServer
) -> None:
    asking = dify.with_credentials(language="dify")
    chosen = asking.voices("ja-JP")[1]["value"]
    assert asking.speak("Hello.", chosen).sound == tone_mp3(2.0)
    assert (server.requests[0].voice, server.requests[0].language) == ("voices/amy", "ja")


def test_two_servers_are_models_side_by_side(dify: Dify, server: SpeechServer) -> None:
    other = SpeechServer()
    other.behaviour.voices = [voice("zoe", "fr")]
    second = dify.with_credentials(server_address=other.address)
    with ThreadPoolExecutor(2) as listeners:
        spoken = [
            listeners.submit(dify.speak, "Hello.", "amy"),
            listeners.submit(second.speak, "Bonjour.", "zoe"),
        ]
        assert all(each.result().sound for each in spoken)
    assert [each["value"] for each in second.voices("en-US")] == ["zoe"]
    assert (len(server.requests), len(other.requests)) == (1, 1)
    other.stop()


def test_a_gap_that_dify_would_cut_off_at_is_an_error(dify: Dify, server: SpeechServer) -> None:
    server.behaviour.chunk_gap_s = 6.0
    error = failure(dify.speak, "Hello.", "amy")
    assert error.error_type == "InvokeServerUnavailableError"
    assert "broke off" in error.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (code_pb2.UNAVAILABLE, "InvokeServerUnavailableError"),
        (code_pb2.INTERNAL, "InvokeServerUnavailableError"),
        (code_pb2.RESOURCE_EXHAUSTED, "InvokeRateLimitError"),
        (code_pb2.UNAUTHENTICATED, "InvokeAuthorizationError"),
        (code_pb2.INVALID_ARGUMENT, "InvokeBadRequestError"),
    ],
)
def test_failures_in_mid_speech_keep_their_class(
    dify: Dify, server: SpeechServer, code: int, kind: str
) -> None:
    server.behaviour.break_off_after = 3
    server.behaviour.break_off_with = status_pb2.Status(code=code, message="the cause")
    pieces = dify.pieces("Hello.", "amy")
    assert next(pieces)
    error = failure(list, pieces)
    assert error.error_type == kind
    assert "the cause" in error.message
    assert len(server.requests) == 1, "what was heard is not repeated"


def test_all_calls_share_one_connection(dify: Dify, server: SpeechServer) -> None:
    with ThreadPoolExecutor(12) as listeners:
        list(listeners.map(lambda _: dify.speak("Hello.", "amy"), range(24)))
    assert dify.voices("en-US")
    assert dify.validate()
    assert len(server.callers) == 1


def test_the_format_of_the_form_is_what_comes(dify: Dify, server: SpeechServer) -> None:
    server.behaviour.encoding = audio_pb2.AUDIO_ENCODING_WAV
    server.sound = wav_file(bytes(2 * RATE_HZ), RATE_HZ)
    lossless = dify.with_credentials(audio_format="wav")
    speech = lossless.speak("Hello.", "amy")
    assert (speech.sound, speech.mime_types) == (server.sound, {"audio/wav"})
    assert lossless.schema()["model_properties"]["audio_type"] == "wav"
    assert server.requests[0].audio_format.encoding == audio_pb2.AUDIO_ENCODING_WAV
    assert lossless.speak("🎉", "amy").sound.startswith(b"RIFF")


def test_the_schema_has_the_voices_too(dify: Dify) -> None:
    properties = dify.with_credentials(default_voice="ken").schema()["model_properties"]
    assert properties["voices"][0] == {"mode": "ken", "name": "Ken (日本語)", "language": ["ja-JP"]}
    assert properties["default_voice"] == "ken"
    assert properties["audio_type"] == "mp3"


def test_the_schema_is_there_while_the_server_is_not(dify: Dify) -> None:
    away = dify.with_credentials(server_address="127.0.0.1:1", default_voice="amy")
    assert [each["mode"] for each in away.schema()["model_properties"]["voices"]] == ["amy"]


def test_good_credentials_are_accepted_after_a_real_word(dify: Dify, server: SpeechServer) -> None:
    assert dify.validate() is True
    assert [speech.text for speech in server.requests] == ["Hello."]


def test_a_server_that_cannot_speak_is_not_accepted(dify: Dify, server: SpeechServer) -> None:
    server.behaviour.fail_next = [status_pb2.Status(code=code_pb2.INTERNAL, message="no engine")]
    assert "no engine" in failure(dify.validate).message
