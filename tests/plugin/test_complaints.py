"""What is wrong with speech in Dify elsewhere, and the tests that it is not so here."""

from __future__ import annotations

from types import MappingProxyType

from tests.plugin.held import missing

PROCESS = "e2e/test_plugin_process.py::test_"
REAL = "e2e/test_plugin_to_waveform.py::test_"
SPEECH = "plugin/test_speech.py::test_"

NOT_LISTED = [f"{PROCESS}a_list_that_cannot_be_had_is_an_error_and_not_empty"]
VOICES_ALWAYS = [
    f"{REAL}every_language_of_the_interface_has_voices",
    f"{PROCESS}every_language_of_the_interface_has_voices",
    "e2e/test_broken.py::test_a_server_that_hangs_is_no_reason_for_an_empty_list",
]
IN_WORKFLOWS = [
    f"{REAL}the_schema_has_the_same_voices_as_the_list",
    f"{PROCESS}the_schema_has_the_voices_too",
]
CHOSEN_SPEAKS = [f"{PROCESS}the_voice_that_is_chosen_speaks_from_whichever_list_it_is"]
DEFAULT_SPEAKS = [f"{PROCESS}without_a_voice_the_default_one_speaks"]
REFUSED = ["e2e/test_broken.py::test_a_voice_that_there_is_not_is_refused_with_those_there_are"]
CLASSES = [
    f"{PROCESS}failures_in_mid_speech_keep_their_class",
    f"{PROCESS}a_wrong_key_is_an_authorization_error_that_shows_no_key",
    f"{PROCESS}a_busy_server_is_a_rate_limit",
    "plugin/test_errors.py::test_every_status_has_its_kind",
]
CHECKED = [
    f"{PROCESS}good_credentials_are_accepted_after_a_real_word",
    f"{PROCESS}a_server_that_cannot_speak_is_not_accepted",
]
ADVICE = ["e2e/test_mistakes.py::test_bad_credentials_are_refused_with_what_to_do"]
ONE_CLIENT = [f"{PROCESS}all_calls_share_one_connection"]
STREAMS = [
    f"{REAL}a_long_chinese_text_is_heard_before_it_is_all_spoken",
    "e2e/test_transports.py::test_sixty_at_once_stream_side_by_side",
]
TRUE_TYPE = [
    f"{REAL}one_request_gives_speech",
    f"{REAL}a_wav_is_what_it_is_called",
    f"{PROCESS}the_format_of_the_form_is_what_comes",
]
BARE_FRAMES = [
    f"{REAL}one_request_gives_speech",
    "plugin/test_audio.py::test_a_tag_among_the_frames_would_be_noticed",
    "plugin/test_audio.py::test_silence_begins_with_a_frame_not_a_tag",
]
NO_GAPS = [
    "plugin/test_audio.py::test_a_listener_of_a_server_that_keeps_up_never_waits",
    f"{SPEECH}dify_never_waits_five_seconds_for_the_next_sound",
    f"{PROCESS}a_gap_that_dify_would_cut_off_at_is_an_error",
]
QUICK = [
    "e2e/test_latency.py::test_the_first_sound_comes_at_most_20_ms_later_than_from_the_backend",
    "e2e/test_install.py"
    "::test_the_first_speech_of_a_process_finds_imported_what_libraries_do_not_put_off",
]

