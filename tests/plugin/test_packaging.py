"""The Dify package."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
import yaml

from plugin.packaging.build import build_package, check_package
from plugin.packaging.contents import TOP_FILES, TOP_FOLDERS, package_files
from plugin.packaging.errors import PackageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def files() -> dict[str, bytes]:
    """The files of a package that is right."""
    return package_files(ROOT)


def problems(files: dict[str, bytes]) -> str:
    """Return what is wrong with `files`, as text."""
    with pytest.raises(PackageError) as caught:
        check_package(files)
    return str(caught.value)


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = [
        hashlib.sha256(build_package(ROOT, tmp_path / name).read_bytes()).hexdigest()
        for name in ("first", "second")
    ]
    assert digests[0] == digests[1]


def test_the_package_is_small_and_named_after_its_version(tmp_path: Path) -> None:
    path = build_package(ROOT, tmp_path)
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text(encoding="utf-8"))
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
    locales = {"en_US", "zh_Hans", "ja_JP", "pt_BR"}
    assert all(set(text) == locales for text in texts)
