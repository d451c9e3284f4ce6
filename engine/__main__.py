"""`python -m engine`: the command line."""

from __future__ import annotations

from engine.threads import rest_between_loops


def main() -> None:
    """Run the command that the arguments name."""
    rest_between_loops()
    from engine.cli import application

    application()


if __name__ == "__main__":
    main()
