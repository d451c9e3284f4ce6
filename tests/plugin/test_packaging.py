"""The Dify package."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from engine.text.frontend import _FRONTENDS
from plugin.gpt_sovits.check import _GREETINGS
from plugin.gpt_sovits.voices import NAMES
from plugin.packaging.build import build_package, check_package
from plugin.packaging.contents import (
    PROVIDER,
    TOOLS,
    TOP_FILES,
    TOP_FOLDERS,
    Recipe,
    package_files,
)
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


def problems(files: dict[str, bytes]) -> str:
    """Return what is wrong with `files`, as text."""
    with pytest.raises(PackageError) as caught:
        check_package(files)
    return str(caught.value)


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_the_same_tree_gives_the_same_bytes(tmp_path: Path, recipe: Recipe) -> None:
    digests = [
        hashlib.sha256(build_package(ROOT, tmp_path / name, recipe).read_bytes()).hexdigest()
        for name in ("first", "second")
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_nothing_in_it_depends_on_the_machine(tmp_path: Path, recipe: Recipe) -> None:
    entries = zipfile.ZipFile(build_package(ROOT, tmp_path, recipe)).infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED
        assert (entry.date_time, entry.create_system) == ((1980, 1, 1, 0, 0, 0), 3)
        assert entry.external_attr >> 16 == 0o100644


@pytest.mark.parametrize(
    ("recipe", "manifest_path"),
    [(PROVIDER, "manifest.yaml"), (TOOLS, "plugin/tools/manifest.yaml")],
)
def test_the_package_is_small_and_named_after_its_version(
    tmp_path: Path, recipe: Recipe, manifest_path: str
) -> None:
    path = build_package(ROOT, tmp_path, recipe)
    manifest = yaml.safe_load((ROOT / manifest_path).read_text(encoding="utf-8"))
    assert path.name == f"{manifest['name']}-{manifest['version']}.difypkg"
    assert path.stat().st_size < 1_000_000
    assert zipfile.ZipFile(path).testzip() is None


def test_only_the_plugin_travels(files: dict[str, bytes]) -> None:
    assert {path.split("/")[0] for path in files} <= TOP_FILES | TOP_FOLDERS
    assert not [path for path in files if path.endswith((".proto", ".pyi", ".pyc"))]
    assert not [path for path in files if path.startswith("plugin/packaging")]
    assert "proto/gptsovits/tts/v1/tts_pb2.py" in files
    assert "plugin/gpt_sovits/models/tts.py" in files
    assert "proto/__init__.py" not in files
    assert not [path for path in files if path.startswith("plugin/tools")]


def test_both_packages_hold_the_same_client(
    files: dict[str, bytes], tool_files: dict[str, bytes]
) -> None:
    shared = set(files) & set(tool_files)
    own = {"manifest.yaml", "README.md", "PRIVACY.md"}
    assert {path for path in shared if files[path] != tool_files[path]} == own | {
        path for path in shared if path.startswith(("readme/", "_assets/icon"))
    }
    assert {"plugin/main.py", "plugin/gpt_sovits/connection.py", "requirements.txt"} <= shared
    assert "plugin/gpt_sovits/models/tts.py" not in tool_files
    assert "plugin/tools/nodes/speak.py" in tool_files


def test_both_packages_have_one_version(
    files: dict[str, bytes], tool_files: dict[str, bytes]
) -> None:
    provider, tools = (yaml.safe_load(each["manifest.yaml"]) for each in (files, tool_files))
    assert provider["version"] == tools["version"]
    assert set(provider["plugins"]) == {"models"}
    assert set(tools["plugins"]) == {"tools"}


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_papers_of_a_package_are_its_own_and_translated(recipe: Recipe) -> None:
    found = package_files(ROOT, recipe)
    translations = {f"readme/README_{locale}.md" for locale in LOCALES - {"en_US"}}
    assert {path for path in found if path.startswith("readme/")} == translations
    assert found["README.md"] != (ROOT / "README.md").read_bytes()
    assert b"_assets/setup.svg" in found["README.md"] and "_assets/setup.svg" in found


@pytest.mark.parametrize("document", ["README.md", "WORKFLOW.md", "tools/README.md"])
def test_links_lead_somewhere_in_the_repository_too(document: str) -> None:
    path = ROOT / "plugin" / document
    links = re.findall(r"\]\((?!\w+:|#)([^)]+)\)", path.read_text("utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_a_link_out_of_the_package_is_refused(files: dict[str, bytes]) -> None:
    files["README.md"] += b"[more](docs/more.md)\n"
    assert "links to docs/more.md, which is not in the package" in problems(files)


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_privacy_names_all_that_is_sent(recipe: Recipe) -> None:
    found = package_files(ROOT, recipe)
    words = " ".join(found["PRIVACY.md"].decode().lower().split())
    for sent in ("text", "voice", "language", "speed", "temperature", "format", "api key"):
        assert sent in words
    for kept in ("client certificate", "private key", "proxy"):
        assert kept in words


def test_every_field_of_the_form_says_what_belongs_there(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    for field in provider["model_credential_schema"]["credential_form_schemas"]:
        assert "placeholder" in field or "options" in field, field["variable"]


def test_the_form_and_the_check_know_every_language_of_the_server(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    fields = provider["model_credential_schema"]["credential_form_schemas"]
    [choices] = [field["options"] for field in fields if field["variable"] == "language"]
    codes = {choice["value"] for choice in choices} - {"auto", "voice", "dify"}
    assert codes == set(_FRONTENDS) == set(_GREETINGS)
    assert codes <= set(NAMES)


@pytest.mark.parametrize("icon", ["icon", "icon-dark", "logo", "logo-dark", "setup", "in-dify"])
def test_pictures_are_whole_and_of_our_own(files: dict[str, bytes], icon: str) -> None:
    root = ElementTree.fromstring(files[f"_assets/{icon}.svg"])
    assert root.get("aria-label")
    assert b"http" not in files[f"_assets/{icon}.svg"].replace(b"http://www.w3.org/2000/svg", b"")


def test_what_nobody_named_does_not_slip_in(tmp_path: Path) -> None:
    (tmp_path / ".difyignore").write_text("/.difyignore\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("x")
    with pytest.raises(PackageError, match=r"notes is not part of the plugin"):
        package_files(tmp_path)


def test_a_rule_that_dify_would_not_obey_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".difyignore").write_text("*\n!/plugin/\n")
    with pytest.raises(PackageError, match="no re-including"):
        package_files(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("version: 0.1.0", "version: 0.1", "neither x.y.z"),
        ("author: sovits-house", "author: Sovits", "author"),
        ("name: gpt_sovits", "name: dify_tts", "must not contain dify"),
        ('"2025-11-22T00:00:00Z"', '"2025-11-22"', "RFC 3339"),
        ('version: "3.12"', "version: 3.12", "must be quoted"),
        ("entrypoint: main", "entrypoint: plugin.main", "entrypoint"),
        ("- utilities", "- audio", "tags"),
        ("icon: icon.svg", "icon: gone.svg", r"gone\.svg is not in the package"),
        ("memory: 268435456", "memory: 0", "memory"),
        ("privacy: PRIVACY.md", "privacy: GONE.md", "privacy"),
        ("repo: https://", "repo: ", "repo"),
        ("contact: sovits-house@", "contact: sovits-house at ", "contact"),
        ("  models:", "  endpoints:", "exactly one provider"),
    ],
)
def test_a_manifest_that_dify_would_refuse_is_refused(
    files: dict[str, bytes], before: str, after: str, message: str
) -> None:
    manifest = files["manifest.yaml"].decode()
    assert before in manifest
    files["manifest.yaml"] = manifest.replace(before, after, 1).encode()
    with pytest.raises(PackageError, match=message):
        check_package(files)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('default: "1.0"', "default: 1.0", "quoted string"),
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


def test_papers_are_checked_too(files: dict[str, bytes]) -> None:
    files["requirements.txt"] = b"dify_plugin>=0.7.4,<1\ntorch\n"
    files["README.md"] += "语音".encode()
    files["plugin/.env"] = b"KEY=1"
    files["readme/other.md"] = b"x"
    files["pyproject.toml"] = b""
    found = problems(files)
    for part in ("torch is not bounded", "0.9.0 or later", "CJK", ".env", "other.md", "pyproject"):
        assert part in found


def test_every_text_of_the_form_is_in_four_languages(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    form = provider["model_credential_schema"]
    texts = [form["model"]["label"], form["model"]["placeholder"]]
    for field in form["credential_form_schemas"]:
        texts.append(field["label"])
        texts += [option["label"] for option in field.get("options", ())]
        texts += [field["placeholder"]] if "placeholder" in field else []
    assert all(set(text) == LOCALES for text in texts)


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


@pytest.mark.parametrize(
    ("path", "before", "after", "message"),
    [
        ("plugin/tools/nodes/speak.yaml", "nodes/speak.py", "nodes/gone.py", r"gone\.py"),
        ("plugin/tools/nodes/speak.yaml", "type: number", "type: numeral", "unknown type"),
        ("plugin/tools/nodes/speak.yaml", "type: number", "type: dynamic-select", "unknown type"),
        ("plugin/tools/nodes/speak.yaml", "default: mp3", "default: midi", "not an option"),
        ("plugin/tools/nodes/speak.yaml", "name: speed", "name: voice", "twice"),
        ("plugin/tools/nodes/speak.yaml", "llm_description", "description", "tell it what"),
        ("plugin/tools/provider/gpt_sovits.yaml", '"off"', "off", "quoted strings"),
        ("plugin/tools/provider/gpt_sovits.yaml", "icon: icon.svg", "icon: x.svg", "icon is not"),
        ("plugin/tools/provider/gpt_sovits.yaml", "nodes/speak.yaml", "nodes/x.yaml", r"x\.yaml"),
    ],
)
def test_nodes_that_dify_would_refuse_are_refused(
    tool_files: dict[str, bytes], path: str, before: str, after: str, message: str
) -> None:
    text = tool_files[path].decode()
    assert before in text
    tool_files[path] = text.replace(before, after).encode()
    with pytest.raises(PackageError, match=message):
        check_package(tool_files)
