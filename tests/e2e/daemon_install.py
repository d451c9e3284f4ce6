"""An installation as Dify's daemon does it: uv makes an environment in the unpacked package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PASSED_ON = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def install_as_the_daemon(folder: Path) -> Path:
    """Install the package that is unpacked in `folder`; return its environment's Python.

    The same commands in the same environment of variables, and no others: what the package needs
    beyond them is missing there too.
    """
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.base_prefix) / "bin"), os.environ["PATH"]]),
        "VIRTUAL_ENV": str(folder / ".venv"),
        "UV_CACHE_DIR": str(folder / ".uv-cache"),
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
    }
    python = folder / ".venv" / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    commands = [
        [uv, "venv", ".venv", "--python", "3.12"],
        [uv, "pip", "install", "-r", "requirements.txt"],
        [python, "-m", "compileall", "-q", "-x", r"\.venv|\.uv-cache", "."],
        [python, "-c", "import dify_plugin"],
    ]
    for command in commands:
        subprocess.run(command, cwd=folder, env=environment, check=True)
    return python
