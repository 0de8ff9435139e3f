"""What does the in-memory server answer to commands about rights (ACL, RFC 4314)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.mail_state import ALL_RIGHTS, changed_rights
from mailrules.testing.server_arguments import BadCommand
from mailrules.testing.server_calls import LOGGED_IN, Done, Entry
from mailrules.testing.server_names import astring, shown_name

if TYPE_CHECKING:
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session


async def _get_acl(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    call.arguments.end()
    entries = [astring(identifier.encode()) + b" " + rights.encode() for identifier, rights in mailbox.rights.items()]
    session.untagged(b" ".join([b"ACL", shown_name(mailbox.name), *entries]))
    return Done(text="Getacl completed.")


async def _set_acl(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    identifier, change = (call.arguments.astring().decode("utf-8", "replace") for _ in range(2))
    call.arguments.end()
    letters = change.removeprefix("+").removeprefix("-")
    if unknown := [letter for letter in letters if letter not in ALL_RIGHTS]:
        raise BadCommand(f"Invalid ACL right: {unknown[0]}")
    after = changed_rights(mailbox.rights.get(identifier, ""), change)
    # The owner keeps the right to give rights, as in Dovecot.
    mailbox.rights[identifier] = changed_rights(after, "+a") if identifier == session.mail.user else after
    return Done(text="Setacl complete.")


async def _delete_acl(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    mailbox.rights.pop(call.arguments.astring().decode("utf-8", "replace"), None)
    call.arguments.end()
    return Done(text="Deleteacl complete.")


async def _my_rights(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT")
    call.arguments.end()
    rights = mailbox.rights.get(session.mail.user, "")
    session.untagged(b"MYRIGHTS " + shown_name(mailbox.name) + b" " + (rights.encode() or b'""'))
    return Done(text="Myrights completed.")


async def _list_rights(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="a")
    identifier = call.arguments.astring()
    call.arguments.end()
    # Every right can be given alone, and nobody has one for good, as in Dovecot.
    letters = b" ".join(letter.encode() for letter in ALL_RIGHTS)
    session.untagged(b" ".join([b"LISTRIGHTS", shown_name(mailbox.name), astring(identifier), b'""', letters]))
    return Done(text="Listrights completed.")


RIGHTS_COMMANDS = {
    "GETACL": Entry(handler=_get_acl, states=LOGGED_IN, capability="ACL"),
    "SETACL": Entry(handler=_set_acl, states=LOGGED_IN, capability="ACL"),
    "DELETEACL": Entry(handler=_delete_acl, states=LOGGED_IN, capability="ACL"),
    "MYRIGHTS": Entry(handler=_my_rights, states=LOGGED_IN, capability="ACL"),
    "LISTRIGHTS": Entry(handler=_list_rights, states=LOGGED_IN, capability="ACL"),
}
