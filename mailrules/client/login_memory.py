"""Which way did a login go before, so that nobody in between can talk us into a weaker one?"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from mailrules.errors import AuthenticationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.imap.login_methods import LoginMethod


class LoginMemory:
    """Remembers, for as long as the process keeps it, how logins to each place went.

    Once a login went by a method that does not show the password, or by a token, a later one to the same place for
    the same user that would be weaker is refused, whatever the server offers. ``mechanism`` in the settings says the
    same for good: what it names is used or nothing is.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], LoginMethod] = {}

    @property
    def seen(self) -> Mapping[tuple[str, str], LoginMethod]:
        """The strongest way that a login went, by place (``host:port``) and user."""
        return MappingProxyType(self._seen)

    def require_as_strong(self, method: LoginMethod, *, place: str, user: str) -> None:
        """Raise AuthenticationFailed if this login would show more than the one before it."""
        seen = self._seen.get((place, user))
        if seen is not None and _strength(method) < _strength(seen):
            raise AuthenticationFailed(
                f"{place}: login of {user}: the server offered {seen.value} before and now no more than "
                f"{method.value}; somebody on the way may have taken it out. "
                f"If it is really gone, set mechanism: {method.value}"
            )

    def remember(self, method: LoginMethod, *, place: str, user: str) -> None:
        """A login by this method has succeeded."""
        seen = self._seen.get((place, user))
        if seen is None or _strength(method) > _strength(seen):
            self._seen[place, user] = method


def _strength(method: LoginMethod) -> int:
    """What a login gives away: 0 the password, 1 a token that ends, 2 nothing, with the server proved."""
    if method.proves_server:
        return 2
    return 1 if method.value in {"oauthbearer", "xoauth2", "external", "cram-md5"} else 0
