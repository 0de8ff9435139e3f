"""ENVELOPE: raw fields, groups, and how many addresses are too many."""

from __future__ import annotations

import pytest

from mailrules.imap import envelope
from mailrules.imap.envelope import Envelope, EnvelopeAddress
from mailrules.imap.limits import Limits
from tests.imap_wire.reading import fetch_of

TERRY = EnvelopeAddress(name=b"Terry Gray", mailbox=b"gray", host=b"cac.washington.edu")


def test_the_example_of_rfc_9051():
    fetched = fetch_of(
        b'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes"'
        b' (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu"))'
        b' (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu"))'
        b' ((NIL NIL "minutes" "CNRI.Reston.VA.US") ("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL'
        b' "<B27397-0100000@cac.washington.edu>")'
    )

    assert fetched.envelope == Envelope(
        date=b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
        subject=b"IMAP4rev2 WG mtg summary and minutes",
        from_=(TERRY,),
        sender=(TERRY,),
        reply_to=(TERRY,),
        to=(EnvelopeAddress(name=None, mailbox=b"imap", host=b"cac.washington.edu"),),
        cc=(
            EnvelopeAddress(name=None, mailbox=b"minutes", host=b"CNRI.Reston.VA.US"),
            EnvelopeAddress(name=b"John Klensin", mailbox=b"KLENSIN", host=b"MIT.EDU"),
        ),
        message_id=b"<B27397-0100000@cac.washington.edu>",
    )


def test_strings_may_be_literals_and_escaped():
    fetched = fetch_of(b'ENVELOPE (NIL {6}\r\n"\r\n\\)( NIL NIL NIL ((NIL NIL "a\\"b" "c")) NIL NIL NIL NIL) UID 5')

    assert fetched.uid == 5
    assert fetched.envelope is not None
    assert fetched.envelope.subject == b'"\r\n\\)('
    assert fetched.envelope.to == (EnvelopeAddress(name=None, mailbox=b'a"b', host=b"c"),)


def test_groups_begin_and_end_without_a_host():
    group = b'((NIL NIL "team" NIL)(NIL NIL "a" "b.c")(NIL NIL NIL NIL))'

    envelope = fetch_of(b'ENVELOPE ("d" "s" NIL NIL NIL ' + group + b" NIL NIL NIL NIL)").envelope

    assert envelope is not None
    assert [(one.mailbox, one.host) for one in envelope.to] == [(b"team", None), (b"a", b"b.c"), (None, None)]


@pytest.mark.parametrize("spread", [(1, 0), (0.5, 0.5)])
def test_addresses_are_counted_against_the_limit(spread):
    def envelope(count: int) -> bytes:
        to, cc = (b"(" + b'(NIL NIL "a" "b")' * int(count * share) + b")" for share in spread)
        return b'ENVELOPE ("d" "s" NIL NIL NIL ' + to + b" " + cc + b" NIL NIL NIL) UID 5"

    limits = Limits(addresses=10)

    assert fetch_of(envelope(10), limits=limits).envelope is not None
    over = fetch_of(envelope(12), limits=limits)
    assert over.uid == 5
    assert "limits.addresses" in over.malformed["ENVELOPE"].reason


def test_long_address_lists_are_read_and_not_kept_in_memory():
    before = envelope._remembered_addresses.cache_info().currsize
    host = b"h" * 2_000

    addresses = envelope._usual_addresses(b'((NIL NIL "ann" "%b"))' % host)

    assert [address.host for address in addresses] == [host]
    assert envelope._remembered_addresses.cache_info().currsize == before
