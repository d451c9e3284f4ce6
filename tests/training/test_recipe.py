"""A rehearsal does everything of the recipe, only less of it."""

from __future__ import annotations

from dataclasses import replace

from engine.training.starter.recipe import RECIPE


def test_the_whole_recipe_is_a_rehearsal_of_all_of_it() -> None:
    assert RECIPE.shortened(1.0) == RECIPE


def test_a_rehearsal_changes_lengths_alone_and_leaves_none_at_nothing() -> None:
    short = RECIPE.shortened(1e-6)
    assert [s.utterances for s in short.speakers] == [7, 10, 2]
    assert [s.name for s in short.speakers] == [s.name for s in RECIPE.speakers]
    for name in ("content", "vocoder", "prior", "semantic"):
        long, brief = getattr(RECIPE, name), getattr(short, name)
        assert brief == replace(long, steps=1)
