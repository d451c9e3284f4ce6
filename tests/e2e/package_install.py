"""The plugin as Dify has it: the package unpacked, its requirements in their own environment."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from plugin.packaging.build import build_package
from plugin.packaging.contents import PROVIDER, Recipe

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "build" / "plugin-environments"


def unpack_plugin(folder: Path, recipe: Recipe = PROVIDER) -> Path:
    """Build a package and return the folder that it is unpacked into."""
    package = build_package(ROOT, folder, recipe)
    unpacked = folder / "plugin-unpacked"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(unpacked)
    return unpacked


def lowest(requirements: str) -> str:
    """Return `requirements` pinned to the oldest versions that they take."""
    return re.sub(r">=([\d.]+),<[\d.]+", r"==\1", requirements)


def plugin_python(unpacked: Path, oldest: bool = False) -> Path:
    """Return the Python of an environment with the package's requirements, made if need be.

    With `oldest` these are the oldest that the package takes, else the newest. It is kept for
    the next run, under the hash of what it was made from.
    """
    text = (unpacked / "requirements.txt").read_text("utf-8")
    requirements = lowest(text) if oldest else text
    recipe = sys.version.encode() + requirements.encode()
    environment = ENVIRONMENTS / hashlib.sha256(recipe).hexdigest()[:16]
    python, finished = environment / "bin" / "python", environment / "finished"
    if not finished.exists():
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        listed = environment / "requirements.txt"
        listed.write_text(requirements, "utf-8")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", listed], check=True)
        finished.touch()
    return python


def run_in_plugin(unpacked: Path, program: str) -> str:
    """Return what `program` prints in the environment and the folder of the unpacked plugin."""
    environment = {"INSTALL_METHOD": "local", "PYTHONPATH": str(unpacked), "PATH": "/usr/bin"}
    run = [plugin_python(unpacked), "-c", program]
    done = subprocess.run(
        run, cwd=unpacked, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout
