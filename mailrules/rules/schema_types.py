"""What kinds of values do the fixed keys of a rule file take, beyond those that JSON has?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from mailrules.rules.quantities import QuantityError, parse_duration, parse_size, parse_time_of_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")

if TYPE_CHECKING:
    CheckedApart = Annotated[T, ...]
else:

    class CheckedApart:
        """``CheckedApart[Model]`` takes any value: the loader checks it by itself, at its place in the file.

        Editors see its shape. A run builds no validator of what its files do not have, and none twice.
        """

        def __init__(self, shape: object) -> None:
            self._shape = shape

        def __class_getitem__(cls, shape: object) -> object:
            return Annotated[shape, cls(shape)]

        def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
            return core_schema.any_schema()

        def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
            return handler(TypeAdapter(self._shape).core_schema)


class _ItemAlone:
    """Tells editors that an item may stand without its list."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


def _quantity(parse: Callable[[str], object]) -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise PydanticCustomError("quantity", "expected text such as 30d or 20MiB")
        try:
            return parse(str(value))
        except QuantityError as error:
            raise PydanticCustomError("quantity", "{message}", {"message": str(error), "cure": error.cure}) from None

    return BeforeValidator(check)


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _not_empty(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("empty", "this text is empty", {"cure": "write something, or remove the key"})
    return value


Text = Annotated[str, AfterValidator(_not_empty), WithJsonSchema({"type": "string", "minLength": 1})]
_AS_LIST = BeforeValidator(_as_list)
OneOrMore = Annotated[list[T], _AS_LIST, _ItemAlone()]
Duration = Annotated[
    timedelta, _quantity(parse_duration), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6} ?[smhdw]$"})
]
SizeBytes = Annotated[int, _quantity(parse_size), WithJsonSchema({"type": ["string", "integer"]})]
CacheBytes = Annotated[
    int,
    _quantity(lambda text: 0 if text == "none" else parse_size(text)),
    WithJsonSchema({"type": ["string", "integer"]}),
]
TimeOfDay = Annotated[
    str, _quantity(parse_time_of_day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"})
]
TEXT_OR_TEXTS = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
Texts = Annotated[list[Text], _AS_LIST, TEXT_OR_TEXTS]


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise PydanticCustomError("empty", "this duration is zero", {"cure": "write at least 1s"})
    return value


def _within_a_year(value: timedelta) -> timedelta:
    if value > LONGEST_SHADOW:
        raise PydanticCustomError(
            "quantity",
            "{message}",
            {
                "message": "a rule that only reports for over a year does nothing",
                "cure": f"write at most {LONGEST_SHADOW.days}d, or enabled: false",
            },
        )
    return value


LONGEST_SHADOW = timedelta(days=366)
Period = Annotated[Duration, AfterValidator(_positive)]
ShadowPeriod = Annotated[Period, AfterValidator(_within_a_year)]
