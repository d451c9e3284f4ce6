"""Lists of voices for Dify."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.gpt_sovits import errors
from plugin.gpt_sovits.check import check_settings
from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.endpoint import Endpoint
from plugin.gpt_sovits.pool import IDLE_S, Server, ServerPool
from plugin.gpt_sovits.settings import Manner, Settings
from plugin.gpt_sovits.voices import (
    FRESH_S,
    LABEL_STYLE_CHARACTERS,
    VoiceCatalogue,
    VoiceEntry,
    entry,
    listed,
    most_native,
    ordered,
)
from tests.plugin.speech_server import SpeechServer, voice

LOCALES = [
    *("en-US", "zh-Hans", "zh-Hant", "pt-BR", "es-ES", "fr-FR", "de-DE", "ja-JP"),
    *("ko-KR", "ru-RU", "it-IT", "th-TH", "uk-UA", "vi-VN", "ro-RO", "pl-PL"),
    *("hi-IN", "tr-TR", "fa-IR", "sl-SI", "id-ID", "ar-TN"),
]
ENTRIES = [
    VoiceEntry("amy", "Amy (en)", "en", ("en", "ja")),
    VoiceEntry("bao", "Bao (zh)", "zh", ("zh",)),
    VoiceEntry("cat", "Cat (en)", "en", ("en",)),
    VoiceEntry("ken", "Ken (ja)", "ja", ("ja", "en")),
]


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def ids(locale: str | None, default: str = "") -> str:
    """Return the order of the ids."""
    return " ".join(each.voice_id for each in ordered(ENTRIES, locale, default))


@pytest.mark.parametrize("locale", [*LOCALES, "xx-XX", None])
def test_every_language_of_the_interface_shows_all_voices(locale: str | None) -> None:
    assert sorted(ids(locale).split()) == ["amy", "bao", "cat", "ken"]


def test_voices_of_the_language_come_first_then_those_that_speak_it() -> None:
    assert ids("ja-JP") == "ken amy bao cat"
    assert ids("zh-Hans") == ids("zh-Hant") == "bao amy cat ken"
    assert ids(None) == "amy bao cat ken"


def test_the_default_voice_leads_its_group() -> None:
    assert ids("en-US", "cat") == "cat amy ken bao"
    assert ids(None, "ken") == "ken amy bao cat"


def test_a_label_names_the_language_as_its_speakers_do() -> None:
    shown = entry(voice("ken", "ja", "en"))
    assert (shown.voice_id, shown.label) == ("ken", "Ken (日本語)")
    assert shown.locales == ["ja-JP", "en-US"]
    assert entry(voice("kim", "xx")).label == "Kim (xx)"


def test_a_label_tells_the_style_in_short() -> None:
    described = voice("amy", "en")
    described.description = "Low and calm\nRecorded in 2024."
    assert entry(described).label == "Amy (English, Low and calm)"
    described.description = "word " * 20
    style = entry(described).label.removeprefix("Amy (English, ").removesuffix(")")
    assert len(style) <= LABEL_STYLE_CHARACTERS
    assert style.endswith("word…")


def test_a_list_carries_the_language_that_dify_asked_in_if_that_is_chosen() -> None:
    settings = Settings(Endpoint("tts:1"), language_from_dify=True)
    values = [each.value for each in listed(ENTRIES, "ja-JP", settings)]
    assert values == ["ken@ja", "amy@ja", "bao", "cat"]
    plain = listed(ENTRIES, "ja-JP", Settings(Endpoint("tts:1")))
    assert [each.value for each in plain] == ["ken", "amy", "bao", "cat"]


def test_a_locale_of_two_languages_is_read_in_the_voices_own() -> None:
    settings = Settings(Endpoint("tts:1"), language_from_dify=True)
    both = [VoiceEntry("yan", "Yan", "yue", ("yue", "zh")), VoiceEntry("bao", "Bao", "zh", ("zh",))]
    assert [each.value for each in listed(both, "zh-Hant", settings)] == ["yan@yue", "bao@zh"]


def test_voices_are_remembered_while_the_server_is_away(
    server: SpeechServer, connection: Connection
) -> None:
    catalogue = VoiceCatalogue(connection)
    known = catalogue.current()
    server.stop()
    assert catalogue.current() == known


def test_voices_that_were_never_known_are_an_error(
    server: SpeechServer, connection: Connection
) -> None:
    server.stop()
    with pytest.raises(errors.ConnectionFailedError):
        VoiceCatalogue(connection).current()


def test_recent_voices_are_asked_for_once_a_minute(
    server: SpeechServer, connection: Connection
) -> None:
    clock = Clock()
    catalogue = VoiceCatalogue(connection, clock)
    for _ in range(5):
        catalogue.recent()
    assert server.voice_calls == 1
    clock.now = FRESH_S + 1
    catalogue.recent()
    assert server.voice_calls == 2


def test_a_new_voice_is_seen_at_once_where_it_matters(
    server: SpeechServer, connection: Connection
) -> None:
    catalogue = VoiceCatalogue(connection)
    catalogue.recent()
    server.behaviour.voices.append(voice("new", "en"))
    assert "new" in [each.voice_id for each in catalogue.current()]
    assert "new" in [each.voice_id for each in catalogue.recent()]


def test_a_dead_server_is_not_asked_again_and_again(
    server: SpeechServer, connection: Connection
) -> None:
    server.stop()
    catalogue = VoiceCatalogue(connection, Clock())
    with pytest.raises(errors.ConnectionFailedError, match="cannot be reached"):
        catalogue.recent()
    with pytest.raises(errors.ConnectionFailedError, match="a moment ago"):
        catalogue.recent()


@pytest.fixture
def known(connection: Connection) -> Server:
    """The server as the plugin knows it."""
    return Server(connection, VoiceCatalogue(connection), 0.0)


@pytest.mark.parametrize("foreign", ["FunAudioLLM/CosyVoice2:alex", "zh-CN-XiaoxiaoNeural"])
def test_another_providers_voice_is_refused_with_the_known_ones(
    known: Server, foreign: str
) -> None:
    with pytest.raises(errors.VoiceUnknownError, match="Choose one of: amy, ken"):
        known.choose_voice(foreign, "ken", "Hello", "auto")


def test_a_voice_that_may_be_is_left_to_the_server(server: SpeechServer, known: Server) -> None:
    assert known.choose_voice("voices/amy@ja", "ken", "Hello", "auto") == "voices/amy@ja"
    assert server.voice_calls == 0


@pytest.mark.parametrize(
    ("words", "language", "voice"),
    [
        ("Hello", "auto", "amy"),
        ("こんにちは、世界", "auto", "ken"),
        ("Hello", "ja", "ken"),
        ("안녕하세요", "auto", "amy"),
        ("你好", "auto", "amy"),
        ("", "", "amy"),
    ],
)
def test_without_a_voice_the_default_one_speaks_or_the_first_of_the_language(
    known: Server, words: str, language: str, voice: str
) -> None:
    assert known.choose_voice(" ", "ken", words, language) == "ken"
    assert known.choose_voice("", "", words, language) == voice


def test_a_voice_that_speaks_the_language_too_comes_before_one_that_does_not() -> None:
    entries = (
        VoiceEntry("a", "A", "en", ("en",)),
        VoiceEntry("b", "B", "ko", ("ko", "fr")),
        VoiceEntry("c", "C", "fr", ("fr",)),
    )
    assert most_native(entries, "fr").voice_id == "c"
    assert most_native(entries[:2], "fr").voice_id == "b"
    assert most_native(entries[:2], "de").voice_id == "a"


def test_a_server_without_voices_says_so(server: SpeechServer, known: Server) -> None:
    server.behaviour.voices = []
    with pytest.raises(errors.RequestError, match="no voices yet"):
        known.choose_voice("", "", "Hello", "auto")


def test_an_endpoint_has_one_connection_until_it_was_long_idle() -> None:
    clock = Clock()
    pool = ServerPool(clock)
    first = pool.get(Endpoint("tts:1"))
    assert pool.get(Endpoint("tts:1")) is first
    assert pool.get(Endpoint("tts:1", "other-key")) is not first
    clock.now = IDLE_S + 1
    assert pool.get(Endpoint("tts:1")) is not first
    pool.close()


def test_a_check_speaks_a_word_and_hangs_up(server: SpeechServer, connection: Connection) -> None:
    server.behaviour.chunk_gap_s = 0.2
    check_settings(
        Settings(connection.endpoint, default_voice="ken"),
        Server(connection, VoiceCatalogue(connection), 0.0),
    )
    assert [(speech.voice, speech.text) for speech in server.requests] == [
        ("voices/ken", "こんにちは。")
    ]
    assert server.ended.wait(1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"default_voice": "bob"}, "no voice 'bob'.*amy, ken"),
        ({"manner": Manner(language="ko")}, "does not read the language 'ko'.*en, ja, zh"),
    ],
)
def test_a_check_refuses_what_the_server_has_not(
    connection: Connection, settings: dict[str, Any], message: str
) -> None:
    checked = Settings(connection.endpoint, **settings)
    with pytest.raises(errors.SettingError, match=message):
        check_settings(checked, Server(connection, VoiceCatalogue(connection), 0.0))


def test_a_check_refuses_a_server_without_voices(
    server: SpeechServer, connection: Connection
) -> None:
    server.behaviour.voices = []
    with pytest.raises(errors.SettingError, match="no voices yet"):
        check_settings(
            Settings(connection.endpoint), Server(connection, VoiceCatalogue(connection), 0.0)
        )
