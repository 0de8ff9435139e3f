"""How do hundreds of small classes come about without a wait at every start?

``dataclass`` is the standard library's, to readers, to type checkers and to the functions of ``dataclasses``. It
differs in when its methods are made. The standard library compiles up to seven for each class when it is defined, and
the house has 500 classes. Here a method is compiled when it is called for the first time, and those that need no
compiling are shared (docs/decisions/0010).
"""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError
from types import MemberDescriptorType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Any

    Class = type[Any]  # Any: of whatever fields

__all__ = ["dataclass"]

_ABSENT = object()
"""Stands in a signature for what a factory makes."""

if not TYPE_CHECKING:

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, eq=True, order=False):
        """As ``dataclasses.dataclass``; without InitVar, and a frozen value takes no attribute beyond its fields."""

        def made(cls):
            if order:
                return dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only, eq=eq, order=order)(cls)
            own = frozenset(cls.__dict__)
            # A frozen value has frozen heirs, also those that the standard library makes: it looks at this mark.
            heir = any(_is_frozen(base) for base in cls.__mro__[1:])
            only_fields = {"init": False, "repr": False, "eq": False, "frozen": frozen and heir}
            cls = dataclasses.dataclass(slots=slots, kw_only=kw_only, **only_fields)(cls)
            cls.__dataclass_params__.frozen = frozen
            methods = {
                "__init__": _at_first_call(cls, "__init__", _frozen_init if frozen else _init),
                "__repr__": _repr,
            }
            if eq:
                hashed = _at_first_call(cls, "__hash__", _hash) if frozen else None
                methods |= {"__eq__": _at_first_call(cls, "__eq__", _eq), "__hash__": hashed}
            if frozen:
                methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
            if frozen and slots:
                methods |= {"__getstate__": _state, "__setstate__": _restore}
            for name, method in methods.items():
                # Python itself puts __hash__ = None into a class that says what it equals.
                if name not in own or (name == "__hash__" and cls.__hash__ is None):
                    setattr(cls, name, method)
            return cls

        return made if cls is None else made(cls)


def _is_frozen(base: type) -> bool:
    return "__dataclass_params__" in vars(base) and base.__dataclass_params__.frozen  # type: ignore[attr-defined]  # set by dataclasses


def _at_first_call(cls: Class, name: str, source: Callable[[Class, dict[str, object]], str]) -> Callable[..., Any]:
    """A method that compiles the one which takes its place. ``source`` gives its text, and what that names."""

    def stand_in(self: object, /, *args: object, **kwargs: object) -> Any:  # Any: what the method returns
        known: dict[str, Any] = {}  # Any: functions and defaults
        exec(source(cls, known), known)  # noqa: S102 -- names of our own fields
        method = known[name]
        method.__qualname__ = stand_in.__qualname__
        setattr(cls, name, method)
        return method(self, *args, **kwargs)

    stand_in.__name__, stand_in.__qualname__ = name, f"{cls.__qualname__}.{name}"
    return stand_in


def _init(cls: Class, known: dict[str, object]) -> str:
    return _init_with(cls, known, "self.{name} = {value}".format)


def _frozen_init(cls: Class, known: dict[str, object]) -> str:
    """Past the class's own refusal; straight into the slots, where there are any."""
    known["_set"] = object.__setattr__
    for field in dataclasses.fields(cls):
        if isinstance(slot := getattr(cls, field.name, None), MemberDescriptorType):
            known[f"_set_{field.name}"] = slot.__set__

    def assignment(name: str, value: str) -> str:
        return f"_set_{name}(self, {value})" if f"_set_{name}" in known else f"_set(self, {name!r}, {value})"

    return _init_with(cls, known, assignment)


def _init_with(cls: Class, known: dict[str, object], assignment: Callable[..., str]) -> str:
    by_place, by_name, body = ["self"], list[str](), list[str]()
    for field in dataclasses.fields(cls):
        name = value = parameter = field.name
        if field.default_factory is not dataclasses.MISSING:
            known |= {f"_make_{name}": field.default_factory, "_ABSENT": _ABSENT}
            parameter = f"{name}=_ABSENT"
            value = f"_make_{name}() if {name} is _ABSENT else {name}" if field.init else f"_make_{name}()"
        elif field.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = field.default
            parameter = f"{name}=_default_{name}"
            value = name if field.init else f"_default_{name}"
        elif not field.init:
            continue
        body.append(assignment(name=name, value=value))
        if field.init:
            (by_name if field.kw_only else by_place).append(parameter)
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join([*by_place, *(["*", *by_name] if by_name else [])])
    return f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"])


def _eq(cls: Class, _known: dict[str, object]) -> str:
    return (
        "def __eq__(self, other):\n if other.__class__ is not self.__class__: return NotImplemented\n"
        f" return {_compared(cls, 'self')} == {_compared(cls, 'other')}"
    )


def _hash(cls: Class, _known: dict[str, object]) -> str:
    return f"def __hash__(self):\n return hash({_compared(cls, 'self')})"


def _compared(cls: Class, of: str) -> str:
    """A tuple of what a value is compared and hashed by."""
    return f"({''.join(f'{of}.{field.name},' for field in dataclasses.fields(cls) if field.compare)})"


def _repr(self: Any) -> str:  # Any: a value of any fields
    told = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _refuse_to_set(self: object, name: str, value: object) -> None:  # noqa: ARG001 -- as object has it
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:  # noqa: ARG001 -- as object has it
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:  # Any: as in _repr
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[object]) -> None:  # Any: as in _repr
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
