"""May anything be changed at all? A file in the state directory, or a variable, forbids it at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailrules.errors import ReadOnlyMode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "READ_ONLY"
VARIABLE = "MAILRULES_READ_ONLY"


class KillSwitch:
    """Looked at before each batch, so that it stops a run and a daemon that are under way.

    Previews go on working. A state directory that cannot be looked at counts as switched on.
    """

    def __init__(self, state_dir: Path, *, environment: Mapping[str, str] = os.environ) -> None:
        self._file = state_dir / FILE_NAME
        self._environment = environment

    def reason(self) -> str:
        """Why nothing may be changed, with the way out; "" where it may."""
        if self._environment.get(VARIABLE, "") not in {"", "0"}:
            return f"the variable {VARIABLE} is set; unset it to allow changes"
        try:
            self._file.lstat()
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"{self._file} cannot be looked for ({error.strerror}); make its directory readable"
        return f"{self._file} exists; remove it to allow changes"

    def check(self) -> None:
        """Raises ReadOnlyMode if nothing may be changed."""
        reason = self.reason()
        if reason:
            raise ReadOnlyMode(f"nothing is changed: {reason}")
