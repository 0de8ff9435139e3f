"""How is any command made up, by the types of its fields?"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime

from hypothesis import strategies as st

from mailrules.imap.sasl import Plain
from mailrules.imap.search_keys import All, AnyOf, Contains, HasFlag, Not, TextField, Uids
from mailrules.imap.search_nodes import search_nodes
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.watch_commands import EventGroup, Notify, Watched, WatchEvent
from mailrules.imap.writer import Atom, Number, ParenthesisedList, Quoted
from mailrules.secret import Secret
from tests.inverses.kinds import MODULES

WORDS = st.from_regex(r"[A-Za-z0-9$_-]{1,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)
SETS = st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=5).map(SequenceSet.of)
SEARCHES = st.one_of(
    st.just((Atom("ALL"),)),
    TEXTS.map(lambda text: (Atom("SUBJECT"), Quoted(text))),
    st.integers(0, 2**63 - 1).map(lambda number: (Atom("NOT"), ParenthesisedList((Atom("LARGER"), Number(number))))),
    SETS.map(lambda uids: tuple(search_nodes(Uids(uids)))),
)
KEYS = st.one_of(
    st.just(All()),
    TEXTS.map(lambda text: Contains(TextField.SUBJECT, text)),
    SETS.map(Uids),
    SETS.map(lambda uids: AnyOf((Not(Uids(uids)), HasFlag("\\Seen")))),
)
NAMESPACE: dict[str, object] = {name: value for module in MODULES for name, value in vars(module).items()}
NAMESPACE |= {
    "datetime": datetime,
    "date": date,
    "Secret": Secret,
    "Callable": Callable,
    "Mapping": typing.Mapping,
    "Sequence": typing.Sequence,
}
BY_NAME = {
    "criteria": SEARCHES,
    "charset": st.sampled_from(["", "UTF-8", "US-ASCII"]),
    "password": TEXTS.map(Secret),
    "mechanism": WORDS,
    "mechanisms": st.tuples(WORDS),
    "uids": SETS,
    "numbers": SETS,
    "flags": st.lists(st.sampled_from(["\\Seen", "\\Flagged", "$Label1", "odd]flag"]), max_size=3).map(tuple),
    "sink": st.none(),
    "size_bytes": st.integers(0, 50),
    "open_sink": st.just(lambda _: bytes),
}
"""Fields of which the type says too little."""


def values_of(kind: type) -> st.SearchStrategy[object]:
    """Values of a dataclass; of some of them the parts do not fit together, and the writer refuses them."""
    hints = typing.get_type_hints(kind, globalns=NAMESPACE)
    fields = {one.name: _field(kind, one.name, hints[one.name]) for one in dataclasses.fields(kind)}
    return st.builds(kind, **fields)


def _field(kind: type, name: str, hint: object) -> st.SearchStrategy[object]:
    if name == "mechanism" and kind.__name__ == "Authenticate":
        return TEXTS.map(lambda user: Plain(user, Secret("pw")))
    if name == "groups" and kind is Notify:
        return _event_groups()
    if name == "part" and hint is str:
        return st.sampled_from(["", "1", "2.3"])
    return BY_NAME[name] if name in BY_NAME else _of(hint)


def _event_groups() -> st.SearchStrategy[object]:
    """What may be watched together: drawn by its types alone, forty of forty-one groups would be refused."""
    fetched = _of(typing.get_type_hints(EventGroup, globalns=NAMESPACE)["fetched"])
    coming_and_going = [WatchEvent.MESSAGE_NEW, WatchEvent.MESSAGE_EXPUNGE]
    of_messages = [WatchEvent.FLAG_CHANGE, WatchEvent.ANNOTATION_CHANGE]
    of_mailboxes = [one for one in WatchEvent if one not in (*coming_and_going, *of_messages)]
    messages = st.lists(st.sampled_from(of_messages), unique=True).map(lambda more: (*coming_and_going, *more))
    mailboxes = st.lists(st.sampled_from(of_mailboxes), unique=True).map(tuple)
    either = st.one_of(mailboxes, st.tuples(messages, mailboxes).map(lambda both: both[0] + both[1]))
    names = st.lists(_PLAIN[str], min_size=1, max_size=3).map(tuple)
    open_one = st.sampled_from([Watched.SELECTED, Watched.SELECTED_DELAYED])
    selected = st.one_of(
        st.builds(EventGroup, open_one, st.just(())),
        st.builds(EventGroup, open_one, messages, fetched=fetched),
    )
    others = st.one_of(
        st.builds(EventGroup, st.sampled_from([Watched.INBOXES, Watched.PERSONAL, Watched.SUBSCRIBED]), either),
        st.builds(EventGroup, st.sampled_from([Watched.SUBTREE, Watched.MAILBOXES]), either, names),
    )
    groups = st.tuples(st.lists(selected, max_size=1), st.lists(others, max_size=2))
    return groups.map(lambda both: (*both[0], *both[1])).filter(bool)


def _of(hint: object) -> st.SearchStrategy[object]:
    if hint == NAMESPACE["SearchKey"]:
        return KEYS
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(_of, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(_of, arguments))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    if hint in _PLAIN:
        return _PLAIN[hint]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return values_of(hint)
    raise TypeError(f"no strategy for {hint!r}; add one to tests/inverses/command_values.py")


_PLAIN: dict[object, st.SearchStrategy[object]] = {
    str: st.one_of(WORDS, TEXTS),
    date: st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    bytes: st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"")),
    int: st.integers(1, 2**32 - 1),
    bool: st.booleans(),
    type(None): st.none(),
    SequenceSet: SETS,
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
}
