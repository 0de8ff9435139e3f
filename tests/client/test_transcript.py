"""The transcript keeps lines in order, hides credentials, and stays within its bounds."""

from __future__ import annotations

from mailrules.client.transcript import Transcript


def test_lines_of_both_sides_come_in_order_however_they_are_cut() -> None:
    transcript = Transcript()

    transcript.received(b"* OK rea")
    transcript.received(b"dy\r\n* CAP")
    transcript.sent(b"A1 NOOP\r\n", secret=False)
    transcript.received(b"ABILITY IMAP4rev1\r\nA1 OK\r\n")

    assert str(transcript).splitlines() == [
        "S: * OK ready",
        "C: A1 NOOP",
        "S: * CAPABILITY IMAP4rev1",
        "S: A1 OK",
    ]


def test_what_the_client_marks_as_secret_is_not_kept() -> None:
    transcript = Transcript()

    transcript.sent(b"A1 LOGIN ", secret=False)
    transcript.sent(b'alice "open sesame"', secret=True)
    transcript.sent(b"\r\n", secret=False)
    transcript.sent(b"AGFsaWNlAG9wZW4gc2VzYW1l\r\n", secret=True)
    transcript.sent(b"A2 NOOP\r\n", secret=False)

    assert str(transcript).splitlines() == ["C: A1 LOGIN ***", "C: ***", "C: A2 NOOP"]


def test_a_server_that_repeats_the_password_does_not_reveal_it() -> None:
    transcript = Transcript()
    transcript.hide(["open sesame"])

    transcript.received(b"A1 BAD cannot parse: LOGIN alice op")
    transcript.received(b"en sesame\r\n")

    assert str(transcript) == "S: A1 BAD cannot parse: LOGIN alice ***"


def test_control_and_eight_bit_bytes_are_shown_escaped() -> None:
    transcript = Transcript()

    transcript.received(b"* OK \x1b[2J \xff\r\n")

    assert str(transcript) == "S: * OK \\x1b[2J \\xff"


def test_the_oldest_lines_go_when_it_is_full() -> None:
    transcript = Transcript(max_bytes=30)

    for number in range(10):
        transcript.received(b"* line %d..\r\n" % number)

    assert [line.text for line in transcript.lines] == [b"* line 7..", b"* line 8..", b"* line 9.."]
    assert str(transcript).startswith("(7 earlier lines dropped)\n")


def test_a_line_without_end_takes_bounded_memory_and_is_cut() -> None:
    transcript = Transcript(max_line_bytes=10)

    for _ in range(1000):
        transcript.received(b"x" * 1000)
    transcript.received(b"\r\nnext\r\n")

    assert [line.text for line in transcript.lines] == [b"xxxxxxxxxx...", b"next"]
