"""How do the turns of AUTHENTICATE go between base64 and the function that answers them?"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from mailrules.imap.session_commands import CANCEL_AUTHENTICATION

if TYPE_CHECKING:
    from collections.abc import Callable


class _Authenticator:
    """Turns a challenge into the line that answers it; programs use it under this name."""

    def __init__(self, mechinst: Callable[[bytes], bytes | bytearray | memoryview | str | None]) -> None:
        self.mech = mechinst

    def process(self, data: bytes) -> bytes:
        """The line for this challenge; ``*``, which gives up, where the function gives None."""
        answer = self.mech(self.decode(data))
        return CANCEL_AUTHENTICATION if answer is None else self.encode(answer)

    def encode(self, inp: bytes | bytearray | memoryview | str) -> bytes:
        """Base64 in one line; text is UTF-8 first."""
        return b64encode(inp.encode() if isinstance(inp, str) else inp)

    def decode(self, inp: bytes | str) -> bytes:
        """The bytes of a challenge. Raises ValueError for what is no base64."""
        try:
            return b64decode(inp)
        except binascii.Error as error:
            raise ValueError(f"the challenge is not base64: {inp[:80]!r}") from error
