"""Generates the Python stubs of proto/ beside the contract; `--check` only compares."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"


def generate(target: Path) -> None:
    """Write the stubs of every .proto file under `target`."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTO)]
    outputs = ("--python_out=", "--grpc_python_out=", "--mypy_out=quiet:", "--mypy_grpc_out=quiet:")
    command += [f"{output}{target}" for output in outputs]
    scripts = Path(sys.executable).parent  # where protoc finds mypy-protobuf
    path = os.pathsep.join([str(scripts), os.environ.get("PATH", os.defpath)])
    subprocess.run([*command, *sources], check=True, env={**os.environ, "PATH": path})
    for stub in target.rglob("*_pb2_grpc.py"):
        if "class " not in stub.read_text():  # a file without services
            stub.unlink()
            stub.with_suffix(".pyi").unlink()


def stubs_in(folder: Path) -> dict[str, bytes]:
    """Return the generated files under `folder` by their relative paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*_pb2*"))
        if path.suffix in (".py", ".pyi")
    }


def drift() -> list[str]:
    """Return the stubs that differ from what the contract gives now."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh, kept = stubs_in(Path(folder)), stubs_in(PROTO)
    return sorted(name for name in fresh.keys() | kept.keys() if fresh.get(name) != kept.get(name))


def main() -> int:
    """Generate or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    if not parser.parse_args().check:
        generate(PROTO)
        return 0
    stale = drift()
    for name in stale:
        print(f"proto/{name} is not what the contract gives: run `make proto`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
