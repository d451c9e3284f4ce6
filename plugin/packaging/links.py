"""Links of documents as they work inside Dify, which shows a document away from its files.

Dify finds a picture where its path begins with `./_assets/`, wherever the document lies, and
reaches no other file of a package.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

LINK = re.compile(r"\]\((?!\w+:|#)([^)]+)\)")
PICTURES = "./_assets/"


def relinked(text: str, path: str, places: Mapping[str, str], repository: str) -> str:
    """Return the document `text`, which lies at `path` in the tree, as Dify should have it.

    `places` maps the tree's paths to the package's. What lies elsewhere is linked in `repository`.
    """

    def target(found: re.Match[str]) -> str:
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1]))
        place = f"./{places.get(meant, meant)}"
        return f"]({place if place.startswith(PICTURES) else f'{repository}/blob/main/{meant}'})"

    return LINK.sub(target, text)
