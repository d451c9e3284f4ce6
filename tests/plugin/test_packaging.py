"""The Dify package."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

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


def test_a_checkout_whose_git_is_a_file_gives_the_same_package(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    copied = ["manifest.yaml", ".difyignore", "plugin", "proto", "readme", "_assets", "main.py"]
    for name in (*copied, "README.md", "PRIVACY.md", "LICENSE", "requirements.txt"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, tmp_path / name)
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert package_files(tmp_path) == files


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


def test_every_text_of_the_form_is_in_four_languages(files: dict[str, bytes]) -> None:
    provider = yaml.safe_load(files["plugin/provider/gpt_sovits.yaml"])
    form = provider["model_credential_schema"]
    texts = [form["model"]["label"], form["model"]["placeholder"]]
    for field in form["credential_form_schemas"]:
        texts.append(field["label"])
        texts += [option["label"] for option in field.get("options", ())]
        texts += [field["placeholder"]] if "placeholder" in field else []
    assert all(set(text) == LOCALES for text in texts)


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
