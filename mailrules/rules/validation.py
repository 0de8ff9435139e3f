"""How pydantic's complaints about a file become diagnostics at the very key or value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from mailrules.rules.reporter import did_you_mean
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

    from mailrules.diagnostics import Location
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.source import SourceValue

M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], source: SourceValue, reporter: Reporter, *, what: str) -> M | None:
    """The source as this model, or None after reporting each mistake at its place.

    ``what`` names the thing in messages: "a rule", "an account".
    """
    if not source.is_mapping:
        reporter.broken(source.at, f"{what} is a mapping, not {source.kind}", cure="write key: value lines")
        return None
    try:
        return model.model_validate(source.plain())
    except ValidationError as error:
        mistakes = [_Mistake.of(one, model=model, source=source, what=what) for one in error.errors(include_url=False)]
        misspelt = {(one.holder.at, one.nearest) for one in mistakes if one.kind == "extra_forbidden"}
        for mistake in mistakes:
            # A misspelt key is told once, not again as a key that is missing.
            if mistake.kind != "missing" or (mistake.holder.at, mistake.key) not in misspelt:
                mistake.report(reporter)
        return None


_ELSEWHERE = {"on": "events", "when": "if", "then": "do", "actions": "do"}
"""What other rule files call our keys; ``on`` is a boolean to many readers of YAML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mistake:
    """One of pydantic's complaints, with the mapping or list that holds the value."""

    kind: str
    holder: SourceValue
    key: str
    what: str
    known: tuple[str, ...]
    """The keys that ``holder`` may have."""
    given: object
    message: str
    context: Mapping[str, str]

    @classmethod
    def of(cls, error: ErrorDetails, *, model: type[BaseModel], source: SourceValue, what: str) -> _Mistake:
        path = [step for step in error["loc"] if not str(step).startswith("tag:")]
        names = [step for step in path[:-1] if isinstance(step, str)]
        holder, key = _follow(source, path)
        return cls(
            kind=error["type"],
            holder=holder,
            key=key,
            what=f'"{names[-1]}"' if names else what,
            known=_keys_at(model, path[:-1]),
            given=error["input"],
            message=error["msg"],
            context=error.get("ctx", {}),
        )

    @property
    def nearest(self) -> str:
        return next(iter(difflib.get_close_matches(self.key, self.known, n=1)), "")

    @property
    def at(self) -> Location:
        if self.holder.is_list and self.key.isdecimal():
            return self.holder.items[int(self.key)].at
        return self.holder.mapping[self.key].at if self.key in self.holder.mapping else self.holder.at

    @property
    def _key_meant(self) -> str:
        elsewhere = _ELSEWHERE.get(self.key, "")
        if elsewhere in self.known:
            return f'did you mean "{elsewhere}"?'
        return did_you_mean(self.key, self.known) or f"known here: {', '.join(self.known)}"

    def report(self, reporter: Reporter) -> None:
        match self.kind:
            case "extra_forbidden":
                message = f'unknown key "{self.key}" in {self.what}'
                reporter.error(self.holder.key_at(self.key), message, cure=self._key_meant)
            case "missing":
                reporter.error(self.holder.at, f'{self.what} lacks the key "{self.key}"', cure=f"add {self.key}: ...")
            case "quantity" | "empty":
                reporter.error(self.at, self.message, cure=self.context.get("cure", ""))
            case "literal_error":
                choices = self.context["expected"]
                words = [word.strip("'") for word in choices.replace(" or ", ", ").split(", ")]
                cure = did_you_mean(self.given, words) if isinstance(self.given, str) and len(words) > 1 else ""
                reporter.error(self.at, f"{choices} is expected here, not {_shown(self.given)}", cure=cure)
            case _:
                expected = _EXPECTED.get(self.kind) or self.message.replace("Input should", "this should")
                reporter.error(self.at, f"{expected}, not {_shown(self.given)}")


_EXPECTED = {
    "string_type": "text is expected here",
    "int_type": "a whole number is expected here",
    "bool_type": "true or false is expected here",
    "list_type": "a list is expected here",
    "dict_type": "a mapping is expected here",
    "model_type": "a mapping is expected here",
    "string_pattern_mismatch": "a media type such as application/pdf is expected here",
}


def _shown(value: object) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case _:
            return repr(value) if len(str(value)) <= 60 else "so long a text"


def _follow(source: SourceValue, path: Sequence[int | str]) -> tuple[SourceValue, str]:
    """The innermost mapping or list on the path, and the last key in it."""
    holder, key = source, ""
    for step in path:
        holder = holder.items[int(key)] if holder.is_list and key.isdecimal() else holder.mapping.get(key, holder)
        key = str(step)
    return holder, key


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> tuple[str, ...]:
    """The keys that the model at this path below ``model`` knows."""
    for step in path:
        by_alias = {field.alias or name: field for name, field in model.model_fields.items()}
        field = by_alias.get(str(step))
        if field is not None:
            model = _model_in(field.annotation) or model
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
