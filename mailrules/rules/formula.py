"""What a condition claims of a message, without ``not`` and names: claims joined by every and some."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.rules.conditions import All, Always, AnyOf, Leaf, Named, Not
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.rules.conditions import LeafTest, Node


@dataclass(frozen=True, slots=True)
class Claim:
    """A test that has to be true for a condition to be, or false (``holds``); unknowable is neither.

    ``leaf`` is where the test stands in a file, for people.
    """

    test: LeafTest
    holds: bool
    leaf: Leaf | None = field(default=None, compare=False)

    def __str__(self) -> str:
        text = self.leaf.text if self.leaf else type(self.test).__name__
        return text if self.holds else f"not {{{text}}}"


@dataclass(frozen=True, slots=True)
class Every:
    """True where all parts are; without parts always."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """True where one part is; without parts never."""

    parts: tuple[Formula, ...]


Formula = Claim | Every | Some


def formula_of(node: Node, *, holds: bool = True) -> Formula:
    """When the condition is true; with ``holds`` False, when it is false."""
    match node:
        case Leaf():
            return Claim(node.test, holds, node)
        case Not():
            return formula_of(node.part, holds=not holds)
        case Named():
            return formula_of(node.part, holds=holds)
        case Always():
            return Every(()) if holds else Some(())
        case All() | AnyOf():
            is_every = isinstance(node, All) is holds
            parts: list[Formula] = []
            for part in node.parts:
                inner = formula_of(part, holds=holds)
                # Nested joins of the same kind are one.
                if isinstance(inner, Every if is_every else Some):
                    parts += inner.parts
                else:
                    parts.append(inner)
            if len(parts) == 1:
                return parts[0]
            return Every(tuple(parts)) if is_every else Some(tuple(parts))


def conjuncts(formula: Formula) -> tuple[tuple[Claim, ...], tuple[Some, ...]]:
    """What has to be true together for the formula to be: single claims, and alternatives."""
    parts = formula.parts if isinstance(formula, Every) else (formula,)
    claims = tuple(part for part in parts if isinstance(part, Claim))
    return claims, tuple(part for part in parts if isinstance(part, Some))


def certain_claims(node: Node, *, holds: bool = True) -> tuple[Claim, ...]:
    """The claims that are certain wherever the condition is true (or, with ``holds`` False, is false)."""
    return conjuncts(formula_of(node, holds=holds))[0]
