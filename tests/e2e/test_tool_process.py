"""The packaged tools in their own process, before a server that plays a sound."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from plugin.packaging.contents import TOOLS
from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import failure
from tests.e2e.nodes import FILE_SECRET, Nodes, uploaded, uploads
from tests.e2e.package_install import plugin_python, unpack_plugin
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import API_KEY, CUE, SpeechServer

CONSENT = {"speaker_name": "Anna Example", "consent_text": "I agree that my voice is used here."}


@pytest.fixture(scope="module", params=["newest", "oldest"])
def tools(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PluginProcess]:
    """The packaged tools, running as Dify runs them, with one end of the SDK's versions."""
    unpacked = unpack_plugin(tmp_path_factory.mktemp("tools"), TOOLS)
    python = plugin_python(unpacked, oldest=request.param == "oldest")
    process = PluginProcess(python, unpacked, {"http_proxy": "http://127.0.0.1:9", "no_proxy": "*"})
    yield process
    process.close()


@pytest.fixture
def nodes(tools: PluginProcess, server: SpeechServer) -> Nodes:
    """A workspace with that server."""
    return Nodes(tools, {"server_address": server.address, "api_key": API_KEY})


def test_the_package_declares_itself(tools: PluginProcess) -> None:
    assert json.loads(tools.first_line)["name"] == "gpt_sovits_tools"


def test_good_credentials_are_accepted_and_bad_ones_refused(nodes: Nodes) -> None:
    assert nodes.validate() is True
    error = failure(nodes.with_credentials(api_key="wrong-secret").validate)
    assert error.error_type == "ToolProviderCredentialValidationError"
    assert "does not know this API key" in error.message
    assert "wrong-secret" not in error.message + error.args_text


def test_a_text_becomes_a_file_with_subtitles(nodes: Nodes, server: SpeechServer) -> None:
    manner = {"language": "en", "speed": 1.25, "expression": "lively"}
    spoken = nodes.run("speak", text="Hello.", voice="ken", subtitles="srt", **manner)
    written = CUE.format("Hello.")
    assert spoken.files == {"speech.mp3": tone_mp3(2.0), "speech.srt": written.encode()}
    assert spoken.mime_types["speech.mp3"] == "audio/mpeg"
    assert spoken.variables == {"voice": "ken", "duration_s": 1.0, "subtitles": written}
    [asked] = server.requests
    assert (asked.voice, asked.language, asked.options.speed) == ("voices/ken", "en", 1.25)


def test_without_a_voice_the_first_one_speaks(nodes: Nodes) -> None:
    assert nodes.run("speak", text="Hello.").variables["voice"] == "amy"
    other = nodes.with_credentials(default_voice="ken")
    assert other.run("speak", text="Hello.").variables["voice"] == "ken"


def test_a_long_text_becomes_one_file(nodes: Nodes, server: SpeechServer) -> None:
    sentences = "This is a sentence of some length. " * 100
    how = {"voice": "amy", "format": "wav", "subtitles": "vtt"}
    read = nodes.run("read_long_text", text=sentences, **how)
    assert read.files["reading.wav"].startswith(b"RIFF")
    assert read.files["reading.vtt"].decode() == read.variables["subtitles"]
    assert read.mime_types["reading.vtt"] == "text/vtt"
    begins = re.findall(r"(\S+) --> ", read.variables["subtitles"])
    assert begins == ["00:00:00.250", "00:00:01.250", "00:00:02.250", "00:00:03.250"]
    assert read.variables["parts"] == len(server.requests) == 4
    assert read.variables["duration_s"] == 4.0


def test_a_text_that_is_too_long_for_one_call_is_sent_to_the_other_node(nodes: Nodes) -> None:
    assert "Read a long text" in failure(run, nodes, "speak", {"text": "word " * 2000}).message


def test_an_unknown_voice_is_refused_with_the_known_ones(nodes: Nodes) -> None:
    for node in ("speak", "read_long_text"):
        error = failure(run, nodes, node, {"text": "Hello.", "voice": "nobody"})
        assert "Choose one of: amy, ken" in error.message


