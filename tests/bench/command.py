"""`python -m tests.bench [--suites a,b] [--threads n] [--rounds n] [--out folder]`.

`--suites server` stands for all suites of the server, which start a server of their own each.
`--suites cuda,cuda-compiled` measures a GPU, and runs only when it is asked for.
Ratios within one run are what counts; absolute figures hold for the machine that is named.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

import torch

from engine.device import pick_device
from tests.bench import (
    acoustic,
    cuda,
    first_audio,
    official,
    onnx_runtime,
    report,
    text_to_semantic,
    versions,
)
from tests.bench.rounds import at_threads
from tests.bench.server import endurance, engine_load, leaving, plots, suites
from tests.bench.server.process import Load

MODELS = {
    "text-to-semantic": text_to_semantic.measure,
    "acoustic": acoustic.measure,
    "first-audio": first_audio.measure,
    "onnx-runtime": onnx_runtime.measure,
}
GPU = {"cuda": cuda.measure, "cuda-compiled": cuda.measure_compiled}
THREADS = (1, 2)  # where none are asked for
SERVER = {
    "server-single": suites.single,
    "server-streams": suites.streams,
    "server-host": suites.host,
    "server-burst": suites.burst,
    "server-long": suites.long_text,
    "server-voices": suites.voices,
    "server-bundles": suites.bundles,
    "server-cancel": leaving.cancel,
    "server-soak": endurance.soak,
    "server-engine": engine_load.engine,
}


def main() -> None:
    """Run the suites and report; SIGTERM ends the servers as well."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _options()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    found = {}
    for suite in _named(options.suites.split(",")):
        found[suite] = _measure(suite, options)
        report.show(suite, found[suite])
        report.write(options.out / "bench.json", torch.get_num_threads(), found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    every = ",".join((*MODELS, "versions", "server"))
    parser.add_argument("--suites", "--part", default=every, help="joined by commas")
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="of models (0: 1, then 2) and server (0: its own choice)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="of what is timed in turns")
    parser.add_argument("--device", default="auto", help="of the server, and of the suites cuda")
    parser.add_argument("--precision", default="auto", help="of the server: auto, half, int8")
    parser.add_argument(
        "--released", action="store_true", help="released sizes in servers of one voice"
    )
    parser.add_argument("--streams", default="1,2,4,8,16,32,64", help="listeners at a time")
    parser.add_argument("--seconds", type=float, default=20.0, help="of listeners coming")
    parser.add_argument("--requests", type=int, default=1000, help="of each kind in the soak")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    return parser.parse_args()


def _named(names: list[str]) -> list[str]:
    return [each for name in names for each in (SERVER if name == "server" else [name])]


def _measure(suite: str, options: argparse.Namespace) -> list[report.Row]:
    if suite in MODELS:
        counts = (options.threads,) if options.threads else THREADS
        return at_threads(counts, MODELS[suite], options.rounds)
    if suite in GPU:
        where = pick_device("cuda" if options.device == "auto" else options.device)
        model, decoder = official.text_to_semantic(), official.vits_decoder(packed=False)
        return GPU[suite](cuda.Subject(model.to(where), decoder.to(where)))
    if suite == "versions":
        return versions.measure(options.rounds)
    counts = tuple(map(int, options.streams.split(",")))
    load = Load(
        options.device,
        options.threads,
        counts,
        options.seconds,
        options.requests,
        options.released,
        options.precision,
    )
    found = asyncio.run(SERVER[suite](load))
    for picture in plots.draw(suite, found.curves, options.out):
        print(f"drew {picture}")
    return found.rows