# Of the providers in Dify's official collection, as read from their code.
OF_PROVIDERS = MappingProxyType(
    {
        "openai: a stream that drops is an error without a class": CLASSES,
        "openai: a new client for each request": ONE_CLIENT,
        "openai: the first call imports and connects first": QUICK,
        "fishaudio: no voice for a language, no list": VOICES_ALWAYS,
        "fishaudio: no voices in the workflow's tool": IN_WORKFLOWS,
        "fishaudio: a wrong key, a busy and a broken server look alike": CLASSES,
        "fishaudio: the form says 'detail'": ADVICE,
        "minimax: a list that failed is an empty one": NOT_LISTED,
        "minimax: the check speaks without listening": CHECKED,
        "minimax: an error of two classes": CLASSES,
        "azure_openai: the check speaks without listening": CHECKED,
        "azure_openai: every failure is a bad request": CLASSES,
        "azure_openai: parts of a text side by side": [
            "plugin/tools/test_speaking.py::test_parts_keep_their_order_whichever_is_done_first"
        ],
        "siliconflow: an unknown voice is replaced by another": REFUSED,
        "siliconflow: the check speaks without listening": CHECKED,
        "tongyi: nothing is heard before all is spoken": STREAMS,
        "tongyi: WAV that is called MP3": TRUE_TYPE,
        "tongyi: the check speaks without listening": CHECKED,
        "xinference: a description without voices": IN_WORKFLOWS,
        "xinference: an empty default voice": DEFAULT_SPEAKS,
        "xinference: the check speaks without listening": CHECKED,
        "openai_api_compatible: voices are typed in by hand": [
            "plugin/test_voices.py::test_a_new_voice_is_seen_at_once_where_it_matters"
        ],
        "openai_api_compatible: every failure is a bad request": CLASSES,
        "gpustack: as openai_api_compatible": CLASSES,
        "aihubmix: as openai_api_compatible": CLASSES,
        "lemonade: a check that hears nothing": CHECKED,
        "cometapi: always the default voice": CHOSEN_SPEAKS,
        "cometapi: a check that needs ffmpeg": [
            "e2e/test_install.py::test_nothing_heavy_is_installed"
        ],
        "deerapi: as cometapi": CHOSEN_SPEAKS,
        "gitee_ai: the voice has no effect": CHOSEN_SPEAKS,
        "gitee_ai: nothing is heard before all is spoken": STREAMS,
        "sagemaker: slices of a finished file, of 1,024 bytes": [
            *STREAMS,
            "plugin/test_audio.py::test_later_sound_is_gathered_into_few_pieces",
        ],
        "sagemaker: no check": CHECKED,
        "all: no bound on silence in mid-speech": [
            *NO_GAPS,
            "e2e/test_broken.py::test_a_server_that_stalls_in_mid_speech_is_given_up",
        ],
        # Dify tells no plugin that a listener has left, so nobody can stop at once.
        "all: nothing bounds the work for a listener who has left": [
            f"{SPEECH}a_listener_who_leaves_frees_the_server",
            "plugin/test_connection.py::test_every_call_has_a_deadline",
        ],
        "all: Chinese and Japanese are not cut into sentences": STREAMS,
        "all: many at once wait for each other": [
            f"{PROCESS}sixty_at_once_stream_side_by_side_without_a_stall"
        ],
        "all: no test of speech through the plugin's process": [
            "e2e/test_transports.py::test_a_form_is_filled_a_voice_chosen_and_speech_heard"
        ],
    }
)

# Of users, by the numbers of Dify's issues.
OF_USERS = MappingProxyType(
    {
        "WAV that is called MP3 (39434, 35880)": TRUE_TYPE,
        "Safari and Firefox do not play (39443, 7492, 13759)": BARE_FRAMES,
        "a model that was added is silent (22823)": CHECKED,
        "Auto Play lags, falters, breaks off (36363, 10076, 20782)": [*QUICK, *NO_GAPS],
        "languages are those of the interface (16392, 13822)": [
            *VOICES_ALWAYS,
            f"{PROCESS}texts_are_read_in_the_language_of_the_apps_settings_if_that_is_chosen",
        ],
        "the chosen voice has no effect (20528, 7003, 6731)": [*CHOSEN_SPEAKS, *REFUSED],
        "an empty voice is refused by the daemon (17459, 15501)": [
            *VOICES_ALWAYS,
            *IN_WORKFLOWS,
            *DEFAULT_SPEAKS,
        ],
        "voices of one's own (6497)": [
            f"{REAL}nodes_speak_and_make_a_voice_that_speaks",
            "plugin/test_voices.py::test_a_new_voice_is_seen_at_once_where_it_matters",
        ],
        "a workflow's file is of an unknown kind (7105)": TRUE_TYPE,
        "a workflow's file is empty (21893)": [
            f"{SPEECH}a_server_that_sends_no_sound_is_an_error_and_no_empty_file",
            f"{PROCESS}a_text_without_words_is_a_short_silence",
        ],
    }
)


def test_what_providers_get_wrong_is_held_by_tests_here() -> None:
    assert missing(OF_PROVIDERS.values()) == []
    assert len({fault.partition(":")[0] for fault in OF_PROVIDERS} - {"all"}) == 15


def test_what_users_complain_of_is_held_by_tests_here() -> None:
    assert missing(OF_USERS.values()) == []
