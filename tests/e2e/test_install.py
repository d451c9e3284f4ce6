"""The packages installed as Dify's daemon and its Marketplace install them."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from plugin.packaging.contents import PROVIDER, TOOLS, Recipe
from tests.e2e.daemon import PluginProcess
from tests.e2e.daemon_install import install_as_the_daemon
from tests.e2e.dify import Dify
from tests.e2e.nodes import Nodes
from tests.e2e.package_install import plugin_python, run_in_plugin, unpack_plugin
from tests.e2e.serverless import ServerlessPlugin
from tests.plugin.sound import tone_mp3
from tests.plugin.speech_server import API_KEY, SpeechServer

MARKETPLACE_LIMIT_S = 20.0
LARGEST_INSTALLED_BYTES = 80_000_000
BOTH = pytest.mark.parametrize("recipe", [PROVIDER, TOOLS], ids=["provider", "tools"])


def test_installed_by_the_daemon_both_speak(tmp_path: Path, server: SpeechServer) -> None:
    form = {"server_address": server.address, "api_key": API_KEY}
    for name, recipe in (("provider", PROVIDER), ("tools", TOOLS)):
        unpacked = unpack_plugin(tmp_path / name, recipe)
        plugin = PluginProcess(install_as_the_daemon(unpacked), unpacked, {})
        try:
            if recipe is PROVIDER:
                assert Dify(plugin, form).speak("Hello.", "amy").sound == tone_mp3(2.0)
            else:
                assert Nodes(plugin, form).run("speak", text="Hello.").files
        finally:
            plugin.close()
        installed = (path for path in (unpacked / ".venv").rglob("*") if path.is_file())
        assert sum(path.stat().st_size for path in installed) < LARGEST_INSTALLED_BYTES


@BOTH
def test_the_marketplace_can_start_it(tmp_path: Path, recipe: Recipe) -> None:
    unpacked = unpack_plugin(tmp_path, recipe)
    plugin = ServerlessPlugin(plugin_python(unpacked), unpacked)
    try:
        assert plugin.front_page_status in (200, 404)
        assert "Serving Flask app" in plugin.output
        assert plugin.start_s < MARKETPLACE_LIMIT_S
    finally:
        plugin.close()


def test_nothing_heavy_is_installed(tmp_path: Path) -> None:
    python = plugin_python(unpack_plugin(tmp_path))
    listing = [python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    installed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.lower()
    for heavy in ("torch", "numpy", "transformers", "av=="):
        assert f"\n{heavy}" not in installed


@BOTH
@pytest.mark.parametrize("module", ["engine", "backend", "pyproject.toml", "plugin/packaging"])
def test_what_runs_the_server_does_not_travel(tmp_path: Path, module: str, recipe: Recipe) -> None:
    assert not (unpack_plugin(tmp_path, recipe) / module).exists()


@BOTH
def test_every_module_that_travels_is_used(tmp_path: Path, recipe: Recipe) -> None:
    unpacked = unpack_plugin(tmp_path, recipe)
    program = (
        "import sys; from plugin.main import create_plugin; create_plugin();"
        "print(*(getattr(each, '__file__', None) for each in list(sys.modules.values())))"
    )
    loaded = run_in_plugin(unpacked, program).split()
    # Dify's SDK loads what YAML names outside of the modules that Python lists.
    named = "".join(path.read_text("utf-8") for path in unpacked.rglob("*.yaml"))
    unused = [
        path
        for path in unpacked.rglob("*.py")
        if str(path) not in loaded
        and str(path.relative_to(unpacked)) not in (*named.split(), "main.py")
        and path.name != "__init__.py"
    ]
    assert unused == []


def test_the_first_speech_of_a_process_finds_imported_what_libraries_do_not_put_off(
    tmp_path: Path, server: SpeechServer
) -> None:
    unpacked = unpack_plugin(tmp_path)
    told = "import sys\nsys.addaudithook(lambda *told: told[0] == 'import' and tell(told[1][0]))\n"
    tell = "tell = lambda name: print('imports', name, file=sys.stderr, flush=True)\n"
    main = unpacked / "main.py"
    main.write_text(main.read_text("utf-8").replace("from plugin", f"{told}{tell}from plugin", 1))
    plugin = PluginProcess(plugin_python(unpacked), unpacked, {})
    try:
        at_the_start = imported(plugin)
        dify = Dify(plugin, {"server_address": server.address, "api_key": API_KEY})
        assert dify.speak("Hello.", "amy").sound == tone_mp3(2.0)
        assert "dify_plugin.invocations" in at_the_start
        late = set(imported(plugin)) - set(at_the_start)
        assert [name for name in late if not name.startswith(("dify_plugin.", "grpc."))] == []
    finally:
        plugin.close()


def imported(plugin: PluginProcess) -> list[str]:
    """Return the modules that were asked for, loaded or not."""
    return re.findall(r"^imports (\S+)$", plugin.log, re.MULTILINE)


def test_collecting_garbage_does_not_look_through_what_was_loaded(tmp_path: Path) -> None:
    program = (
        "import gc; from plugin.main import create_plugin; create_plugin();"
        "print(len(gc.get_objects()), gc.get_freeze_count())"
    )
    looked_at, left_alone = map(int, run_in_plugin(unpack_plugin(tmp_path), program).split()[-2:])
    assert looked_at < 0.1 * left_alone


def test_a_package_is_small_and_whole(tmp_path: Path) -> None:
    for recipe in (PROVIDER, TOOLS):
        unpack_plugin(tmp_path / str(len(recipe.moved)), recipe)
    for package in tmp_path.rglob("*.difypkg"):
        assert package.stat().st_size < 1_000_000
        assert zipfile.ZipFile(package).testzip() is None
