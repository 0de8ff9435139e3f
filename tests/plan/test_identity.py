"""The hashes by which a message is recognised again."""

from __future__ import annotations

from mailrules.plan.identity import content_key, snapshot_hash


def test_the_snapshot_hash_ignores_recent_case_and_order() -> None:
    assert snapshot_hash(["\\Seen", "$A", "\\Recent"]) == snapshot_hash(["$a", "\\seen"])
    assert snapshot_hash(["\\Seen"]) != snapshot_hash([])


def test_the_content_key_reads_only_the_first_hop_and_ignores_folding() -> None:
    def key(*received: bytes) -> str:
        return content_key(message_id=[b"<a@b>"], date=[b"Mon"], from_=[b"ann"], received=received)

    assert key(b" by new", b" by old") == key(b" by other", b" by\r\n old")
    assert key(b" by old") != key(b" by new")


def test_a_value_in_another_field_gives_another_key() -> None:
    one = content_key(message_id=[b"x"], date=[], from_=[], received=[])
    other = content_key(message_id=[], date=[b"x"], from_=[], received=[])

    assert one != other


def test_a_message_without_any_of_the_fields_has_no_key() -> None:
    assert content_key(message_id=[], date=[], from_=[], received=[]) == ""
