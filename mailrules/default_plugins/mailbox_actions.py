"""The actions on mailboxes: ``create subscribe unsubscribe_mailbox rename setacl deleteacl setmetadata setquota``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.mailbox.settings_of_mailbox import Setting
from mailrules.plan.actions import (
    CreateMailbox,
    RenameMailbox,
    SetOfMailbox,
    SetRights,
    SubscribeMailbox,
    UnsubscribeMailbox,
)
from mailrules.rules.mailbox_words import ENTRY, IDENTIFIER, MAX_VALUE_CHARACTERS, RESOURCES, RIGHTS
from mailrules.rules.operator_schemas import SIZE, TEXT, TEXTS, mapping
from mailrules.rules.operators import check_keys, parse_count, read_quantity, read_texts, report_error
from mailrules.rules.quantities import parse_size
from mailrules.rules.registry import ActionSpec
from mailrules.rules.templates import mailbox_template

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mailrules.rules.registry import CompileContext, SourceValue
    from mailrules.rules.rule import ActionValue


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    rights = {"type": "object", "additionalProperties": {"type": "string", "pattern": f"^[{RIGHTS}]*$"}}
    return [
        ActionSpec(
            name="create",
            compile=partial(_compile_mailbox, CreateMailbox),
            summary="Create a mailbox if it is not there.",
            schema=TEXT,
        ),
        ActionSpec(
            name="subscribe",
            compile=partial(_compile_mailbox, SubscribeMailbox),
            summary="Subscribe to a mailbox.",
            schema=TEXT,
        ),
        ActionSpec(
            name="unsubscribe_mailbox",
            compile=partial(_compile_mailbox, UnsubscribeMailbox),
            summary="End the subscription of a mailbox.",
            schema=TEXT,
        ),
        ActionSpec(
            name="rename",
            compile=_compile_rename,
            summary="Give a mailbox, with all below it, another name.",
            schema=mapping({"mailbox": TEXT, "to": TEXT}, required=("mailbox", "to")),
        ),
        ActionSpec(
            name="deleteacl",
            compile=_compile_deleteacl,
            summary="Take all rights on a mailbox from somebody.",
            schema=mapping({"mailbox": TEXT, "identifiers": TEXTS}, required=("mailbox", "identifiers")),
        ),
        ActionSpec(
            name="setmetadata",
            compile=_compile_setmetadata,
            summary="Set a metadata entry of a mailbox, such as its comment.",
            schema=mapping(
                {"mailbox": TEXT, "entry": {"type": "string", "pattern": ENTRY.pattern}, "value": TEXT},
                required=("mailbox", "entry", "value"),
            ),
        ),
        ActionSpec(
            name="setquota",
            compile=_compile_setquota,
            summary="Limit what a mailbox may hold, where the server lets us.",
            schema=mapping(
                {"mailbox": TEXT, "storage": SIZE, "messages": {"type": "integer", "minimum": 1}},
                required=("mailbox",),
            ),
        ),
        ActionSpec(
            name="setacl",
            compile=_compile_setacl,
            summary="Give others rights on a mailbox, or take them away.",
            schema=mapping({"mailbox": TEXT, "rights": rights}, required=("mailbox", "rights")),
        ),
    ]


def _compile_mailbox(
    action: type[CreateMailbox | SubscribeMailbox | UnsubscribeMailbox], source: SourceValue, context: CompileContext
) -> Sequence[ActionValue] | None:
    template = mailbox_template(source, context.report)
    return None if template is None else [action(mailbox=template)]


def _compile_rename(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = "write rename: {mailbox: Projects/Old, to: Archive/Old}"
        report_error(source, f"rename takes mailbox and to, not {source.kind}", cure=cure, context=context)
        return None
    old = _read_fixed_mailbox(source, context, word="rename", other_keys=("to",))
    new = _read_fixed_mailbox(source, context, word="rename", other_keys=("mailbox",), key="to", tells_keys=False)
    if old is None or new is None:
        return None
    if "INBOX" in {old.upper(), new.upper()}:
        cure = "move its messages, or rename another mailbox"
        report_error(source, "INBOX keeps its name and its place", cure=cure, context=context)
        return None
    if old == new or new.startswith(old + "/"):
        report_error(source, f'"{new}" is "{old}" itself, or below it', cure="name another place", context=context)
        return None
    return [RenameMailbox(mailbox=old, to=new)]


def _compile_setacl(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = "write setacl: {mailbox: Shared, rights: {bob@example.org: lrs}}"
        report_error(source, f"setacl takes mailbox and rights, not {source.kind}", cure=cure, context=context)
        return None
    mailbox = _read_fixed_mailbox(source, context, word="setacl", other_keys=("rights",))
    entries = _read_rights(source.mapping["rights"], context) if "rights" in source.mapping else None
    return None if mailbox is None or entries is None else [SetRights(mailbox=mailbox, rights=entries)]


def _compile_deleteacl(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = "write deleteacl: {mailbox: Shared, identifiers: [bob@example.org]}"
        report_error(source, f"deleteacl takes mailbox and identifiers, not {source.kind}", cure=cure, context=context)
        return None
    mailbox = _read_fixed_mailbox(source, context, word="deleteacl", other_keys=("identifiers",))
    listed = source.mapping.get("identifiers")
    names = read_texts(listed, context) if listed is not None else None
    if mailbox is None or names is None or listed is None:
        return None
    for item in listed.items:
        if not IDENTIFIER.fullmatch(item.text):
            report_error(item, "this identifier is too long or has control characters", context=context)
            return None
    return [SetRights(mailbox=mailbox, rights=tuple((name, "") for name in dict.fromkeys(names)))]


def _compile_setmetadata(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = "write setmetadata: {mailbox: Lists, entry: /private/comment, value: read on Sundays}"
        report_error(source, f"setmetadata takes a mapping, not {source.kind}", cure=cure, context=context)
        return None
    mailbox = _read_fixed_mailbox(source, context, word="setmetadata", other_keys=("entry", "value"))
    entry, value = source.mapping.get("entry"), source.mapping.get("value")
    if mailbox is None or entry is None or value is None:
        return None
    if not ENTRY.fullmatch(entry.text):
        cure = "write /private/... or /shared/..., such as /private/comment"
        report_error(entry, f'"{entry.text}" is no entry of metadata', cure=cure, context=context)
        return None
    if value.is_mapping or value.is_list or len(value.text) > MAX_VALUE_CHARACTERS or "\0" in value.text:
        report_error(value, f"a text of up to {MAX_VALUE_CHARACTERS:,} characters is expected here", context=context)
        return None
    return [SetOfMailbox(setting=Setting.METADATA, mailbox=mailbox, name=entry.text.lower(), value=value.text)]


def _compile_setquota(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = "write setquota: {mailbox: INBOX, storage: 1GiB}"
        report_error(source, f"setquota takes a mapping, not {source.kind}", cure=cure, context=context)
        return None
    mailbox = _read_fixed_mailbox(source, context, word="setquota", other_keys=(), optional_keys=RESOURCES)
    if mailbox is None:
        return None
    given = {key: value for key, value in source.mapping.items() if key in RESOURCES}
    if not given:
        report_error(source, "setquota limits nothing", cure="add storage: 1GiB, or messages: 1000", context=context)
        return None
    read = {
        key: read_quantity(value, context, parse=parse_size if key == "storage" else parse_count)
        for key, value in given.items()
    }
    # STORAGE is in units of 1024 bytes (RFC 9208 section 5.1).
    limits = {key: limit // 1024 if key == "storage" else limit for key, limit in read.items() if limit is not None}
    if len(limits) < len(read):
        return None
    return [
        SetOfMailbox(setting=Setting.QUOTA, mailbox=mailbox, name=RESOURCES[key], value=str(limit))
        for key, limit in limits.items()
    ]


def _read_fixed_mailbox(
    source: SourceValue,
    context: CompileContext,
    *,
    word: str,
    other_keys: Sequence[str],
    optional_keys: Collection[str] = (),
    key: str = "mailbox",
    tells_keys: bool = True,
) -> str | None:
    """The mailbox under ``key`` of an action that has further keys; None after a mistake in it or in the keys.

    ``tells_keys`` False: they have been looked at.
    """
    is_good = not tells_keys or check_keys(source, (key, *other_keys, *optional_keys), word=word, context=context)
    for needed in (key, *other_keys) if tells_keys else ():
        if needed not in source.mapping:
            report_error(source, f'{word} lacks the key "{needed}"', cure=f"add {needed}: ...", context=context)
            is_good = False
    mailbox = source.mapping.get(key)
    template = None if mailbox is None else mailbox_template(mailbox, context.report)
    if mailbox is not None and template is not None and not template.is_literal:
        cure = "write the mailbox without fields: who may read mail never depends on a message"
        report_error(mailbox, f"{word} takes a fixed mailbox", cure=cure, context=context)
        is_good = False
    return template.render({}, delimiter="") if is_good and template is not None else None


def _read_rights(source: SourceValue, context: CompileContext) -> tuple[tuple[str, str], ...] | None:
    if not source.mapping:
        cure = "write rights: {bob@example.org: lrs, anyone: ''}"
        report_error(source, "setacl names nobody under rights", cure=cure, context=context)
        return None
    is_good = True
    for identifier, rights in source.mapping.items():
        if not IDENTIFIER.fullmatch(identifier):
            report_error(rights, "this identifier is empty, too long or has control characters", context=context)
            is_good = False
        if not isinstance(rights.value, str):
            cure = "write letters such as lrs, or '' to take all rights away"
            report_error(rights, f"rights are letters, not {rights.kind}", cure=cure, context=context)
            is_good = False
        elif unknown := sorted(set(rights.value) - set(RIGHTS)):
            cure = "rights are l r s w i p k x t e a (RFC 4314)"
            report_error(rights, f'unknown right "{unknown[0]}"', cure=cure, context=context)
            is_good = False
    return tuple((identifier, rights.text) for identifier, rights in source.mapping.items()) if is_good else None
