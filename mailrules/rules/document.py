"""What stands at the top of one file that could be parsed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.diagnostics import Location
    from mailrules.rules.source import SourceValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file that could be parsed. ``from_pack``: it came by ``pack:name``."""

    path: str
    source: SourceValue
    is_included: bool = False
    from_pack: bool = False

    def entries(self, key: str) -> Mapping[str, SourceValue]:
        """The entries of a mapping under a top-level key; none where it is something else."""
        return self.source.mapping[key].mapping if key in self.source.mapping else {}

    def keys(self, key: str) -> Mapping[str, Location]:
        """The places of that mapping's keys."""
        return self.source.mapping[key].keys if key in self.source.mapping else {}

    def items(self, key: str) -> Sequence[SourceValue]:
        """The items of a list under a top-level key, or its one value; none where it is something else."""
        value = self.source.mapping.get(key)
        return () if value is None or value.is_mapping else value.items
