"""How do hundreds of small classes come about without a wait at every start?

``dataclass`` is the standard library's, to readers, to type checkers and to the functions of ``dataclasses``. It
differs in when its work is done. The standard library looks through the fields of a class when that is defined, and
compiles up to seven methods for it, and the house has 500 classes. Here the fields are looked through, and a method is
compiled, when they are first needed; methods that need no compiling are shared (docs/decisions/0010).
"""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError
from functools import partial
from types import MappingProxyType, MemberDescriptorType
from typing import TYPE_CHECKING, ClassVar, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
            _check_heritage(cls, frozen=frozen)
            own, given = frozenset(cls.__dict__), _given(cls)
            cls = _with_slots(cls, given) if slots else _without_fields(cls, given)
            cls.__dataclass_params__ = _FROZEN if frozen else _OPEN
            cls.__dataclass_fields__ = _AtFirstLook(
                cls, "__dataclass_fields__", partial(_fields, given=given, kw_only=kw_only)
            )
            methods = {
                "__init__": _at_first_call(cls, "__init__", _frozen_init if frozen else _init),
                "__repr__": _repr,
                "__match_args__": _AtFirstLook(cls, "__match_args__", _match_args),
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


_OPEN, _FROZEN = (
    dataclasses.dataclass(frozen=frozen)(type("_Sample", (), {})).__dataclass_params__  # type: ignore[attr-defined]  # set by dataclasses
    for frozen in (False, True)
)
"""The marks by which the standard library sees what an heir has to be."""


def _check_heritage(cls: Class, *, frozen: bool) -> None:
    params = (vars(base).get("__dataclass_params__") for base in cls.__mro__[1:])
    marks = [one.frozen for one in params if one is not None]
    if marks and any(marks) is not frozen:
        wrong, base = ("frozen", "non-frozen") if frozen else ("non-frozen", "frozen")
        raise TypeError(f"cannot inherit {wrong} dataclass from a {base} one")


def _given(cls: Class) -> dict[str, tuple[object, object]]:
    """The annotation and the default of each field that the class itself has."""
    given = {}
    for name, annotation in cls.__annotations__.items():
        if not _is_of_class(annotation):
            default = getattr(cls, name, _ABSENT)
            given[name] = annotation, _ABSENT if isinstance(default, MemberDescriptorType) else default
    return given


def _is_of_class(annotation: object) -> bool:
    return "ClassVar" in annotation if isinstance(annotation, str) else ClassVar in (annotation, get_origin(annotation))


def _with_slots(cls: Class, given: Mapping[str, object]) -> Class:
    """The class again, since a class has its slots from the beginning."""
    taken = {name for base in cls.__mro__[1:-1] for name in vars(base).get("__slots__", ())}
    not_kept = {*given, "__dict__", "__weakref__"}
    body = {name: one for name, one in vars(cls).items() if name not in not_kept}
    body["__slots__"] = tuple(name for name in given if name not in taken)
    made: Class = type(cls)(cls.__name__, cls.__bases__, body)  # type: ignore[misc]  # type(cls) may be a metaclass
    made.__qualname__ = cls.__qualname__
    return made


def _without_fields(cls: Class, given: Mapping[str, tuple[object, object]]) -> Class:
    """The class, with a default where it had a ``field``."""
    for name, (_, default) in given.items():
        if isinstance(default, dataclasses.Field):
            if default.default is dataclasses.MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, default.default)
    return cls


class _AtFirstLook:
    """An attribute of a class that is made, and takes its own place, when somebody first looks at it."""

    def __init__(self, cls: Class, name: str, make: Callable[[Class], object]) -> None:
        self._cls, self._name, self._make = cls, name, make

    def __get__(self, instance: object, owner: Class) -> object:
        made = self._make(self._cls)
        setattr(self._cls, self._name, made)
        return made


def _fields(
    cls: Class, given: Mapping[str, tuple[object, object]], *, kw_only: bool
) -> dict[str, dataclasses.Field[Any]]:
    """All fields, inherited ones first; the standard library makes those of the class itself."""
    fields: dict[str, dataclasses.Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= getattr(base, "__dataclass_fields__", {})
    annotations = {name: annotation for name, (annotation, _) in given.items()}
    defaults = {name: default for name, (_, default) in given.items() if default is not _ABSENT}
    # Without a docstring, the standard library would make one of the signature.
    body = {"__module__": cls.__module__, "__doc__": "Fields.", "__annotations__": annotations, **defaults}
    sample: Class = type(cls.__name__, (), body)
    dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(sample)
    return {**fields, **sample.__dataclass_fields__}


def _match_args(cls: Class) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls) if field.init and not field.kw_only)


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
    values = (getattr(self, field.name) for field in dataclasses.fields(self))
    return [_ReadOnly(dict(value)) if isinstance(value, MappingProxyType) else value for value in values]


def _restore(self: Any, state: list[object]) -> None:  # Any: as in _repr
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        kept = MappingProxyType(value.mapping) if isinstance(value, _ReadOnly) else value
        object.__setattr__(self, field.name, kept)


class _ReadOnly:
    """Stands for a read-only mapping on the way, since Python neither pickles nor copies one."""

    def __init__(self, mapping: dict[object, object]) -> None:
        self.mapping = mapping
