"""Replay golden cases: `python -m tests.golden --cases <folder> [--kinds a,b] [--names pattern]`.

Prints a line per case and the totals; exits 0 only when every case passes. A case whose kind has
no handler fails, and so does a folder without cases.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.golden.runner import replay


def main(arguments: Sequence[str]) -> int:
    """Replay the folder that the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="folder with index.json")
    parser.add_argument("--kinds", default="", help="only these kinds, joined by commas")
    parser.add_argument("--names", default="*", help="only cases whose name matches")
    options = parser.parse_args(arguments)
    kinds = frozenset(filter(None, options.kinds.split(",")))
    passed = failed = 0
    with torch.inference_mode():
        for result in replay(options.cases, kinds, options.names):
            print(result.line(), flush=True)
            passed, failed = passed + result.passed, failed + (not result.passed)
    if not passed + failed:
        print(f"no case to replay in {options.cases}")
    print(f"{passed + failed} cases: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
