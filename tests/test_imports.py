"""Imports run one way, and importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.source_tree import ROOT, dotted_name, imports_of, is_within, parsed, python_files

OURS = ("plugin", "backend", "engine", "gptsovits", "tests")

# What each part may import of the house beyond itself.
MAY_IMPORT = {"plugin": ("gptsovits",), "backend": ("gptsovits", "engine"), "engine": ()}

_FOUNDATION = ("engine.types", "engine.errors")
_BASE = (*_FOUNDATION, "engine.device")
_PARTS = (*_BASE, "engine.audio", "engine.text", "engine.models")
_KEEPERS = (*_PARTS, "engine.checkpoints", "engine.voices")
ENGINE_LAYERS = {
    "engine.errors": (),
    "engine.types": ("engine.errors",),
    "engine.device": _FOUNDATION,
    "engine.threads": (),
    "engine.audio": _BASE,
    "engine.text": _BASE,
    "engine.models": _BASE,
    "engine.checkpoints": _KEEPERS,
    "engine.voices": _KEEPERS,
    "engine.pipeline": _KEEPERS,
    "engine.training": (*_KEEPERS, "engine.pipeline"),
    "engine.cli": (*_KEEPERS, "engine.pipeline"),
    "engine.__main__": ("engine.threads", "engine.cli"),
}

# The only files of the backend that know the API's messages: the server side translates them in
# `convert`, the rest is the command line, which is a client.
KNOW_THE_STUBS = (
    "backend.convert",
    "backend.servicers",
    "backend.server",
    "backend.cli",
    "backend.firstlight",
)
HEAVY = ("torch", "torchaudio", "transformers", "numpy", "scipy")


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_parts_import_each_other_one_way(part: str) -> None:
    wrong = [
        str(each)
        for each in imports_of(part)
        if is_within(each.target, *OURS) and not is_within(each.target, part, *MAY_IMPORT[part])
    ]
    assert not wrong


def test_every_module_of_the_engine_belongs_to_a_layer() -> None:
    strangers = [
        name
        for name in map(dotted_name, python_files("engine"))
        if name not in ("engine", "engine.bundles") and not is_within(name, *ENGINE_LAYERS)
    ]
    assert not strangers


@pytest.mark.parametrize("layer", ENGINE_LAYERS)
def test_layers_of_the_engine_import_downwards(layer: str) -> None:
    allowed = (layer, *ENGINE_LAYERS[layer])
    wrong = [
        str(each)
        for each in imports_of("engine")
        if is_within(each.module, layer)
        and is_within(each.target, "engine")
        and not is_within(each.target, *allowed)
    ]
    assert not wrong


def test_training_keeps_away_from_the_scheduler() -> None:
    scheduler = "engine.pipeline.scheduler"
    wrong = [
        str(each)
        for each in imports_of("engine")
        if is_within(each.module, "engine.training") and is_within(each.target, scheduler)
    ]
    assert not wrong


def test_only_the_edge_of_the_backend_knows_the_stubs() -> None:
    wrong = [
        str(each)
        for each in imports_of("backend")
        if is_within(each.target, "gptsovits") and not is_within(each.module, *KNOW_THE_STUBS)
    ]
    assert not wrong


def test_storage_interceptors_and_configuration_do_without_the_engine() -> None:
    plain = ("backend.storage", "backend.interceptors", "backend.config")
    wrong = [
        str(each)
        for each in imports_of("backend")
        if is_within(each.module, *plain) and is_within(each.target, "engine")
    ]
    assert not wrong


def test_plugin_imports_nothing_heavy() -> None:
    assert not [str(each) for each in imports_of("plugin") if is_within(each.target, *HEAVY)]


def test_text_front_ends_do_without_torch() -> None:
    wrong = [
        str(each)
        for each in imports_of("engine")
        if is_within(each.module, "engine.text")
        and is_within(each.target, "torch", "torchaudio", "transformers")
    ]
    assert not wrong


def test_engine_does_not_read_the_environment() -> None:
    allowed = {"engine.threads"}  # tells OpenMP how to wait, and takes nothing from it
    readers = {"environ", "getenv", "environb", "getcwd", "cwd"}
    wrong = [
        f"{dotted_name(path)}:{node.lineno} uses {node.attr}"
        for path in python_files("engine")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute)
        and node.attr in readers
        and dotted_name(path) not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize("part", ["engine", "backend", "plugin"])
def test_search_path_of_modules_is_left_alone(part: str) -> None:
    allowed = {"plugin.main"}  # puts proto/ on the path, as Dify installs no package of ours
    wrong = [
        f"{dotted_name(path)}:{node.lineno}"
        for path in python_files(part)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"
        if dotted_name(path) not in allowed
    ]
    assert not wrong


def test_importing_types_and_errors_loads_no_torch() -> None:
    code = "import engine.types, engine.errors, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"
