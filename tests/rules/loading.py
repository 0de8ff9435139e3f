"""Rule files from text, loaded with the built-in words only."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

import pytest

from mailrules.default_plugins import (
    address_conditions,
    attachment_actions,
    auth_conditions,
    file_actions,
    mailbox_actions,
    mark_actions,
    note_action,
    outbox_actions,
    related_conditions,
    score_conditions,
    server_conditions,
    structure_conditions,
    surrounding_conditions,
    text_conditions,
    unsubscribe_action,
    value_conditions,
    waiting_actions,
)
from mailrules.diagnostics import Severity
from mailrules.errors import RuleError
from mailrules.packs import pack_files
from mailrules.rules.loader import LoadedConfiguration, load_configuration
from mailrules.rules.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONDITION_MODULES = (
    address_conditions,
    text_conditions,
    value_conditions,
    structure_conditions,
    surrounding_conditions,
    score_conditions,
    auth_conditions,
    related_conditions,
    server_conditions,
)
ACTION_MODULES = (
    mark_actions,
    file_actions,
    mailbox_actions,
    outbox_actions,
    note_action,
    waiting_actions,
    attachment_actions,
    unsubscribe_action,
)

BUILT_IN = Registry(
    conditions={spec.name: spec for module in CONDITION_MODULES for spec in module.mailrules_conditions()},
    actions={spec.name: spec for module in ACTION_MODULES for spec in module.mailrules_actions()},
)

HEAD = """\
version: 1
accounts:
  home: {host: imap.example.org, user: me@example.org, secret: {env: MAIL_PASSWORD}}
defaults:
  in: [home/INBOX]
"""


def load(
    text: str,
    *,
    name: str = "main.yaml",
    others: Mapping[str, str] | None = None,
    registry: Registry = BUILT_IN,
) -> LoadedConfiguration:
    """Load ``text`` as the main file beside ``others``; packs are the real ones."""
    files = {name: text.encode(), **{path: content.encode() for path, content in (others or {}).items()}}

    def read(path: str) -> bytes:
        if path in files:
            return files[path]
        for pack in pack_files().values():
            if str(pack) == path:
                return pack.read_bytes()
        raise FileNotFoundError(2, "No such file or directory", path)

    def expand(pattern: str) -> Sequence[str]:
        if pattern.startswith("pack:"):
            pack = pack_files().get(pattern.removeprefix("pack:"))
            return [str(pack)] if pack else []
        return sorted(path for path in files if fnmatch.fnmatch(path, pattern))

    return load_configuration(name, read=read, registry=registry, expand=expand, thorough=True)


def diagnostics_in(text: str, *, name: str = "main.yaml", others: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with the text, as ``file:line:column: error: message; cure``."""
    with pytest.raises(RuleError) as caught:
        load(text, name=name, others=others)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def rules_of(text: str) -> LoadedConfiguration:
    """Load rules behind one account ``home`` and a default mailbox."""
    return load(HEAD + text)


def mistakes_of(text: str) -> list[str]:
    """What is wrong with rules behind one account ``home``, without places."""
    with pytest.raises(RuleError) as caught:
        rules_of(text)
    return [f"{one.message}; {one.cure}" for one in caught.value.diagnostics if one.severity is Severity.ERROR]
