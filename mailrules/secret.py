"""A value that must not be shown: passwords and tokens.

``str()``, ``repr()``, ``format()`` and pickling never reveal it; only ``reveal()`` does, so every
place that reads the clear text can be found by that one word.
"""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds one secret string."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The clear text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied to disk")
