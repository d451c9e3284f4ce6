"""The forms of the Dify packages, in four languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engine.text.frontend import _FRONTENDS
from plugin.gpt_sovits.check import _GREETINGS
from plugin.gpt_sovits.voices import NAMES
from plugin.packaging.build import check_package
from plugin.packaging.contents import TOOLS, package_files
from plugin.packaging.errors import PackageError

ROOT = Path(__file__).resolve().parents[2]
LOCALES = {"en_US", "zh_Hans", "ja_JP", "pt_BR"}


@pytest.fixture
def files() -> dict[str, bytes]:
    """The files of the provider's package."""
    return package_files(ROOT)


@pytest.fixture
def tool_files() -> dict[str, bytes]:
    """The files of the tools' package."""
    return package_files(ROOT, TOOLS)


def test_every_field_of_the_form_says_what_belongs_there(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    for field in provider["model_credential_schema"]["credential_form_schemas"]:
        assert set(field["placeholder"]) == LOCALES, field["variable"]


def test_no_field_hides_what_belongs_there_behind_a_default(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    for field in provider["model_credential_schema"]["credential_form_schemas"]:
        # Some versions of Dify fill defaults in. Of choices the options say it all.
        assert "options" in field or "default" not in field, field["variable"]


def test_every_credential_of_the_tools_has_help(tool_files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(tool_files["plugin/tools/provider/gpt_sovits.yaml"])
    for name, field in provider["credentials_for_provider"].items():
        assert set(field["help"]) == LOCALES, name


def test_the_form_and_the_check_know_every_language_of_the_server(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    fields = provider["model_credential_schema"]["credential_form_schemas"]
    [choices] = [field["options"] for field in fields if field["variable"] == "language"]
    codes = {choice["value"] for choice in choices} - {"auto", "voice", "dify"}
    assert codes == set(_FRONTENDS) == set(_GREETINGS)
    assert codes <= set(NAMES)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("default: mp3", "default: 3", "quoted string"),
        ('default: "off"', 'default: "maybe"', "not an option"),
        ("type: secret-input", "type: password", "unknown type"),
        ("variable: tls\n          value", "variable: ssl\n          value", "show_on"),
        ("en_US: logo.svg", "en_US: gone.svg", r"gone\.svg"),
        ("models/tts.py", "models/stt.py", r"stt\.py is not in the package"),
    ],
)
def test_a_form_that_dify_would_refuse_is_refused(
    files: dict[str, bytes], before: str, after: str, message: str
) -> None:
    path = "plugin/provider/gpt_sovits.yaml"
    text = files[path].decode()
    assert before in text
    files[path] = text.replace(before, after, 1).encode()
    with pytest.raises(PackageError, match=message):
        check_package(files)


def test_every_text_of_the_nodes_is_in_four_languages(tool_files: dict[str, bytes]) -> None:
    documents = [
        yaml.safe_load(data)
        for path, data in tool_files.items()
        if path.startswith("plugin/tools") and path.endswith(".yaml")
    ]
    texts = [text for document in documents for text in translated(document)]
    assert len(texts) > 80
    assert all(set(text) == LOCALES for text in texts)


def translated(value: object) -> Iterator[dict[str, str]]:
    """Yield all texts in a YAML document that have an English form."""
    if isinstance(value, dict):
        if "en_US" in value:
            yield value
        else:
            yield from (text for each in value.values() for text in translated(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in translated(each))
