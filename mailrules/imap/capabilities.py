"""What does the server offer, and is what it told still true?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError, MissingCapability
from mailrules.imap.response_codes import CapabilityCode
from mailrules.imap.responses import CapabilityData, EnabledData, StatusResponse, Tagged

if TYPE_CHECKING:
    from mailrules.imap.command import Command
    from mailrules.imap.parser import Response


class Capabilities:
    """Follows CAPABILITY and ENABLED wherever they come: untagged, or in the code of a status response."""

    def __init__(self) -> None:
        self.offered: frozenset[str] = frozenset()
        """Upper case, as last told."""
        self.are_current = False
        self.enabled: frozenset[str] = frozenset()
        self._untrue: frozenset[str] = frozenset()

    @property
    def is_rev2(self) -> bool:
        """Whether the server speaks IMAP4rev2 now: enabled, or without IMAP4rev1 beside it (RFC 9051 section 6.3.1)."""
        only = "IMAP4REV2" in self.offered and "IMAP4REV1" not in self.offered
        return only or "IMAP4REV2" in self.enabled

    @property
    def utf8(self) -> bool:
        """Whether names and strings travel as UTF-8 (RFC 9755 section 3, RFC 9051 section 5.1)."""
        return "UTF8=ACCEPT" in self.enabled or self.is_rev2

    def note(self, response: Response) -> None:
        """Take what the response tells of capabilities, most of them nothing."""
        if isinstance(response, CapabilityData):
            self._take(response.capabilities)
        elif isinstance(response, Tagged | StatusResponse) and isinstance(response.code, CapabilityCode):
            self._take(response.code.capabilities)
        elif isinstance(response, EnabledData):
            self.enabled |= response.capabilities

    def disbelieve(self, untrue: frozenset[str]) -> None:
        """Leave these out whenever they are announced: the server is known not to have them, see ``quirks``."""
        self._untrue = untrue

    def expect_new(self) -> None:
        """A login goes out: "a server MAY send capabilities automatically", before or in its OK, but need not."""
        self.are_current = False

    def keep(self) -> None:
        """The login was refused: all is as it was."""
        self.are_current = bool(self.offered)

    def forget(self) -> None:
        """TLS begins: what was told before counts for nothing (RFC 9051 section 6.2.1)."""
        self.offered, self.are_current = frozenset(), False

    def start_over(self) -> None:
        """Nobody is logged in any more: what was enabled is not, and other things may be on offer (RFC 8437)."""
        self.enabled, self.are_current = frozenset(), False

    def require_for(self, command: Command[object]) -> None:
        """Raise MissingCapability for an extension that the server is known to lack, LocalProtocolError for one
        that nobody has enabled.
        """
        for extension in command.extensions():
            if self.are_current and not extension.is_offered(self.offered):
                raise MissingCapability(command.name, capability=extension.capability, rfc=extension.rfc)
            if extension.must_be_enabled and extension.capability not in self.enabled:
                raise LocalProtocolError(
                    f"{command.name}: run Enable(({extension.capability!r},)) first, and see that the server "
                    f"answers ENABLED ({extension.rfc})"
                )

    def _take(self, capabilities: frozenset[str]) -> None:
        self.offered, self.are_current = capabilities - self._untrue, True
