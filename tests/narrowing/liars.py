"""Servers that answer SEARCH wrongly, each about one key, about how keys are put together, or about everything."""

from __future__ import annotations

from dataclasses import dataclass

from mailrules.testing.server_faults import AtCommand, Misread

_EVERYTHING, _NOTHING = b"ALL", b"NOT ALL"
_ARGUMENT = rb' (?:"[^"]*"|[^ ()\r\n]+)'


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """``key`` is the name under which persons are told of it; ``fault`` makes the in-memory server tell it."""

    key: str
    fault: AtCommand

    @property
    def name(self) -> str:
        assert isinstance(self.fault.reaction, Misread)
        return f"{self.key} is read as {self.fault.reaction.replacement.decode()}"


def _lie(key: str, pattern: bytes, replacement: bytes) -> Lie:
    return Lie(
        key=key,
        fault=AtCommand(command="UID SEARCH", nth=None, reaction=Misread(pattern=pattern, replacement=replacement)),
    )


def _about(key: str, *, takes_argument: bool = True) -> tuple[Lie, Lie]:
    """A server for which this key finds every message, and one for which it finds none."""
    pattern = rb"(?<=[ (])" + key.encode() + (_ARGUMENT if takes_argument else rb"(?=[ )\r\n]|\Z)")
    return _lie(key, pattern, _EVERYTHING), _lie(key, pattern, _NOTHING)


ONE_KEY = (
    *_about("BEFORE"),
    *_about("SINCE"),
    *_about("SEEN", takes_argument=False),
    *_about("FLAGGED", takes_argument=False),
    *_about("KEYWORD"),
    *_about("LARGER"),
    *_about("SMALLER"),
)
OF_TEXT = (_about("FROM")[1], _about("SUBJECT")[1])
TOO_GENEROUS = (_about("FROM")[0], _about("SUBJECT")[0])
"""No harm: by text nothing is ever left out because it was found."""
OF_ALL = (
    # Whatever is asked beside the UIDs is found by no message, or by each.
    _lie("SEARCH", rb"(UID [0-9,:]+).*", rb"\1 NOT ALL"),
    _lie("SEARCH", rb"(UID [0-9,:]+).*", rb"\1"),
    _lie("SEARCH", rb"(?<=[ (])OR ", b""),
    _lie("SEARCH", rb"(?<=[ (])NOT ", b""),
)
LIES = (*ONE_KEY, *OF_TEXT, *TOO_GENEROUS, *OF_ALL)
