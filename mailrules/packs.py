"""Where the ready-made rule packs are, and which files an include means.

An installed wheel carries the packs as ``mailrules/rule_packs``; in a repository checkout (an
editable install) they are the folder ``rules`` beside the package.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.rules.loader import PACK_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def pack_files() -> Mapping[str, Path]:
    """The rule packs by name, in name order."""
    return packs_in(Path(str(files("mailrules"))))


def packs_in(package: Path) -> Mapping[str, Path]:
    """The packs that belong to a package folder: its own, else those of the checkout around it."""
    installed, checkout = package / "rule_packs", package.parent / "rules"
    folder = installed if installed.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def expand_include(pattern: str) -> Sequence[str]:
    """The paths behind one include, in name order: ``pack:name``, or a path with or without ``*``."""
    if pattern.startswith(PACK_PREFIX):
        pack = pack_files().get(pattern.removeprefix(PACK_PREFIX))
        return (str(pack),) if pack else ()
    path = Path(pattern)
    if not set(pattern) & set("*?["):
        return (pattern,) if path.exists() else ()
    anchor = Path(path.anchor or ".")
    return tuple(str(found) for found in sorted(anchor.glob(str(path.relative_to(path.anchor)))) if found.is_file())
