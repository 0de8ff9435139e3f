"""Our ``dataclass`` does what the standard library's does, only later."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from abc import ABC, abstractmethod
from dataclasses import FrozenInstanceError, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pytest

from mailrules import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Decorator = Any  # either of two that are called with keywords


class Named(Protocol):
    name: str


class Spoken(ABC):
    @abstractmethod
    def speak(self) -> str: ...


def _shapes(dataclass: Decorator) -> dict[str, type[Any]]:
    """The same classes, by either decorator."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Point:
        """Two numbers."""

        KIND: ClassVar[str] = "point"
        x: int
        y: int = 2
        notes: list[str] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Pair(Spoken):
        name: str
        rest: tuple[int, ...] = ()
        label: str = field(default="", kw_only=True)
        aside: str = field(default="", compare=False, repr=False)

        def speak(self) -> str:
            return self.name

    @dataclass(frozen=True, slots=True)
    class Longer(Pair):
        more: int = 0

    @dataclass(slots=True, kw_only=True)
    class Tally:
        count: int = 0
        seen: set[int] = field(default_factory=set, init=False)
        length: int = field(init=False)

        def __post_init__(self) -> None:
            self.length = self.count + len(self.seen)

    @dataclass(frozen=True)
    class Loose:
        name: str
        size: int = 0

    @dataclass(eq=False, slots=True)
    class Itself:
        name: str

    @dataclass(frozen=True, slots=True)
    class Own(Named):
        name: str

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.name.lower() == other.name.lower()

        def __hash__(self) -> int:
            return hash(self.name.lower())

    @dataclass(frozen=True, slots=True)
    class Equal:  # noqa: PLW1641 -- the decorator gives it one
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        number: int

    @dataclass
    class Bare:
        pass

    return {one.__name__: one for one in (Point, Pair, Longer, Tally, Loose, Itself, Own, Equal, Ordered, Bare)}


OURS, THEIRS = _shapes(values.dataclass), _shapes(dataclasses.dataclass)
MADE: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    ("Point", (), {"x": 1}),
    ("Point", (), {"x": 1, "y": 3, "notes": ["a"]}),
    ("Pair", ("a",), {}),
    ("Pair", ("a", (1, 2)), {"label": "l"}),
    ("Pair", ("a", (), "unseen"), {}),
    ("Longer", ("a", (1,), "", 5), {"label": "l"}),
    ("Tally", (), {}),
    ("Tally", (), {"count": 4}),
    ("Loose", ("a",), {"size": 3}),
    ("Itself", ("a",), {}),
    ("Own", ("A",), {}),
    ("Own", ("a",), {}),
    ("Equal", ("a",), {}),
    ("Ordered", (3,), {}),
    ("Bare", (), {}),
]
REFUSED: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    ("Point", (1,), {}),
    ("Point", (), {}),
    ("Point", (), {"x": 1, "z": 2}),
    ("Pair", (), {}),
    ("Pair", ("a", (), "", "too many"), {}),
    ("Tally", (), {"seen": {1}}),
    ("Loose", ("a",), {"name": "b"}),
]


def _outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except (TypeError, AttributeError) as error:
        return type(error), str(error).replace("_shapes.<locals>.", "")


@pytest.mark.parametrize(("name", "places", "names"), MADE)
def test_values_hold_and_show_the_same(name: str, places: tuple[Any, ...], names: dict[str, Any]) -> None:
    ours, theirs = OURS[name](*places, **names), THEIRS[name](*places, **names)

    fields = [one.name for one in dataclasses.fields(theirs)]
    assert [one.name for one in dataclasses.fields(ours)] == fields
    assert [getattr(ours, one) for one in fields] == [getattr(theirs, one) for one in fields]
    assert repr(ours) == repr(theirs)
    assert OURS[name].__match_args__ == THEIRS[name].__match_args__
    assert hasattr(ours, "__dict__") is hasattr(theirs, "__dict__")


