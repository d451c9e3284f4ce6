"""The plugin's process, shared by all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin.packaging.contents import TOOLS
from tests.e2e.backend_process import API_KEY, BackendProcess
from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import Dify
from tests.e2e.nodes import Nodes
from tests.e2e.package_install import plugin_python, unpack_plugin
from tests.plugin.speech_server import SpeechServer


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    """A server of this test's own, which plays a sound."""
    server = SpeechServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def plugin_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginProcess]:
    """The packaged plugin, running as Dify runs it, in an environment that names a dead proxy."""
    unpacked = unpack_plugin(tmp_path_factory.mktemp("package"))
    process = PluginProcess(plugin_python(unpacked), unpacked, {"http_proxy": "http://127.0.0.1:9"})
    yield process
    process.close()


@pytest.fixture(scope="session")
def tools_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginProcess]:
    """The packaged tools, running as Dify runs them."""
    unpacked = unpack_plugin(tmp_path_factory.mktemp("tools"), TOOLS)
    process = PluginProcess(plugin_python(unpacked), unpacked, {})
    yield process
    process.close()


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackendProcess]:
    """The real backend with the starter bundle; who stops it starts it again."""
    with BackendProcess(tmp_path_factory.mktemp("backend")) as backend:
        yield backend


@pytest.fixture
def real_dify(plugin_process: PluginProcess, backend: BackendProcess) -> Dify:
    """A workspace with the real backend, patient enough for a busy machine."""
    patience = {"timeout": "240", "longest_pause": "120"}
    form = {"server_address": backend.address, "api_key": API_KEY, **patience}
    return Dify(plugin_process, form)


@pytest.fixture
def real_nodes(tools_process: PluginProcess, backend: BackendProcess) -> Nodes:
    """A workspace whose nodes work with the real backend."""
    return Nodes(tools_process, {"server_address": backend.address, "api_key": API_KEY})
