"""Where the ready-made rule packs are.

An installed wheel carries the packs as ``mailrules/rule_packs``; in a repository checkout (an
editable install) they are the folder ``rules`` beside the package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def pack_files() -> Mapping[str, Path]:
    """The rule packs by name, in name order."""
    return packs_in(Path(__file__).parent)


def packs_in(package: Path) -> Mapping[str, Path]:
    """The packs that belong to a package folder: its own, else those of the checkout around it."""
    installed, checkout = package / "rule_packs", package.parent / "rules"
    folder = installed if installed.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
