"""What tells the content of one bundle from that of another, whatever their names."""

from __future__ import annotations

import hashlib
import json

from engine.checkpoints.bundle_folder import BundleConfig

LENGTH = 16
_VOICES = "voices/"


def revision(config: BundleConfig) -> str:
    """Return 16 hexadecimal digits of all that the prompts of a bundle's voices depend on.

    That is its symbol table, what is done to a reference, and the pinned hashes of its networks.
    """
    pins = {path: pin for path, pin in config.sha256.items() if not path.startswith(_VOICES)}
    defaults = config.defaults
    treatment = [defaults.reference_peak, defaults.longest_reference_s]
    content = [config.symbols, treatment, sorted(pins.items())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:LENGTH]
