"""What kinds of values do the fixed keys of a rule file take, beyond those that JSON has?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from mailrules.rules.quantities import QuantityError, parse_duration, parse_size, parse_time_of_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

T = TypeVar("T")


STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False, defer_build=True)
"""Of every model of a file; a validator is only built if a file has such a thing."""


def either(one: str, other: str) -> ConfigDict:
    """For editors: exactly one of two keys."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [one]}, {"required": [other]}]})


def shape(model: str, *, or_null: bool = False) -> WithJsonSchema:
    """For editors: what a model says. The loader checks such a value by itself, at its place in the file.

    ``json_schema`` puts the model's schema where "words" stands.
    """
    words = {"words": model}
    return WithJsonSchema({"anyOf": [words, {"type": "null"}]} if or_null else words)


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
