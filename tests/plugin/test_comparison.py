"""What plugin/README.md says of this plugin beside others: tests hold each statement."""

from __future__ import annotations

import re

from tests.plugin.held import ROOT, missing

HELD_BY = {
    "voices": ["e2e/test_plugin_process.py::test_two_servers_are_models_side_by_side"],
    "list for any interface language": [
        "e2e/test_plugin_to_waveform.py::test_every_language_of_the_interface_has_voices",
        "e2e/test_broken.py::test_a_server_that_hangs_is_no_reason_for_an_empty_list",
    ],
    "voices in the workflow's tool": [
        "e2e/test_plugin_to_waveform.py::test_the_schema_has_the_same_voices_as_the_list",
        "plugin/test_voices.py::test_a_new_voice_is_seen_at_once_where_it_matters",
    ],
    "unknown voice": [
        "e2e/test_broken.py::test_a_voice_that_there_is_not_is_refused_with_those_there_are"
    ],
    "sound streams": ["e2e/test_transports.py::test_sixty_at_once_stream_side_by_side"],
    "first sound after the server's own": [
        "e2e/test_latency.py::test_the_first_sound_comes_at_most_20_ms_later_than_from_the_backend"
    ],
    "pause in mid-speech": [
        "e2e/test_plugin_process.py::test_a_gap_that_dify_would_cut_off_at_is_an_error",
        "e2e/test_broken.py::test_a_server_that_stalls_in_mid_speech_is_given_up",
    ],
    "failure classes": [
        "e2e/test_plugin_process.py::test_failures_in_mid_speech_keep_their_class",
        "e2e/test_broken.py::test_wrong_settings_are_refused_with_what_to_do",
        "e2e/test_plugin_process.py::test_a_busy_server_is_a_rate_limit",
    ],
    "check on saving": [
        "e2e/test_plugin_process.py::test_good_credentials_are_accepted_after_a_real_word",
        "e2e/test_plugin_process.py::test_a_server_that_cannot_speak_is_not_accepted",
    ],
    "connection": [
        "e2e/test_plugin_process.py::test_all_calls_share_one_connection",
        "plugin/test_voices.py::test_an_endpoint_has_one_connection_until_it_was_long_idle",
    ],
    "many listeners at once": [
        "e2e/test_transports.py::test_sixty_at_once_stream_side_by_side",
        "e2e/test_plugin_process.py::test_sixty_at_once_stream_side_by_side_without_a_stall",
    ],
    "cutting long texts": [
        "e2e/test_plugin_to_waveform.py::test_a_long_chinese_text_is_heard_before_it_is_all_spoken",
        "text/test_splitting.py::test_sentence_is_finished_in_its_language",
    ],
    "tested through the plugin's process": [
        "e2e/test_transports.py::test_a_form_is_filled_a_voice_chosen_and_speech_heard",
        "e2e/test_plugin_to_waveform.py::test_the_other_transports_give_speech",
    ],
}


def test_every_statement_of_the_comparison_has_tests_that_hold_it() -> None:
    text = (ROOT / "plugin" / "README.md").read_text("utf-8")
    table = text.partition("## How it compares")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| [^-|]", table, re.MULTILINE)
    assert rows == list(HELD_BY)


def test_the_tests_that_hold_it_exist() -> None:
    assert missing(HELD_BY.values()) == []
