"""How does a command reach messages whose UIDs do not fit into one line of the server at hand?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from mailrules.client.fallbacks import Procedure, run
from mailrules.client.line_cutting import OverUids, joined, pieces_of_command

if TYPE_CHECKING:
    from mailrules.client.fallbacks import Steps

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class InPieces(Procedure[R], Generic[R]):
    """The command, cut so that no line is longer than ``line_bytes``; the results as one.

    The pieces go one after the other, ascending by UID, and the first that is refused or lost is raised: what the
    earlier ones did stays done, as with a COPY that a server breaks off. The clients do the same by themselves for
    lines longer than their ``line_bytes``; this is for who knows the server better.
    """

    rests_on_selection: ClassVar[bool] = True
    command: OverUids[R]
    line_bytes: int

    def steps(self, offered: frozenset[str]) -> Steps[R]:
        results = []
        for piece in pieces_of_command(self.command, offered=offered, line_bytes=self.line_bytes):
            results.append((yield from run(piece)))  # noqa: PERF401 - it yields
        return cast("R", joined(results))  # of the command's own kind
