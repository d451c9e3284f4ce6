"""Build the Dify package: `python -m plugin.packaging [FOLDER]`, by default into `dist`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from plugin.packaging.build import build_package
from plugin.packaging.errors import PackageError

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Build; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m plugin.packaging", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    try:
        path = build_package(ROOT, parser.parse_args().folder)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path} ({path.stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
