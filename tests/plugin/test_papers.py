"""The documents and pictures of the Dify packages."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from plugin.packaging.build import check_package
from plugin.packaging.contents import PROVIDER, TOOLS, Recipe, package_files
from plugin.packaging.errors import PackageError

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("svg", "png")
LOCALES = {"en_US", "zh_Hans", "ja_JP", "pt_BR"}


@pytest.fixture
def files() -> dict[str, bytes]:
    """The files of the provider's package."""
    return package_files(ROOT)


def problems(files: dict[str, bytes]) -> str:
    """Return what is wrong with `files`, as text."""
    with pytest.raises(PackageError) as caught:
        check_package(files)
    return str(caught.value)


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_papers_of_a_package_are_its_own_and_translated(recipe: Recipe) -> None:
    found = package_files(ROOT, recipe)
    translations = {f"readme/README_{locale}.md" for locale in LOCALES - {"en_US"}}
    assert {path for path in found if path.startswith("readme/")} == translations
    assert found["README.md"] != (ROOT / "README.md").read_bytes()
    assert b"(./_assets/setup.png)" in found["README.md"] and "_assets/setup.png" in found


@pytest.mark.parametrize("document", ["README.md", "WORKFLOW.md", "tools/README.md"])
def test_links_lead_somewhere_in_the_repository_too(document: str) -> None:
    path = ROOT / "plugin" / document
    links = re.findall(r"\]\((?!\w+:|#)([^)]+)\)", path.read_text("utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).is_file()] == []


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_difys_page_of_a_plugin_can_follow_every_link(recipe: Recipe) -> None:
    found = package_files(ROOT, recipe)
    for path in [path for path in found if path.endswith(".md")]:
        for link in re.findall(r"\]\(([^)]+)\)", found[path].decode()):
            if link.startswith("https://github.com/sovits-house/gpt-sovits-grpc/blob/main/"):
                assert (ROOT / link.partition("/blob/main/")[2]).is_file()
            elif not link.startswith("https://"):
                assert re.fullmatch(r"\./_assets/[\w-]+\.png", link)
                assert link.removeprefix("./") in found


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("docs/more.md", "links to docs/more.md: Dify finds pictures in ./_assets/ alone"),
        ("./_assets/gone.png", "shows ./_assets/gone.png, which is not in the package"),
        ("./_assets/icon.svg", "they ask SVG for one"),
    ],
)
def test_a_link_that_dify_cannot_follow_is_refused(
    files: dict[str, bytes], link: str, message: str
) -> None:
    files["README.md"] += f"[more]({link})\n".encode()
    assert message in problems(files)


@pytest.mark.parametrize("recipe", [PROVIDER, TOOLS])
def test_privacy_names_all_that_is_sent(recipe: Recipe) -> None:
    found = package_files(ROOT, recipe)
    words = " ".join(found["PRIVACY.md"].decode().lower().split())
    for sent in ("text", "voice", "language", "speed", "temperature", "format", "api key"):
        assert sent in words
    for kept in ("client certificate", "private key", "proxy"):
        assert kept in words


@pytest.mark.parametrize("icon", ["icon", "icon-dark", "logo", "logo-dark"])
def test_icons_are_whole_of_our_own_and_need_no_font(files: dict[str, bytes], icon: str) -> None:
    drawing = files[f"_assets/{icon}.svg"]
    root = ElementTree.fromstring(drawing)
    assert root.get("aria-label")
    assert b"http" not in drawing.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"<text" not in drawing


@pytest.mark.parametrize("name", ["setup", "in-dify"])
def test_a_picture_is_of_the_drawing_beside_it(name: str) -> None:
    drawing, picture = ((ROOT / "_assets" / f"{name}.{kind}").read_bytes() for kind in KINDS)
    assert picture.startswith(b"\x89PNG\r\n")
    assert b"tEXtDrawing\0" + hashlib.sha256(drawing).hexdigest().encode() in picture


def test_papers_are_checked_too(files: dict[str, bytes]) -> None:
    files["requirements.txt"] = b"dify_plugin>=0.7.4,<1\ntorch\n"
    files["README.md"] += "语音".encode()
    files["plugin/.env"] = b"KEY=1"
    files["readme/other.md"] = b"x"
    files["pyproject.toml"] = b""
    found = problems(files)
    for part in ("torch is not bounded", "0.9.0 or later", "CJK", ".env", "other.md", "pyproject"):
        assert part in found
