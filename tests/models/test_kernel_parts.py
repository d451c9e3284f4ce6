"""What compiled kernels share."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models import kernel_parts
from engine.models.kernel_parts import compiled, digest_of


def test_code_is_compiled_anew_when_any_file_beside_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kernel() -> int:
        return 1

    monkeypatch.setattr(kernel_parts, "__file__", str(tmp_path / "parts.py"))
    (tmp_path / "parts.py").write_text("")
    (tmp_path / "other.py").write_text("A = 1")
    names = []
    for text in ("A = 1", "A = 2", "A = 1"):
        (tmp_path / "other.py").write_text(text)
        digest_of.cache_clear()
        kernel.__qualname__ = "kernel"
        compiled(kernel)
        names.append(kernel.__qualname__)
    digest_of.cache_clear()
    assert names[0] == names[2] != names[1]


def test_kept_code_is_found_by_that_name() -> None:
    def kernel() -> int:
        return 2

    dispatcher = compiled(kernel)
    assert dispatcher() == 2
    folder = Path(__file__).parent / "__pycache__"
    assert list(folder.glob(f"*kernel-{digest_of(Path(kernel_parts.__file__).parent)}*.nbi"))
