"""Every response code is read as the value that was written, and every class of codes has a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailrules.imap import response_codes as codes
from mailrules.imap.parser import parse_response
from tests.inverses.kinds import CODES
from tests.inverses.response_values import FLAGS, LARGE, NUMBERS, SETS, WORDS, optional

if TYPE_CHECKING:
    from mailrules.imap.sequence_set import SequenceSet

PAIRS = st.dictionaries(NUMBERS, NUMBERS, min_size=1, max_size=4).filter(lambda one: len({*one.values()}) == len(one))


def numbers(values: object) -> str:
    return ",".join(map(str, values))


def written(uids: SequenceSet) -> str:
    return uids.to_bytes().decode()


KINDS = {
    "ResponseCode": (st.just({"name": "X-OWN"}), lambda _: ""),
    "CapabilityCode": (
        st.fixed_dictionaries({"capabilities": st.frozensets(WORDS, max_size=6)}),
        lambda one: " ".join(one.capabilities),
    ),
    "PermanentFlagsCode": (st.fixed_dictionaries({"flags": FLAGS}), lambda one: f"({' '.join(one.flags)})"),
    "NumberCode": (
        st.fixed_dictionaries({"name": st.sampled_from(["UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ"]), "value": LARGE}),
        lambda one: str(one.value),
    ),
    "TextCode": (
        st.fixed_dictionaries({"name": st.just("MAILBOXID"), "text": WORDS}),
        lambda one: f"({one.text})",
    ),
    "WordsCode": (
        st.fixed_dictionaries({"name": st.just("ANNOTATE"), "words": st.lists(WORDS, max_size=3).map(tuple)}),
        lambda one: " ".join(one.words),
    ),
    "CopyUid": (
        st.fixed_dictionaries({"uidvalidity": NUMBERS, "pairs": PAIRS.map(lambda one: tuple(one.items()))}),
        lambda one: f"{one.uidvalidity} {numbers(a for a, _ in one.pairs)} {numbers(b for _, b in one.pairs)}",
    ),
    "AppendUid": (
        st.fixed_dictionaries({"uidvalidity": NUMBERS, "uids": SETS}),
        lambda one: f"{one.uidvalidity} {written(one.uids)}",
    ),
    "ModifiedCode": (st.fixed_dictionaries({"uids": SETS}), lambda one: written(one.uids)),
    "BadCharsetCode": (
        st.fixed_dictionaries({"charsets": st.lists(WORDS, min_size=1, max_size=3).map(tuple)}),
        lambda one: f"({' '.join(one.charsets)})",
    ),
    "BadEventCode": (
        st.fixed_dictionaries({"events": st.lists(WORDS, min_size=1, max_size=3).map(tuple)}),
        lambda one: f"({' '.join(one.events)})",
    ),
    "MetadataCode": (
        st.fixed_dictionaries({"reason": WORDS, "number": optional(LARGE)}),
        lambda one: one.reason if one.number is None else f"{one.reason} {one.number}",
    ),
    "UrlMechanismsCode": (
        st.fixed_dictionaries({"mechanisms": st.dictionaries(WORDS, WORDS, min_size=1, max_size=3)}),
        lambda one: " ".join(f"{name}={key}" for name, key in one.mechanisms.items()),
    ),
    "InProgressCode": (
        st.fixed_dictionaries({"tag": WORDS, "done": optional(NUMBERS), "goal": optional(NUMBERS)}).filter(
            # A goal that is passed, or that comes without what is done, is disregarded (RFC 9585 section 6).
            lambda one: one["goal"] is None or (one["done"] is not None and one["done"] <= one["goal"])
        ),
        lambda one: (
            f'("{one.tag}" {"NIL" if one.done is None else one.done} {"NIL" if one.goal is None else one.goal})'
        ),
    ),
    "MessageLimitCode": (
        st.fixed_dictionaries({"limit": NUMBERS, "lowest_uid": optional(NUMBERS)}),
        lambda one: str(one.limit) if one.lowest_uid is None else f"{one.limit} {one.lowest_uid}",
    ),
    "DowngradedCode": (st.fixed_dictionaries({"messages": SETS}), lambda one: written(one.messages)),
}


def test_every_kind_of_code_has_a_row():
    assert set(KINDS) == set(CODES), "a new kind needs a row in tests/inverses/test_codes.py"


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_code_is_read_as_what_was_written(name, data):
    fields, write = KINDS[name]
    code = getattr(codes, name)(**data.draw(fields))
    arguments = write(code)

    tagged = parse_response(f"A1 OK [{code.name}{' ' * bool(arguments)}{arguments}] done".encode())

    assert tagged.text == "done"
    assert type(tagged.code) is type(code)
    assert tagged.code.arguments == arguments.encode()
    for field in code.__dataclass_fields__.keys() - {"arguments"}:
        assert getattr(tagged.code, field) == getattr(code, field)
