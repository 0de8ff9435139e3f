"""Mailbox names with fields in them: ``"Lists/{list}"``, ``"Receipts/{received:%Y}"``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.message import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """``{name:format|filter|filter}``: ``name`` may be dotted (``from.domain``) or a capture."""

    name: str
    format: str = ""
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Literal text and fields in order. ``text`` is it as written."""

    text: str
    parts: tuple[str | Field, ...]

    @property
    def is_literal(self) -> bool:
        return not any(isinstance(part, Field) for part in self.parts)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(part for part in self.parts if isinstance(part, Field))

    @property
    def needs(self) -> tuple[Fact, ...]:
        """Facts that its non-capture fields read."""
        raise NotImplementedError  # the owner of rules/ writes this

    def render(self, values: Mapping[str, object], *, delimiter: str) -> str:
        """The mailbox name for one message. ``values`` has a str for captures and text fields and
        an aware datetime for ``received`` and ``sent``. A ``/`` in the literal text stands for the server's
        delimiter; values are cleaned of it, of control characters, and cut to 100 characters.

        Raises KeyError with the field's name for a missing or empty value.
        """
        raise NotImplementedError  # the owner of rules/ writes this
