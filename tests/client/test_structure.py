"""Body structures as rules see them: decoded parameters and file names, and which parts are text."""

from __future__ import annotations

import pytest

from mailrules.client.structure import parts_of
from mailrules.imap.body_structure import BodyPart
from mailrules.mailbox.body import readable_texts
from mailrules.mailbox.message import Part


def file_name(**parameters: bytes) -> str:
    named = {name.replace("_", "*"): value for name, value in parameters.items()}
    body = BodyPart(number="1", type="application", subtype="pdf", disposition_parameters=named)
    return parts_of([body])[0].file_name


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"filename": b"bill.pdf"}, "bill.pdf"),
        ({"filename": "größe.pdf".encode()}, "größe.pdf"),
        ({"filename": b"gr\xf6\xdfe.pdf"}, "größe.pdf"),
        ({"filename": b"=?utf-8?Q?gr=C3=B6=C3=9Fe.pdf?="}, "größe.pdf"),
        ({"filename_": b"UTF-8'de'gr%C3%B6%C3%9Fe.pdf"}, "größe.pdf"),
        ({"filename_": b"iso-8859-1''gr%F6%DFe.pdf"}, "größe.pdf"),
        ({"filename_": b"plain%20name"}, "plain name"),
        ({"filename_0": b"long", "filename_1": b"name.pdf"}, "longname.pdf"),
        ({"filename_1_": b"%C3%9Fe", "filename_0_": b"utf-8''gr%C3%B6", "filename_2": b".%41"}, "größe.%41"),
        ({"filename": b"fallback", "filename_": b"utf-8''better"}, "better"),
        ({"filename_1": b"second without first"}, ""),
        ({"filename_0": b"a", "filename_2": b"c"}, "a"),
        ({"filename_": b"no-such-charset''%C3%B6"}, "ö"),
        ({"filename": b" a\r\n b\tc "}, "a b c"),
        ({}, ""),
    ],
)
def test_file_names_are_decoded(parameters: dict[str, bytes], expected: str) -> None:
    assert file_name(**parameters) == expected


def test_the_name_of_the_content_type_stands_in_for_a_missing_file_name() -> None:
    body = BodyPart(number="1", type="image", subtype="png", parameters={"name": b"=?utf-8?B?w7Y=?="})

    assert parts_of([body])[0].file_name == "ö"


def test_parameters_are_text() -> None:
    body = BodyPart(number="1", type="text", subtype="plain", parameters={"charset": b"utf-8", "x*": b"utf-8''%41"})

    assert parts_of([body])[0].parameters == {"charset": "utf-8", "x": "A"}


def text(number: str, subtype: str, disposition: str = "") -> Part:
    return Part(number=number, type="text", subtype=subtype, disposition=disposition)


def test_plain_parts_are_the_text_and_html_only_where_there_is_none() -> None:
    plain, html, attached = text("1", "plain"), text("2", "html"), text("3", "plain", "attachment")

    assert readable_texts([plain, html, attached]) == (plain,)
    assert readable_texts([html, attached]) == (html,)
    assert readable_texts([attached]) == ()
