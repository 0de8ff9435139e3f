"""How is a goal reached that takes several commands, so that every driver shares the way to it?

A ``Procedure`` is a frozen value, as a command is, and a driver's ``run`` takes either. Its ``steps`` is a generator
that does no I/O: it hands commands to the driver and is given their results. That is how a server without an
extension gets the fallback that its RFC describes:

    @dataclass(frozen=True, slots=True)
    class ListStatus(Procedure[tuple[StatusData, ...]]):
        def steps(self, offered):
            if "LIST-STATUS" in offered:
                return (yield from run(ListReturnStatus()))
            listed = yield from run(List())
            told = yield from run_all(Status(one.mailbox) for one in listed)
            return tuple(one for one in told if not isinstance(one, CommandRefused))

What fails is raised where the generator waits for it; what leaves the generator leaves ``run``. Each area keeps its
procedures in a module of its own: ``mailbox_fallbacks``, and so on.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Generic, TypeAlias, TypeVar, cast

from mailrules.client.line_cutting import is_too_long, joined, may_go_side_by_side, pieces_of_command
from mailrules.errors import CommandRefused, ConnectionLost, IMAPError, LocalProtocolError
from mailrules.imap.command import Command
from mailrules.imap.repeating import REPEATING, Repeat
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Batch: TypeAlias = Sequence[Command[object]]
"""Commands that the driver sends side by side, as far as the gate lets them."""
Outcome: TypeAlias = object
"""The result of one command, or the IMAPError that it ended in."""
Steps: TypeAlias = Generator[Batch, Sequence[Outcome], R]


class Procedure(ABC, Generic[R_co]):
    """A goal that may take several commands; subclasses are frozen dataclasses."""

    __slots__ = ()

    rests_on_selection: ClassVar[bool] = False
    """Whether UIDs pass from one step to the next. The driver then stops before a step that would act in another
    mailbox than the one before, because another task has opened one in between. Steps may open mailboxes themselves."""

    @abstractmethod
    def steps(self, offered: frozenset[str]) -> Steps[R_co]:
        """Yield batches by ``run`` and ``run_all``, for a server with these capabilities; return the result."""


@dataclass(frozen=True, slots=True)
class OneCommand(Procedure[R], Generic[R]):
    """A command as a procedure, for one whose UIDs do not fit into a line: ``Progress`` cuts it.

    The pieces go one after the other, ascending by UID, and the first that is refused or lost is raised: what the
    earlier ones did stays done, as with a COPY that a server breaks off. Pieces that only read go side by side.
    """

    rests_on_selection: ClassVar[bool] = True
    command: Command[R]

    def steps(self, offered: frozenset[str]) -> Steps[R]:
        del offered
        return (yield from run(self.command))


def run(command: Command[R]) -> Steps[R]:
    """``result = yield from run(command)``. Raises what the command ended in."""
    (outcome,) = yield (command,)
    if isinstance(outcome, IMAPError):
        raise outcome
    return cast("R", outcome)  # the driver gives the result of Command[R]


def run_all(commands: Iterable[Command[R]]) -> Steps[tuple[R | CommandRefused, ...]]:
    """The results of commands that do not depend on each other, in their order; a refused one gives its refusal.

    Raises any other error, once all of them have ended.
    """
    batch = tuple(commands)
    outcomes = (yield batch) if batch else ()
    for outcome in outcomes:
        if isinstance(outcome, IMAPError) and not isinstance(outcome, CommandRefused):
            raise outcome
    return cast("tuple[R | CommandRefused, ...]", tuple(outcomes))  # as in run()


class Progress(Generic[R]):
    """What a driver keeps of a procedure on its way.

    ``batch`` is what to run now; ``take`` gives its outcomes back. When ``is_done``, ``result`` is there.
    ``selections`` is what the connection said of itself at the start, see ``Connection.selections``; a command whose
    UIDs make it longer than ``line_bytes`` becomes several, and the steps never know.
    """

    def __init__(self, procedure: Procedure[R], *, offered: frozenset[str], selections: int, line_bytes: int) -> None:
        self.batch: Batch = ()
        self.is_done = False
        self._procedure, self._selections = procedure, selections
        self._steps = _in_lines(procedure.steps(offered), offered=offered, line_bytes=line_bytes)
        self._result: R | None = None
        self._has_changed_something = False
        self._advance(None)

    @property
    def result(self) -> R:
        return cast("R", self._result)  # set with is_done

    def require_same_mailbox(self, selections: int) -> None:
        """To be called before each batch is sent. Raises LocalProtocolError where it would act in another mailbox."""
        if self._procedure.rests_on_selection and selections != self._selections:
            self._steps.close()
            name = type(self._procedure).__name__
            raise LocalProtocolError(f"{name} has stopped: another task opened or closed a mailbox in between")

    def note_sent(self, selections: int) -> None:
        """To be called when the batch has been submitted, which may have opened a mailbox."""
        self._selections = selections

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Go on with what became of the batch. Raises what the procedure raises.

        A ConnectionLost in a later step says that the procedure may have run, whatever became of that step.
        """
        for command, outcome in zip(self.batch, outcomes, strict=True):
            is_done = not isinstance(outcome, IMAPError)
            self._has_changed_something |= is_done and REPEATING.get(command.name) is Repeat.NEVER
        try:
            self._advance(outcomes)
        except ConnectionLost as lost:
            if lost.may_have_run or not self._has_changed_something:
                raise
            name = type(self._procedure).__name__
            raise ConnectionLost(f"{lost}; earlier steps of {name} were carried out", may_have_run=True) from lost

    def _advance(self, outcomes: Sequence[Outcome] | None) -> None:
        try:
            # A generator that has not begun takes only None.
            self.batch = self._steps.send(cast("Sequence[Outcome]", outcomes))
        except StopIteration as end:
            self.batch, self.is_done, self._result = (), True, end.value


