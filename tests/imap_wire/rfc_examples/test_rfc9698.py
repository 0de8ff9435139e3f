"""JMAPACCESS: examples 1 and 2 of RFC 9698, section 5.

Example 2 writes the command as ``JMAPACCESS``, which erratum 8635 corrects. Examples 3 and 4 are servers that do not
announce it, and are not asked.
"""

from __future__ import annotations

import pytest

from mailrules.errors import MissingCapability
from mailrules.imap.session_commands import Login
from mailrules.imap.url_commands import GetJmapAccess
from mailrules.secret import Secret
from tests.imap_connection.exchange import authenticated, greeted, sent
from tests.imap_wire.rfc_examples.example import Example, play

EXAMPLE_1 = Example(
    section="5",
    text="""
   C: 1b GETJMAPACCESS
   S: * JMAPACCESS "https://example.com/.well-known/jmap"
   S: 1b OK done
    """,
)
EXAMPLE_2_LOGIN = Example(
    section="5",
    text="""
   S: * OK [CAPABILITY IMAP4rev2 JMAPACCESS] done
   S: 2 OK done
    """,
)
EXAMPLE_2 = Example(
    section="5",
    text="""
      C: 2b JMAPACCESS
      S: * JMAPACCESS "https://example.com/.well-known/jmap"
      S: 2b OK done
    """,
    elided={"2b JMAPACCESS": "2b GETJMAPACCESS"},
)


def test_where_jmap_is():
    assert play(EXAMPLE_1, GetJmapAccess(), on=authenticated("JMAPACCESS")) == ["https://example.com/.well-known/jmap"]


def test_it_is_announced_when_the_login_succeeds():
    connection = greeted()
    tag = connection.submit(Login("arnt", Secret("trondheim")))
    sent(connection)

    connection.receive_data(EXAMPLE_2_LOGIN.server().replace(b"\r\n2 OK", f"\r\n{tag} OK".encode()))

    assert play(EXAMPLE_2, GetJmapAccess(), on=connection) == ["https://example.com/.well-known/jmap"]


def test_a_server_that_does_not_announce_it_is_not_asked():
    with pytest.raises(MissingCapability, match=r"JMAPACCESS \(RFC 9698\)"):
        authenticated("IMAP4rev2").submit(GetJmapAccess())
