"""Step 6: trained checkpoints -> the bundle folder, with its voices."""

from __future__ import annotations

from pathlib import Path


def export_bundle(work: Path, bundle: Path) -> None:
    """Write `bundle` from the checkpoints in `work`."""
    raise NotImplementedError