def _in_lines(steps: Steps[R], *, offered: frozenset[str], line_bytes: int) -> Steps[R]:
    """The same steps, with no command longer than the server takes."""
    with contextlib.closing(steps):
        outcomes: Sequence[Outcome] | None = None
        while True:
            try:
                batch = steps.send(cast("Sequence[Outcome]", outcomes))  # one that has not begun takes only None
            except StopIteration as end:
                return cast("R", end.value)  # what the generator returns
            too_long = [one for one in batch if is_too_long(one, offered=offered, line_bytes=line_bytes)]
            if not too_long:
                outcomes = yield batch
            elif all(map(may_go_side_by_side, too_long)):
                outcomes = yield from _side_by_side(batch, offered=offered, line_bytes=line_bytes)
            else:
                outcomes = yield from _one_by_one(batch, offered=offered, line_bytes=line_bytes)


def _side_by_side(batch: Batch, *, offered: frozenset[str], line_bytes: int) -> Steps[Sequence[Outcome]]:
    pieces: list[list[Command[object]]] = []
    for command in batch:
        if is_too_long(command, offered=offered, line_bytes=line_bytes):
            pieces.append(list(pieces_of_command(command, offered=offered, line_bytes=line_bytes)))
        else:
            pieces.append([command])
    answers = iter((yield [piece for group in pieces for piece in group]))
    outcomes: list[Outcome] = []
    for group in pieces:
        told = list(islice(answers, len(group)))
        outcomes.append(next((one for one in told if isinstance(one, IMAPError)), None) or joined(told))
    return outcomes


def _one_by_one(batch: Batch, *, offered: frozenset[str], line_bytes: int) -> Steps[Sequence[Outcome]]:
    """A command in pieces stops at the first that fails, so nothing is sent ahead."""
    outcomes: list[Outcome] = []
    for command in batch:
        if is_too_long(command, offered=offered, line_bytes=line_bytes):
            pieces = pieces_of_command(command, offered=offered, line_bytes=line_bytes)
            outcomes.append((yield from _each_piece(pieces)))
        else:
            outcomes.extend((yield (command,)))
    return outcomes


def _each_piece(pieces: Iterable[Command[object]]) -> Steps[Outcome]:
    results: list[object] = []
    for piece in pieces:
        (outcome,) = yield (piece,)
        if isinstance(outcome, IMAPError):
            return outcome
        results.append(outcome)
    return joined(results)
