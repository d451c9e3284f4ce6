"""A case is replayed with the weights that it names, and with its patches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.golden.case import Case, Weights, patched

TENSORS = {"one": {"a.weight": [[3, 4], "float32"]}, "two": {"b.bias": [[3], "float32"]}}
GRID = torch.arange(1.0, 7.0).view(2, 3)


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    for name, tensors in TENSORS.items():
        manifest = {"salt": name, "tensors": tensors, "train_only": {}}
        (tmp_path / f"{name}.json").write_text(json.dumps(manifest))
    return Weights(tmp_path)


def case(weights: Weights, manifest: str, **patch: str) -> Case:
    return Case("c", {"manifest": manifest, "weight_patch": patch}, {}, weights)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("row -1 (EOS) multiplied by 0.1 after generation", [[1, 2, 3], [0.4, 0.5, 0.6]]),
        ("row 0 multiplied by 1e-1", [[0.1, 0.2, 0.3], [4, 5, 6]]),
        ("row 1 multiplied by -2", [[1, 2, 3], [-8, -10, -12]]),
        ("rows 0 to 1 set to 7", [[7, 7, 7], [7, 7, 7]]),
        ("column 2 divided by 3", [[1, 2, 1], [4, 5, 2]]),
        ("columns 0..1 plus 1", [[2, 3, 3], [5, 6, 6]]),
        ("multiplied by 2 after generation", [[2, 4, 6], [8, 10, 12]]),
    ],
)
def test_a_patch_in_words_is_applied(text: str, wanted: list[list[float]]) -> None:
    kept = GRID.clone()
    torch.testing.assert_close(patched(GRID, text), torch.tensor(wanted, dtype=torch.float32))
    assert torch.equal(GRID, kept)


@pytest.mark.parametrize("text", ["row -1 shuffled", "multiplied by a lot", ""])
def test_a_patch_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="unknown weight patch"):
        patched(GRID, text)


def test_a_patch_changes_the_case_and_not_the_weights(weights: Weights) -> None:
    found = case(weights, "one", **{"a.weight": "set to 3"}).state()
    assert torch.equal(found["a.weight"], torch.full((3, 4), 3.0))
    assert not torch.equal(weights.state("one")["a.weight"], found["a.weight"])


def test_a_patch_belongs_to_either_of_two_manifests(weights: Weights) -> None:
    both = case(weights, "one (with train_only) + two", **{"b.bias": "set to 1"})
    assert both.manifests == ["one", "two"]
    assert torch.equal(both.state("two")["b.bias"], torch.ones(3))
    assert torch.equal(both.state()["a.weight"], weights.state("one")["a.weight"])


def test_a_patch_of_no_weight_is_an_error(weights: Weights) -> None:
    with pytest.raises(KeyError, match=r"no weight 'c\.weight'"):
        case(weights, "one", **{"c.weight": "set to 1"}).state()
