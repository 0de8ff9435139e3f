"""What a person sees when something is wrong from the start: what, where, the cure, and the documented exit status.

Each case ends with mailboxes as they were, and a normal run then does the whole job.
"""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.job import Job
from tests.rules.test_ten_mistakes import EXPECTED, TEN_MISTAKES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.dovecot import Dovecot
    from tests.servers.mailbox_state import Contents

_MESSAGES = 40
_SHORT = "{connect: 1s, tls: 1s, greeting: 1s, login: 1s}"


@pytest.fixture
def job(dovecot_server: Dovecot, tmp_path: Path) -> Job:
    return Job.create(dovecot_server, tmp_path, messages=_MESSAGES)


@pytest.fixture(scope="module")
def end(dovecot_server: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What each test's mailboxes hold after the job."""
    return Job.create(dovecot_server, tmp_path_factory.mktemp("end"), messages=_MESSAGES).expected()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where somebody takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _fails_and_leaves_all_as_it_is(job: Job, end: Contents, *, status: int, says: str) -> None:
    """A run ends like this, in one line, with nothing done; put right, it then does the whole job."""
    before = job.mailboxes()

    ended = job.run("run", "--once", "--yes", status=status)

    assert re.search(says, ended.err), ended.all
    assert (ended.out, len(ended.err.splitlines())) == ("", 1), ended.all
    assert job.mailboxes() == before
    job.configure()
    job.run("run", "--once", "--yes")
    assert job.contents() == end


def test_a_closed_port_is_named_with_the_usual_ones(job: Job, end: Contents) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can listen there either
        port = taken.getsockname()[1]
        job.configure(port=port)

        _fails_and_leaves_all_as_it_is(job, end, status=5, says=f"127.0.0.1:{port}: nothing listens there; check port")


def test_a_host_name_that_does_not_resolve_is_named(job: Job, end: Contents) -> None:
    job.configure(host="imap.invalid", security="tls")

    _fails_and_leaves_all_as_it_is(
        job, end, status=5, says=r"imap\.invalid:\d+: the name cannot be resolved .*; check host"
    )


def test_a_server_that_says_nothing_is_given_up_in_time(job: Job, end: Contents, silent_port: int) -> None:
    job.configure(port=silent_port, timeouts=_SHORT)

    _fails_and_leaves_all_as_it_is(
        job, end, status=5, says="greeting: the server said nothing in 1 seconds; is this a TLS"
    )


def test_a_server_that_says_nothing_is_given_up_during_tls_too(job: Job, end: Contents, silent_port: int) -> None:
    job.configure(port=silent_port, security="tls", timeouts=_SHORT)

    _fails_and_leaves_all_as_it_is(job, end, status=5, says="TLS: no handshake in 1 seconds; is this a TLS port")


def test_a_wrong_password_ends_with_4_and_is_not_repeated(job: Job, end: Contents, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("tr0ub4dor")
    job.configure(secret=f"{{file: {secret}}}")

    assert "tr0ub4dor" not in job.run("dry-run", "-vv", status=4).all
    _fails_and_leaves_all_as_it_is(job, end, status=4, says=rf"login of {job.account.user}: .*check user and secret")


def test_a_secret_that_is_not_there_ends_with_4(job: Job, end: Contents, tmp_path: Path) -> None:
    job.configure(secret=f"{{file: {tmp_path / 'nowhere'}}}")

    _fails_and_leaves_all_as_it_is(job, end, status=4, says="nowhere")


def test_a_certificate_of_an_unknown_authority_is_refused(job: Job, end: Contents) -> None:
    job.configure(host="localhost", port=job.account.tls_port, security="tls")

    _fails_and_leaves_all_as_it_is(
        job, end, status=5, says="the certificate is not verified for localhost: .*set ca_file"
    )


def test_a_certificate_for_another_name_is_refused(job: Job, end: Contents) -> None:
    # "127.1" is a spelling of 127.0.0.1 that the resolver takes and the certificate does not carry.
    job.configure(host='"127.1"', port=job.account.tls_port, security="tls", ca_file=str(job.account.ca_file))

    _fails_and_leaves_all_as_it_is(
        job, end, status=5, says=r"not verified for 127\.1: .*use a name that the certificate"
    )


def test_tls_on_a_plain_port_says_which_setting_to_change(job: Job, end: Contents) -> None:
    job.configure(host="localhost", port=job.account.port, security="tls", ca_file=str(job.account.ca_file))

    _fails_and_leaves_all_as_it_is(job, end, status=5, says="looks like a plain port: set security: starttls")


def test_no_tls_on_a_tls_port_says_which_setting_to_change(job: Job, end: Contents) -> None:
    job.configure(port=job.account.tls_port, timeouts=_SHORT)

    _fails_and_leaves_all_as_it_is(job, end, status=5, says="is this a TLS port .usual 993.. Then set security: tls")


def test_ten_mistakes_are_ten_lines_with_their_places(job: Job) -> None:
    before = job.mailboxes()
    job.config.write_text(TEN_MISTAKES)

    checked, acted = job.run("check", status=3), job.run("run", "--once", "--yes", status=3)

    for place, message in EXPECTED:
        line = f"{job.config}{place.removeprefix('main.yaml')}: error: {message}"
        assert line in checked.out
        assert line in acted.err
    assert len(re.findall(": error: ", acted.err)) == len(EXPECTED)
    assert "hunter2" not in checked.all + acted.all
    assert job.mailboxes() == before


def test_a_missing_configuration_is_named_with_the_way_out(job: Job) -> None:
    job.config.unlink()

    ended = job.run("run", "--once", "--yes", status=3)

    assert f"{job.config}: error: there is no such file (given with --config)" in ended.err
    assert "mailrules demo" in ended.err


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(slice(0, 100), "not a database", id="its head"),
        pytest.param(slice(4096, None), "malformed", id="all but its head"),
    ],
)
def test_a_broken_journal_stops_the_run_before_anything_is_sent(
    job: Job, end: Contents, damage: slice, says: str
) -> None:
    job.run("dry-run", "--save", str(job.state.parent / "plan.json"))  # which makes the journal
    before = job.mailboxes()
    journal = job.state / "journal.sqlite3"
    whole = journal.read_bytes()
    broken = bytearray(whole)
    broken[damage] = b"\xff" * len(broken[damage])
    journal.write_bytes(broken)

    ended = job.run("run", "--once", "--yes", status=1)

    assert str(journal) in ended.err
    assert says in ended.err
    assert "restore it from a backup, or move it away" in ended.err
    assert job.mailboxes() == before
    journal.write_bytes(whole)
    job.run("run", "--once", "--yes")
    assert job.contents() == end


def test_a_journal_that_is_read_only_stops_the_run_before_anything_is_sent(job: Job, end: Contents) -> None:
    job.run("dry-run", "--save", str(job.state.parent / "plan.json"))  # which makes the journal
    before = job.mailboxes()
    journal = job.state / "journal.sqlite3"
    journal.chmod(0o400)

    ended = job.run("run", "--once", "--yes", status=1, under=_obeying_file_modes())

    assert f"cannot use the journal {journal}: " in ended.err
    assert "writable for this user" in ended.err
    assert job.mailboxes() == before
    journal.chmod(0o600)
    job.run("run", "--once", "--yes")
    assert job.contents() == end


def _obeying_file_modes() -> tuple[str, ...]:
    """The command under which the program cannot write what its mode forbids, even if root runs the tests."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
