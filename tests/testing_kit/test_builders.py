"""Built messages and varied mailboxes: what is in them, and that they repeat."""

from __future__ import annotations

import email
from collections import Counter
from datetime import timedelta
from email.policy import default
from itertools import islice, pairwise

import pytest

from mailrules.testing.builders import Attachment, message
from mailrules.testing.varied_mailbox import DAYS, LAST_DAY, LISTS, varied_mailbox


def test_a_message_has_the_fields_it_was_given_and_no_others() -> None:
    built = email.message_from_bytes(
        message(from_="Bob <b@x.org>", date=None, list_id="<l.x.org>", headers={"X-A": "1"})
    )

    assert built.keys() == [
        "From", "To", "Subject", "Message-ID", "List-Id", "X-A", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert built["From"] == "Bob <b@x.org>"


def test_raw_bytes_and_folding_go_out_as_they_are_given() -> None:
    built = message(subject=b"caf\xe9\r\n folded")

    assert b"\r\nSubject: caf\xe9\r\n folded\r\n" in built


def test_html_and_attachments_nest_as_mail_programs_nest_them() -> None:
    built = email.message_from_bytes(
        message(html="<p>x</p>", attachments=[Attachment(file_name="a.pdf", content=b"%PDF")]), policy=default
    )

    assert [part.get_content_type() for part in built.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf",
    ]  # fmt: skip
    assert [(part.get_filename(), part.get_content()) for part in built.iter_attachments()] == [("a.pdf", b"%PDF")]


def test_the_same_seed_gives_the_same_mailbox_and_another_seed_another() -> None:
    once, again, other = (list(varied_mailbox(300, seed=seed)) for seed in (7, 7, 8))

    assert once == again
    assert once != other


def test_a_varied_mailbox_spans_three_years_oldest_first() -> None:
    samples = list(varied_mailbox(1_000))

    dates = [sample.received for sample in samples]
    assert LAST_DAY - dates[0] > timedelta(days=DAYS - 2)
    assert LAST_DAY - dates[-1] < timedelta(days=3)
    assert max(later - earlier for earlier, later in pairwise(dates)) < timedelta(days=3)


@pytest.mark.parametrize(
    "mark",
    [
        b"\r\nList-Id:",
        b"\r\nPrecedence: bulk",
        b"github.example",
        b'application/pdf; name="',
        b"\r\nSubject: =?koi8-r?B?",
        b"\r\nX-Spam-Status: Yes",
        b"\r\nSubject: Gr\xf6\xdfe",
        b"?no-such-charset?",
        b"\r\n\tover\r\n",
        b"text/html",
    ],
)
def test_every_kind_of_mail_is_in_a_varied_mailbox(mark: bytes) -> None:
    assert any(mark in sample.content for sample in varied_mailbox(2_000))


def test_a_varied_mailbox_is_mostly_small_mail_with_mixed_flags() -> None:
    samples = list(varied_mailbox(2_000))

    sizes = sorted(len(sample.content) for sample in samples)
    flags = Counter(flag for sample in samples for flag in sample.flags)
    lists = {name for name in LISTS for sample in samples if f"<{name}.lists".encode() in sample.content}
    assert sizes[0] >= 500
    assert sizes[-1] <= 65_000
    assert sizes[1_000] < 5_000
    assert sum(sizes) < 15_000_000
    assert {"\\Seen", "\\Flagged", "\\Answered", "$Label1", "todo"} <= flags.keys()
    assert sum(b"\r\nDate:" not in sample.content for sample in samples) > 5
    assert lists == set(LISTS)


def test_a_large_mailbox_is_made_one_message_at_a_time() -> None:
    assert len(list(islice(varied_mailbox(1_000_000), 3))) == 3
