"""Synthetic weights are the same bits everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.weights import checksum, make_state_dict, make_tensor, spread

MANIFEST = {
    "salt": "toy",
    "tensors": {
        "a.weight": [[3, 4], "float32"],
        "a.bias": [[3], "float32"],
        "bn.num_batches_tracked": [[], "int64"],
        "rotary.inv_freq": [[2], "float32"],
    },
    "train_only": {"enc_q.weight_v": [[2, 2, 2], "float32"]},
    "constants": {"rotary.inv_freq": "formula"},
}


def test_a_state_dict_is_pinned_to_the_bit() -> None:
    state = make_state_dict(MANIFEST, train_only=True)
    assert checksum(state) == "2a07a954f7c84c30fc1e8397c9653903190b022cd52938f89ff618e1fabe8a2d"


def test_constants_are_left_out_and_training_parts_come_on_demand() -> None:
    assert make_state_dict(MANIFEST).keys() == {"a.weight", "a.bias", "bn.num_batches_tracked"}
    assert "enc_q.weight_v" in make_state_dict(MANIFEST, train_only=True)


def test_values_depend_on_salt_and_key() -> None:
    one = make_tensor("s", "a.weight", (64, 8), "float32")
    assert not np.array_equal(one, make_tensor("t", "a.weight", (64, 8), "float32"))
    assert not np.array_equal(one, make_tensor("s", "b.weight", (64, 8), "float32"))


@pytest.mark.parametrize(
    "key", ["a.weight", "enc.bias", "x.weight_g", "bn.running_var", "odd.name", "prelu.weight"]
)
def test_values_stay_within_their_spread(key: str) -> None:
    mean, half_width = spread(key, (16, 4))
    values = make_tensor("s", key, (16, 4), "float64")
    assert np.abs(values - mean).max() <= half_width


def test_running_averages_of_a_codebook_equal_it() -> None:
    book = make_tensor("s", "q._codebook.embed", (8, 4), "float32")
    np.testing.assert_array_equal(
        book, make_tensor("s", "q._codebook.embed_avg", (8, 4), "float32")
    )
