"""The curves as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.bench.server.figures import Curve
from tests.bench.server.listener import PREBUFFER_S

Curves = Mapping[str, Curve]
Drawing = Callable[[Figure, Curves], None]
REQUIRED_FIRST_MS = 150.0


def draw(suite: str, curves: Curves, folder: Path) -> list[Path]:
    """Write the pictures of a suite into the folder and return where they lie."""
    leads = {name: curve for name, curve in curves.items() if name.startswith("lead")}
    drawings = {suite: _DRAWINGS[suite]} if suite in _DRAWINGS else {}
    if any(leads.values()):
        drawings[f"{suite}-lead"] = _leads
    return [_write(drawing, curves, folder / f"{name}.png") for name, drawing in drawings.items()]


def _write(drawing: Drawing, curves: Curves, path: Path) -> Path:
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    drawing(figure, curves)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def _single(figure: Figure, curves: Curves) -> None:
    axes = figure.subplots()
    _steps(axes, curves)
    axes.axvline(REQUIRED_FIRST_MS, color="0.6", linestyle="--", label="required of the median")
    _label(axes, "One stream, cached voice", "time to first audio, ms", "share of requests")


def _streams(figure: Figure, curves: Curves) -> None:
    waits, underruns, rate = figure.subplots(1, 3)
    for name in ("first audio p50, ms", "first audio p95, ms"):
        _points(waits, curves[name], name.removesuffix(", ms"))
    waits.set_yscale("log", base=2)
    waits.yaxis.set_major_formatter("{x:g}")
    waits.axhline(REQUIRED_FIRST_MS, color="0.6", linestyle="--", label="150 ms")
    _points(underruns, curves["underruns, %"], f"{PREBUFFER_S * 1e3:.0f} ms prebuffer")
    underruns.set_ylim(-3, 103)
    _points(rate, curves["seconds of audio a second"], "delivered")
    counts = [count for count, _ in curves["underruns, %"]]
    rate.plot(counts, counts, color="0.6", linestyle="--", label="asked for, on average")
    rate.set_yscale("log", base=2)
    rate.yaxis.set_major_formatter("{x:g}")
    for axes in (waits, underruns, rate):
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [f"{count:g}" for count in counts])
    asked = "streams at a time (Poisson arrivals)"
    _label(waits, "Wait", asked, "time to first audio, ms")
    _label(underruns, "Pauses", asked, "streams with underruns, %")
    _label(rate, "Throughput", asked, "seconds of audio a second")


def _leads(figure: Figure, curves: Curves) -> None:
    axes = figure.subplots()
    for name, curve in curves.items():
        if name.startswith("lead") and curve:
            axes.plot(*zip(*curve, strict=True), linewidth=1)
    axes.axhline(0, color="0.6", linestyle="--", label="runs dry without a prebuffer")
    _label(axes, "Sound ahead of the listener", "time since the request, s", "lead, s")


def _cancel(figure: Figure, curves: Curves) -> None:
    axes = figure.subplots()
    _steps(axes, curves)
    axes.axvline(20, color="0.6", linestyle="--", label="20 ms")
    _label(axes, "After a listener left", "time until its place is free, ms", "share")


def _soak(figure: Figure, curves: Curves) -> None:
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), label=name)
    _label(axes, "Memory of the server", "listeners", "resident memory, MB")


def _steps(axes: Axes, curves: Curves) -> None:
    for order, (name, curve) in enumerate(curves.items()):
        width = 1.2 + 2 * (len(curves) - 1 - order)  # equal curves both show
        axes.step(*zip(*curve, strict=True), where="post", label=name, linewidth=width)
    axes.set_ylim(0, 1.02)


def _points(axes: Axes, curve: Curve, name: str) -> None:
    axes.plot(*zip(*curve, strict=True), marker="o", label=name)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[1]:
        axes.legend()


_DRAWINGS: Mapping[str, Drawing] = MappingProxyType(
    {
        "server-single": _single,
        "server-streams": _streams,
        "server-cancel": _cancel,
        "server-soak": _soak,
    }
)