def test_voices_are_listed_all_or_by_language(nodes: Nodes) -> None:
    listed = nodes.run("list_voices")
    assert listed.texts == ["amy: Amy (English)\nken: Ken (日本語)"]
    assert [each["id"] for each in listed.variables["voices"]] == ["amy", "ken"]
    assert nodes.run("list_voices", language="en").texts == ["amy: Amy (English)"]


def test_a_text_that_fits_no_file_is_refused_before_it_is_spoken(
    nodes: Nodes, server: SpeechServer
) -> None:
    error = failure(run, nodes, "read_long_text", {"text": "word " * 50_000})
    assert "reads up to 200,000. Send it in several." in error.message
    assert server.requests == []


def test_voices_of_a_server_that_is_away_are_an_error_and_no_memory(
    nodes: Nodes, server: SpeechServer
) -> None:
    assert nodes.run("list_voices").texts
    server.stop()
    assert "cannot be reached" in failure(nodes.run, "list_voices").message


def test_a_voice_is_created_and_speaks(nodes: Nodes, server: SpeechServer) -> None:
    described = {"voice_id": "anna", "transcript": "Good morning.", "recorded_language": "en"}
    with uploads({"reference.wav": b"r" * 600_000, "consent.wav": b"c" * 100}) as files:
        made = nodes.run(
            "create_voice",
            reference=files["reference.wav"],
            consent=[files["consent.wav"]],  # as a variable that lists files has it
            **described,
            **CONSENT,
        )
    assert made.variables == {"voice": "anna", "label": "Anna (English)"}
    [upload] = server.uploads
    assert (upload.reference, upload.consent) == (b"r" * 600_000, b"c" * 100)
    assert upload.config.consent.speaker_name == "Anna Example"
    assert nodes.run("speak", text="Hello.", voice="anna").files


def test_no_voice_is_created_without_consent(nodes: Nodes, server: SpeechServer) -> None:
    with uploads({"reference.wav": b"r", "consent.wav": b""}) as files:
        recordings = {"reference": files["reference.wav"], "consent": files["consent.wav"]}
        unnamed = failure(run, nodes, "create_voice", recordings)
        silent = failure(run, nodes, "create_voice", {**recordings, **CONSENT})
    assert "Name the speaker" in unnamed.message
    assert "recorded consent" in silent.message
    assert server.uploads == []


def test_a_recording_that_is_missing_or_too_large_is_asked_for_again(nodes: Nodes) -> None:
    with uploads({"a.wav": b"a", "b.wav": bytes(17 * 2**20)}) as files:
        given = {"consent": files["a.wav"], **CONSENT}
        large, untold = files["b.wav"], {**files["b.wav"], "size": None}
        missing = failure(run, nodes, "create_voice", given)
        too_large = failure(run, nodes, "create_voice", {**given, "reference": large})
        larger_than_told = failure(run, nodes, "create_voice", {**given, "reference": untold})
    assert "recording for `reference` is missing. Upload an audio file" in missing.message
    for error in (too_large, larger_than_told):
        assert "larger than 16 MiB. Cut it" in error.message


def test_the_address_of_an_upload_that_dify_withholds_stays_secret(nodes: Nodes) -> None:
    with uploads({"reference.wav": b"r"}) as files:
        port = int(files["reference.wav"]["url"].split(":")[2].partition("/")[0])
        gone = {"reference": uploaded(port, "gone.wav", 3), "consent": uploaded(port, "b.wav", 3)}
        error = failure(run, nodes, "create_voice", {**gone, **CONSENT})
    assert "did not hand over `reference`" in error.message
    assert FILE_SECRET not in error.message + error.args_text


def run(nodes: Nodes, node: str, parameters: dict[str, object]) -> object:
    """Run a node, to see how it fails."""
    return nodes.run(node, **parameters)
