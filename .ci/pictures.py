"""Renders the drawings of _assets/ as PNG; `--check` only compares.

Dify's page of a plugin hands pictures to the browser without their type. A browser recognises PNG
by its first bytes, and SVG not at all. Rendering needs rsvg-convert and the font Inter, on Debian
the packages librsvg2-bin and fonts-inter. Each picture holds the hash of its drawing, so that the
check needs neither.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import subprocess
import sys
import zlib
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "_assets"
DRAWINGS = ("setup", "in-dify")
WIDTH = 1440
END = struct.pack(">I", 0) + b"IEND"  # the beginning of a PNG's last chunk


def note(drawing: bytes) -> bytes:
    """Return the chunk of text that says of which drawing a picture is."""
    body = b"tEXt" + b"Drawing\0" + hashlib.sha256(drawing).hexdigest().encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def render(drawing: bytes) -> bytes:
    """Return the picture of `drawing`.

    Raises:
        FileNotFoundError: rsvg-convert is not installed.
        CalledProcessError: it, or the font, cannot be used.
    """
    font = ["fc-match", "--format=%{family}", "Inter"]
    found = subprocess.run(font, check=True, capture_output=True, text=True).stdout
    if "Inter" not in found:
        raise SystemExit("the font Inter is missing; on Debian: apt install fonts-inter")
    convert = ["rsvg-convert", "--width", str(WIDTH)]
    picture = subprocess.run(convert, input=drawing, check=True, capture_output=True).stdout
    body, end, rest = picture.rpartition(END)
    return body + note(drawing) + end + rest


def stale() -> list[str]:
    """Return the names of the pictures that are not of the drawing beside them."""
    return [
        name
        for name in DRAWINGS
        if note((ASSETS / f"{name}.svg").read_bytes()) not in (ASSETS / f"{name}.png").read_bytes()
    ]


def main() -> int:
    """Render or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    if not parser.parse_args().check:
        for name in DRAWINGS:
            drawing = (ASSETS / f"{name}.svg").read_bytes()
            (ASSETS / f"{name}.png").write_bytes(render(drawing))
        return 0
    names = stale()
    for name in names:
        print(f"_assets/{name}.png is of another drawing: run .ci/pictures.py", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
