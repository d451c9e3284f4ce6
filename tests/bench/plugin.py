"""What the Dify plugin adds to the wait for the real backend's first sound.

`python -m tests.bench.plugin [--rounds n]`: the packaged plugin in its own process and environment,
the backend with the starter bundle, and between them a relay that notes when sound passes.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from plugin.gpt_sovits.connection import Connection
from plugin.gpt_sovits.endpoint import Endpoint
from plugin.gpt_sovits.settings import voice_id
from tests.bench import report
from tests.bench.report import Row
from tests.e2e.backend_process import API_KEY, BackendProcess
from tests.e2e.daemon import PluginProcess
from tests.e2e.dify import Dify
from tests.e2e.package_install import plugin_python, unpack_plugin
from tests.e2e.relay import measure_additions


def measure(rounds: int) -> list[Row]:
    """The additions to the first sound and to the first audible one."""
    with TemporaryDirectory() as name, BackendProcess(Path(name)) as backend:
        unpacked = unpack_plugin(Path(name))
        with closing(PluginProcess(plugin_python(unpacked), unpacked, {})) as plugin:
            dify = Dify(plugin, {"server_address": backend.address, "api_key": API_KEY})
            first, *added = measure_additions(dify, backend, _voice(backend), rounds)
    return [
        Row("added to first sound, first call of a process", 1e3 * first.first_s, "ms"),
        *_rows("first sound", [each.first_s for each in added]),
        *_rows("first audible sound", [each.audible_s for each in added]),
    ]


def _voice(backend: BackendProcess) -> str:
    """Return a voice without asking the plugin, whose first call shall be a speech."""
    with closing(Connection(Endpoint(backend.address, API_KEY))) as connection:
        return voice_id(connection.list_voices()[0].name)


def _rows(name: str, seconds: list[float]) -> list[Row]:
    figures = {
        "median": statistics.median(seconds),
        "least": min(seconds),
        "95 % within": sorted(seconds)[int(0.95 * len(seconds))],
        "most": max(seconds),
    }
    return [Row(f"added to {name}, {kind}", 1e3 * each, "ms") for kind, each in figures.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.plugin", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    report.show("plugin", measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
