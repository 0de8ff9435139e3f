"""What do we know of the open mailbox, as the server's responses tell it?"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.imap.fetch_data import FetchData
from mailrules.imap.response_codes import NumberCode, PermanentFlagsCode, ResponseCode, TextCode
from mailrules.imap.responses import (
    ExistsData,
    ExpungeData,
    FlagsData,
    StatusResponse,
    UnreadableFetch,
    VanishedData,
)
from mailrules.imap.sequence_set import SequenceSet
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.imap.parser import Untagged
    from mailrules.imap.resync import Changes

_MAPPED_MESSAGES = 1_000_000
"""Sequence numbers above this are not mapped to UIDs, so that no server can make us hold more than 8 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMailbox:
    """What SELECT or EXAMINE told; None where the server did not say."""

    mailbox: str
    exists: int
    uidvalidity: int | None = None
    uidnext: int | None = None
    highest_modseq: int | None = None
    """None too where the mailbox keeps none (NOMODSEQ, RFC 7162 section 3.1.2.2)."""
    flags: frozenset[str] = frozenset()
    permanent_flags: frozenset[str] | None = None
    """Flags that STORE keeps; holds ``\\*`` where new keywords may be made."""
    read_only: bool = False
    mailbox_id: str = ""
    """Stays when the mailbox is renamed (RFC 8474 section 4)."""
    uids_are_sticky: bool = True
    """False where UIDs do not outlive the session (UIDNOTSTICKY, RFC 4315)."""
    changes: Changes | None = None
    """What happened since the ``Resync`` that SELECT was given; None without one.

    None too where its UIDVALIDITY was another: then all has to be read anew (RFC 7162 section 3.2.5).
    """


class SelectedMailbox:
    """Follows the open mailbox from SELECT on; ``apply`` takes every untagged response.

    Sequence numbers are kept only to name the UIDs of messages that EXPUNGE takes away.
    """

    def __init__(self, mailbox: str, *, read_only: bool = False) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self._forget()

    def _forget(self) -> None:
        self.exists = 0
        self.uidvalidity: int | None = None
        self.uidnext: int | None = None
        self.highest_modseq: int | None = None
        self.flags: frozenset[str] = frozenset()
        self.permanent_flags: frozenset[str] | None = None
        self.mailbox_id = ""
        self.uids_are_sticky = True
        self._fetched_modseq = 0  # the highest of any FETCH since the last tagged reply
        self._is_modseq_told = False  # by the server itself, since then
        self._uids = array("Q")  # by sequence number; 0 where not known

    def apply(self, response: Untagged) -> bool:
        """Take note of one untagged response; True if it tells that something in the mailbox has changed."""
        match response:
            case FetchData():
                self._note_uid(response)
                if response.modseq is not None and response.modseq > self._fetched_modseq:
                    self._fetched_modseq = response.modseq
                return True
            case UnreadableFetch():
                return True
            case ExistsData():
                changed, self.exists = self.exists != response.count, response.count
                return changed
            case ExpungeData():
                self._expunge(response.sequence_number)
                return True
            case VanishedData() if not response.earlier:
                self._vanish(response)
                return True
            case FlagsData():
                self.flags = response.flags
            case StatusResponse():
                self.apply_code(response.code)
            case _:
                pass
        return False

    def apply_code(self, code: ResponseCode | None) -> None:
        """Take note of a response code, tagged or not."""
        match code:
            case NumberCode(name="UIDVALIDITY"):
                self.uidvalidity = code.value
            case NumberCode(name="UIDNEXT"):
                self.uidnext = code.value
            case NumberCode(name="HIGHESTMODSEQ"):
                self.highest_modseq, self._is_modseq_told = code.value, True
            case ResponseCode(name="NOMODSEQ"):
                self.highest_modseq = None
            case TextCode(name="MAILBOXID"):
                self.mailbox_id = code.text
            case ResponseCode(name="UIDNOTSTICKY"):
                self.uids_are_sticky = False
            case PermanentFlagsCode():
                self.permanent_flags = code.flags
            case ResponseCode(name="READ-ONLY"):
                self.read_only = True
            case ResponseCode(name="READ-WRITE"):
                self.read_only = False
            case ResponseCode(name="CLOSED"):
                # What came before was about the mailbox that was open until now (RFC 7162 section 3.2.11).
                self._forget()
            case _:
                pass

    def end_command(self, code: ResponseCode | None) -> None:
        """Take note of a tagged OK: ``highest_modseq`` is then what to resync from (RFC 7162 section 6).

        "It is not safe to update ... with a MODSEQ FETCH data item value as soon as it is received." What the
        server tells as HIGHESTMODSEQ holds "even if it has seen higher mod-sequences": it may be delaying others.
        """
        self.apply_code(code)
        if not self._is_modseq_told and self.highest_modseq is not None:
            self.highest_modseq = max(self.highest_modseq, self._fetched_modseq)
        self._fetched_modseq, self._is_modseq_told = 0, False

    def named(self, response: Untagged) -> Untagged:
        """The response with the UID that it lacks, where a FETCH has told it before; else the response itself.

        An EXPUNGE becomes a VANISHED. To be asked before ``apply``, which forgets the message.
        """
        match response:
            case ExpungeData(sequence_number=number) if uid := self._uid_of(number):
                return VanishedData(uids=SequenceSet(((uid, uid),)))
            case UnreadableFetch(uid=None, sequence_number=number) if uid := self._uid_of(number):
                return replace(response, uid=uid)
            case FetchData(uid=None, sequence_number=number) if "UID" in response.malformed:
                return replace(response, uid=self._uid_of(number) or None)
            case _:
                return response

    def _uid_of(self, number: int) -> int:
        """0 where it is not known."""
        return self._uids[number - 1] if 0 < number <= len(self._uids) else 0

    def opened(self) -> OpenedMailbox:
        """What is known so far, as a value."""
        return OpenedMailbox(
            mailbox=self.mailbox,
            exists=self.exists,
            uidvalidity=self.uidvalidity,
            uidnext=self.uidnext,
            highest_modseq=self.highest_modseq,
            flags=self.flags,
            permanent_flags=self.permanent_flags,
            read_only=self.read_only,
            mailbox_id=self.mailbox_id,
            uids_are_sticky=self.uids_are_sticky,
        )

    def _note_uid(self, fetched: FetchData) -> None:
        number, uid = fetched.sequence_number, fetched.uid
        if uid is None or not 0 < number <= self.exists or number > _MAPPED_MESSAGES:
            return
        if number > len(self._uids):
            self._uids.extend([0] * (number - len(self._uids)))
        self._uids[number - 1] = uid

    def _expunge(self, number: int) -> None:
        self.exists = max(0, self.exists - 1)
        if 0 < number <= len(self._uids):
            del self._uids[number - 1]

    def _vanish(self, response: VanishedData) -> None:
        """VANISHED gives UIDs, of which we may not know the numbers: the mapping starts anew."""
        self._uids = array("Q")
        # "VANISHED ... MUST be treated as decrementing EXISTS for each UID" (RFC 7162 section 3.2.10)
        self.exists = max(0, self.exists - response.uids.count) if not response.uids.has_star else self.exists
