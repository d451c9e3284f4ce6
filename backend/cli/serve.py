"""`serve`: load the weights and serve until SIGTERM.

The models' libraries are imported only once it runs: they take seconds, which the commands
that only speak to a server do without.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from backend.config import Settings, misspelt_variables, read_settings
from backend.errors import BackendError
from engine.errors import EngineError
from engine.threads import rest_between_loops

logger = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one.")] = None,
    bundle: Annotated[
        list[Path] | None, typer.Option(help="A folder of weights; may be given several times.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the voices.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
) -> None:
    """Serve speech over gRPC; settings not given here come from GPTSOVITS_* variables."""
    given = {
        "host": host,
        "port": port,
        "bundle": tuple(bundle) if bundle else None,
        "data_dir": data_dir,
        "device": device,
    }
    rest_between_loops()
    try:
        settings = read_settings(**{name: each for name, each in given.items() if each is not None})
        logging.basicConfig(level=settings.log_level, stream=sys.stderr, format=LOG_FORMAT)
        for sentence in misspelt_variables():
            logger.warning(sentence)
        asyncio.run(_serve(settings))
    except (BackendError, EngineError, OSError) as error:
        typer.secho(f"cannot serve: {error}", err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error


async def _serve(settings: Settings) -> None:
    import torch

    from backend.engines import LoadedBundle
    from backend.server import TtsServer, run_until_signal
    from backend.verifiers.making import make_verifier
    from engine.models.packed_decoding import Precision
    from engine.pipeline.bundle import load_bundle
    from engine.pipeline.scheduler import Scheduler
    from engine.text.lexicon import read_lexicon

    precision = None if settings.precision == "auto" else Precision(settings.precision)
    settings.check_exposure()
    server = TtsServer(settings)
    try:
        server.bind()
        if settings.threads:
            torch.set_num_threads(settings.threads)
        words = read_lexicon(settings.lexicon) if settings.lexicon else ()
        began_s = time.monotonic()
        bundles = [
            await asyncio.to_thread(load_bundle, folder, settings.device, words, precision)
            for folder in settings.bundle
        ]
        if not settings.threads:
            torch.set_num_threads(max(bundle.best_threads for bundle in bundles))
        loaded_s = time.monotonic()
        names = ", ".join(bundle.name for bundle in bundles)
        typer.echo(f"listening on {settings.host}:{server.port}, bundle {names}")
        loaded = [
            LoadedBundle(
                each,
                Scheduler(each, settings.max_streams, verifier=make_verifier(settings.verifier)),
            )
            for each in bundles
        ]
        logger.info(
            "loading took %.1f s, getting ready to speak on %s %.1f s",
            loaded_s - began_s,
            bundles[0].device,
            time.monotonic() - loaded_s,
        )
        await run_until_signal(server, loaded)
    finally:
        await server.stop()
