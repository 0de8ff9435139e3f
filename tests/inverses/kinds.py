"""Which commands, responses and response codes are there?"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import typing

import mailrules.imap
from mailrules.imap.command import Command
from mailrules.imap.parser import Continuation, Tagged, Untagged
from mailrules.imap.response_codes import ResponseCode

MODULES = tuple(
    importlib.import_module(f"mailrules.imap.{one.name}") for one in pkgutil.iter_modules(mailrules.imap.__path__)
)


def _below(parent: type) -> list[type]:
    return [found for child in parent.__subclasses__() for found in (child, *_below(child))]


def _defined(kinds: list[type]) -> dict[str, type]:
    """By name; ``slots`` makes dataclasses twice, of which a module keeps one."""
    return {
        one.__name__: one
        for one in kinds
        if dataclasses.is_dataclass(one) and any(getattr(module, one.__name__, None) is one for module in MODULES)
    }


COMMANDS: dict[str, type] = {name: one for name, one in _defined(_below(Command)).items() if hasattr(one, "name")}
CODES: dict[str, type] = {"ResponseCode": ResponseCode, **_defined(_below(ResponseCode))}
RESPONSES: dict[str, type] = {one.__name__: one for one in (Tagged, Continuation, *typing.get_args(Untagged))}
