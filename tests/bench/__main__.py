"""`python -m tests.bench`: see `command`."""

from __future__ import annotations

from engine.threads import rest_between_loops

if __name__ == "__main__":
    rest_between_loops()
    from tests.bench.command import main

    main()
