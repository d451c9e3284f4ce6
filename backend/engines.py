"""The bundles that one process serves side by side, each with an engine of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.errors import ConfigurationError
from backend.inference import Inference

if TYPE_CHECKING:
    from engine.pipeline.bundle import Bundle
    from engine.pipeline.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A bundle in memory and what decodes its streams."""

    bundle: Bundle
    scheduler: Scheduler


@dataclass(frozen=True, slots=True)
class Engine:
    """A bundle and the one way to have it speak."""

    bundle: Bundle
    inference: Inference


class Engines:
    """The engines by the names of their bundles; the first one is the default.

    Args:
        engines: at least one.

    Raises:
        ConfigurationError: two bundles have one name.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = {engine.bundle.name: engine for engine in engines}
        if len(self._engines) < len(engines):
            names = ", ".join(engine.bundle.name for engine in engines)
            raise ConfigurationError(f"bundles that are served together differ in name: {names}")

    @property
    def all(self) -> tuple[Engine, ...]:
        """The engines, the default first."""
        return tuple(self._engines.values())

    @property
    def default(self) -> Engine:
        """The first engine."""
        return self.all[0]

    def named(self, bundle: str) -> Engine:
        """The engine of the bundle that a voice names."""
        return self._engines[bundle]
