"""Where the networks run, and what runs fast there."""

from __future__ import annotations

import pytest
import torch

from engine.device import multiplies_bfloat16


@pytest.mark.parametrize(
    ("capabilities", "has_them"),
    [
        ({"avx2": True, "avx512_bf16": False, "cpu_name": "one"}, False),
        ({"avx2": True, "avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
    ],
)
def test_half_precision_is_for_cpus_that_have_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, object], has_them: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert multiplies_bfloat16(torch.device("cpu")) is has_them
