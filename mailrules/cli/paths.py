"""Which configuration file and state directory are used, and why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_CONFIG = Path("/etc/mailrules/mailrules.yaml")
JOURNAL_NAME = "journal.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPath:
    """A path and the words for why it was chosen."""

    path: Path
    reason: str


def choose_config(option: str | None, environment: Mapping[str, str] = os.environ) -> ChosenPath:
    """``-c`` > ``MAILRULES_CONFIG`` > the user's file > the system's; the user's where neither exists."""
    if option:
        return ChosenPath(path=Path(option), reason="given with --config")
    if named := environment.get("MAILRULES_CONFIG"):
        return ChosenPath(path=Path(named), reason="named by MAILRULES_CONFIG")
    own = _home(environment) / ".config" / "mailrules" / "mailrules.yaml"
    if own.exists():
        return ChosenPath(path=own, reason="your own configuration")
    if SYSTEM_CONFIG.exists():
        return ChosenPath(path=SYSTEM_CONFIG, reason="the system's configuration")
    return ChosenPath(path=own, reason="the default place; there is no file yet")


def choose_state_dir(option: str | None, environment: Mapping[str, str] = os.environ) -> ChosenPath:
    """``--state-dir`` > ``STATE_DIRECTORY`` (systemd's; the first of several) > the user's own."""
    if option:
        return ChosenPath(path=Path(option), reason="given with --state-dir")
    if named := environment.get("STATE_DIRECTORY"):
        return ChosenPath(path=Path(named.split(":")[0]), reason="named by STATE_DIRECTORY")
    return ChosenPath(path=_home(environment) / ".local" / "state" / "mailrules", reason="the default place")


def _home(environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME")
    return Path(home) if home else Path.home()
