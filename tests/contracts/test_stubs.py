"""The committed stubs are those that the contract gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
FOLDER = Path("gptsovits/tts/v1")
WITH_SERVICES = ("tts", "voices")


def _generate(out: Path) -> None:
    protos = sorted(path for path in (ROOT / "proto" / FOLDER).glob("*.proto"))
    services = [path for path in protos if path.stem in WITH_SERVICES]
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    common = ["protoc", f"-I{ROOT / 'proto'}", f"-I{well_known}"]
    messages = [f"--python_out={out}", f"--mypy_out=quiet:{out}", *map(str, protos)]
    stubs = [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *map(str, services)]
    assert protoc.main([*common, *messages]) == 0
    assert protoc.main([*common, *stubs]) == 0


def test_committed_stubs_do_not_drift_from_the_contract(tmp_path: Path, monkeypatch) -> None:
    scripts = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([scripts, os.environ["PATH"]]))
    _generate(tmp_path)
    fresh = {path.name: path.read_text() for path in (tmp_path / FOLDER).iterdir()}
    committed = {path.name: path.read_text() for path in (ROOT / "proto" / FOLDER).glob("*_pb2*")}
    assert fresh == committed
