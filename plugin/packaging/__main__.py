"""Build the Dify packages: `python -m plugin.packaging [FOLDER]`, by default into `dist`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from plugin.packaging.build import build_package
from plugin.packaging.contents import PROVIDER, TOOLS
from plugin.packaging.errors import PackageError

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Build both; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m plugin.packaging", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    folder = parser.parse_args().folder
    try:
        paths = [build_package(ROOT, folder, recipe) for recipe in (PROVIDER, TOOLS)]
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        print(f"{path} ({path.stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