def test_values_are_equal_and_hash_alike_where_the_standard_librarys_are() -> None:
    ours, theirs = ([kinds[name](*places, **names) for name, places, names in MADE] for kinds in (OURS, THEIRS))
    again = [OURS[name](*places, **names) for name, places, names in MADE]

    def equal(values: list[Any], others: list[Any]) -> list[list[bool]]:
        return [[one == other for other in others] for one in values]

    assert equal(ours, again) == equal(theirs, [THEIRS[name](*places, **names) for name, places, names in MADE])
    for our, their in zip(ours, theirs, strict=True):
        if our is not ours[9]:  # the one that is only equal to itself
            assert _outcome(partial(hash, our)) == _outcome(partial(hash, their))


@pytest.mark.parametrize(("name", "places", "names"), REFUSED)
def test_wrong_arguments_are_refused_in_the_same_words(
    name: str, places: tuple[Any, ...], names: dict[str, Any]
) -> None:
    refused = _outcome(lambda: OURS[name](*places, **names))

    assert isinstance(refused, tuple)
    assert refused == _outcome(lambda: THEIRS[name](*places, **names))
    assert refused == _outcome(lambda: OURS[name](*places, **names)), "and again, once it is compiled"


@pytest.mark.parametrize("name", ["Point", "Pair", "Longer", "Loose", "Own"])
def test_a_frozen_value_stays_as_it_is(name: str) -> None:
    value = OURS[name](**{"x" if name == "Point" else "name": "a"})

    for attribute in (dataclasses.fields(value)[0].name, "other"):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{attribute}'"):
            setattr(value, attribute, 1)
    with pytest.raises(FrozenInstanceError, match="cannot delete field"):
        delattr(value, dataclasses.fields(value)[0].name)


@pytest.mark.parametrize(("name", "places", "names"), MADE)
def test_copies_and_replacements_are_equal(name: str, places: tuple[Any, ...], names: dict[str, Any]) -> None:
    value = OURS[name](*places, **names)
    if name == "Itself":
        assert copy.copy(value).name == value.name
        return

    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value
    assert dataclasses.replace(value) == value


@values.dataclass(frozen=True, slots=True)
class Sent:
    """At the top of a module, where pickle finds it."""

    name: str
    parts: tuple[str, ...] = ()


def test_a_value_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Sent("a", ("b",)))) == Sent("a", ("b",))


@values.dataclass(frozen=True, slots=True)
class Told:
    """At the top of a module, as above."""

    sections: Mapping[str, object]
    inner: Told | None = None


def test_a_value_with_read_only_mappings_can_be_pickled_and_copied() -> None:
    value = Told(MappingProxyType({"1": b"a"}), Told(MappingProxyType({"2": ["b"]})))

    for made in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value)):
        assert made == value
        assert type(made.sections) is MappingProxyType
        assert type(made.inner.sections) is MappingProxyType
    assert copy.deepcopy(value).inner.sections["2"] is not value.inner.sections["2"]


def test_a_list_by_default_is_each_values_own() -> None:
    one, other = OURS["Point"](x=1), OURS["Point"](x=1)
    one.notes.append("mine")

    assert other.notes == []


def test_a_pattern_finds_the_fields() -> None:
    match Sent("a"):
        case Sent(name, parts=()):
            found = name

    assert found == "a"


def test_it_may_stand_without_arguments() -> None:
    @values.dataclass
    class Plain:
        a: int

    assert Plain(1) == Plain(1)
    assert inspect.isclass(Plain)


def test_a_frozen_value_may_be_inherited_from_with_the_standard_library() -> None:
    @values.dataclass(frozen=True, slots=True)
    class Ours:
        number: int

    @dataclasses.dataclass(frozen=True, slots=True)
    class Theirs(Ours):
        text: str = ""

    assert repr(Theirs(1, "a")).endswith("Theirs(number=1, text='a')")
    assert Theirs(1) == Theirs(1)
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        dataclasses.dataclass(type("Thawed", (Ours,), {}))
