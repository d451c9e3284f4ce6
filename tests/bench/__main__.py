"""`python -m tests.bench [--suites a,b] [--threads n] [--rounds n] [--json file]`.

Ratios within one run are what counts; absolute figures hold for the machine that is named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tests.bench import acoustic, first_audio, report, text_to_semantic

SUITES = {
    "text-to-semantic": text_to_semantic.measure,
    "acoustic": acoustic.measure,
    "first-audio": first_audio.measure,
}


def main() -> None:
    """Run the suites and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--suites", default=",".join(SUITES), help="joined by commas")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = {}
    for suite in options.suites.split(","):
        found[suite] = SUITES[suite](options.rounds)
        report.show(suite, found[suite])
    report.write(options.json, options.threads, found)


if __name__ == "__main__":
    main()
