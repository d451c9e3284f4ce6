"""`python -m engine models`: import, pull, list, verify and remove bundles."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from engine.checkpoints import models_folder
from engine.checkpoints.convert import Source
from engine.checkpoints.hub import fetch
from engine.checkpoints.polyphones import predictor_folder, reads_by_predictor
from engine.checkpoints.predictor_archive import ARCHIVE, check_place, install_predictor
from engine.checkpoints.predictor_archive import REPOSITORY as PREDICTOR_REPOSITORY
from engine.checkpoints.progress import download_progress
from engine.checkpoints.released_bundle import ReleasedFiles
from engine.checkpoints.releases import REPOSITORY, release_named, with_shared_networks
from engine.errors import EngineError

IMPORT_STEPS = 5
PREDICTOR = "g2pw"
commands = typer.Typer(no_args_is_help=True, help="Bundles of released and fine-tuned weights.")

Models = Annotated[Path, typer.Option("--models", help="The folder that holds the bundles.")]
Name = Annotated[str, typer.Argument(help="The bundle's name.")]
Pretrained = Annotated[
    Path, typer.Option(help="A folder laid out as the repository of the released weights.")
]
Mandarin = Annotated[bool, typer.Option(help="Take the character features for Mandarin along.")]

AsStored = Annotated[
    bool, typer.Option("--as-stored", help="Keep half precision: half the disk, slower to load.")
]


@commands.command("import")
def import_pair(
    semantic: Annotated[Path, typer.Argument(help="The .ckpt, text to semantic tokens.")],
    acoustic: Annotated[Path, typer.Argument(help="The .pth, semantic tokens to sound.")],
    name: Annotated[str, typer.Option(help="The bundle's name.")],
    pretrained: Pretrained,
    models: Models = Path("data/models"),
    mandarin: Mandarin = True,
    as_stored: AsStored = False,
    semantic_sha256: Annotated[str, typer.Option(help="Refuse the .ckpt if it differs.")] = "",
    acoustic_sha256: Annotated[str, typer.Option(help="Refuse the .pth if it differs.")] = "",
) -> None:
    """Make a bundle of a fine-tuned or released pair; adapters are merged into their base."""
    pair = (
        Source(semantic, semantic_sha256 or None),
        Source(acoustic, acoustic_sha256 or None),
    )
    with errors_told():
        models_folder.check_name(models, name)
        files = with_shared_networks(*pair, pretrained, mandarin=mandarin)
        _install(files, models, name, as_stored)


@commands.command()
def pull(
    version: Annotated[str, typer.Argument(help="v1, v2, v2Pro, v2ProPlus, v3, v4, or g2pw.")],
    models: Models = Path("data/models"),
    downloads: Annotated[Path, typer.Option(help="Where the files go.")] = Path("data/released"),
    name: Annotated[str, typer.Option(help="The bundle's name; empty takes the version.")] = "",
    as_stored: AsStored = False,
) -> None:
    """Download a released version and make a bundle of it.

    g2pw is no version: it reads Chinese characters for all bundles of the folder.
    """
    if version.lower() == PREDICTOR:
        _pull_predictor(models, downloads)
        return
    with errors_told():
        release = release_named(version)
        models_folder.check_name(models, name or version)
        paths = release.paths()
        with download_progress() as report:
            fetch(paths, REPOSITORY, downloads, report=report)
        pair = (Source(downloads / release.semantic), Source(downloads / release.acoustic))
        files = with_shared_networks(*pair, downloads)
        _install(files, models, name or version, as_stored)


def _pull_predictor(models: Path, downloads: Path) -> None:
    with errors_told():
        check_place(models)
        with download_progress() as report:
            fetch([ARCHIVE], PREDICTOR_REPOSITORY, downloads, report=report)
        folder = install_predictor(downloads / ARCHIVE, models)
        print(f"{folder}: the bundles of {models} read Chinese characters by g2pW now")


@commands.command("list")
def list_bundles(models: Models = Path("data/models")) -> None:
    """Show the bundles of a folder."""
    with errors_told():
        bundles = list(models_folder.installed(models))
        if not bundles:
            print(f"no bundle is in {models}; `models pull v2` brings one", file=sys.stderr)
        for bundle in bundles:
            config = bundle.config
            languages, megabytes = ",".join(config.languages), bundle.size_bytes / 1e6
            described = f"{bundle.folder.name}\t{config.version}\t{languages}\t{megabytes:.0f} MB"
            print(described + _mandarin_reader(bundle))


@commands.command()
def verify(name: Name, models: Models = Path("data/models")) -> None:
    """Compare every file of a bundle with its pinned SHA-256."""
    with errors_told():
        bundle = models_folder.find(models, name)
        with _progress("verifying", len(bundle.config.sha256)) as report:
            for path in models_folder.verified(bundle):
                report(path)
        print(f"{name}: {len(bundle.config.sha256)} files are as they were pinned")


@commands.command()
def remove(name: Name, models: Models = Path("data/models")) -> None:
    """Delete a bundle."""
    with errors_told():
        models_folder.remove(models, name)
        print(f"{name} is removed")


def _install(files: ReleasedFiles, models: Path, name: str, as_stored: bool) -> None:
    dtype = None if as_stored else torch.float32
    with _progress("importing", IMPORT_STEPS) as report:
        bundle = models_folder.install(files, models, name, report, dtype=dtype)
    print(f"{bundle.folder}: {bundle.config.version}, {', '.join(bundle.config.languages)}")
    if reads_by_predictor(bundle.config) and not predictor_folder(bundle.folder):
        print(f"readings of Chinese characters get better by: models pull {PREDICTOR}")


def _mandarin_reader(bundle: models_folder.InstalledBundle) -> str:
    """What a list says of who decides the readings of Chinese characters."""
    if "zh" not in bundle.config.languages:
        return ""
    is_there = reads_by_predictor(bundle.config) and predictor_folder(bundle.folder)
    return "\tzh by " + ("g2pW" if is_there else "pypinyin")


@contextmanager
def _progress(title: str, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr that moves with each call of what is yielded."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(title, total=steps)

        def report(step: str) -> None:
            progress.update(task, description=f"{title}: {step}", advance=1)

        yield report


@contextmanager
def errors_told() -> Iterator[None]:
    """One line on stderr and exit code 2 instead of a traceback."""
    try:
        yield
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
