"""Scripts and messages that a seed makes: the constructs that the import calls exact, in any combination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.builders import message
from tests.exchange.sieve_oracle import MAILBOXES

if TYPE_CHECKING:
    from random import Random

_WORDS = ("alpha", "Beta", "gamma", "x*y", "[tag]", "a b")
_HEADERS = ("Subject", "X-Kind", "List-Id", "From", "To")
_ADDRESSES = ("ann@example.org", "bob+news@lists.example.net", "me@example.net", "Carol@Example.ORG")
_REQUIRE = 'require ["fileinto", "copy", "imap4flags", "mailbox", "subaddress", "relational", "variables"];\n'


def script(random: Random) -> str:
    """A script of up to six commands, nested up to two deep."""
    return _REQUIRE + "".join(_command(random, depth=2) for _ in range(random.randint(1, 6)))


def messages(random: Random, count: int) -> list[bytes]:
    """Messages that such scripts tell apart."""
    return [_message(random) for _ in range(count)]


def odd_messages(random: Random, count: int) -> list[bytes]:
    """Messages as strangers write them: folded, encoded, repeated, empty and 8-bit fields, groups and comments."""
    return [_odd_message(random) for _ in range(count)]


_ODD_TEXTS = (
    b"alpha beta", b"=?utf-8?q?alpha?= =?utf-8?q?_beta?=", b"alpha\r\n beta", b"alpha\r\n\tbeta", b"",
    b'x*y [tag] q"\\',
    b"  a b  ", b"=?utf-8?b?YWxwaGE=?=", b"=?iso-8859-1?q?pha=E9?= gamma", b"\xc3\xa9 alpha", b"\xe9 alpha",
    b"=?bogus?q?alpha?=", b"alpha =?utf-8?q?beta", b"ALPHA",
)  # fmt: skip
_ODD_ADDRESSES = (
    b"ann@example.org", b'"A, B" <ann@example.org>', b"ann@example.org (Ann)", b"<ann@EXAMPLE.org>", b"",
    b"Group: ann@example.org, bob+news@lists.example.net;", b"ann@example.org, carol@example.org", b'"ann"@example.org',
    b"=?utf-8?q?A?= <ann@example.org>", b"undisclosed-recipients:;", b"\xe9 <ann@example.org>",
    b"Ann <@relay.example:ann@example.org>",
)  # fmt: skip


def _odd_message(random: Random) -> bytes:
    lines = []
    for name, values, chance in (
        (b"From", _ODD_ADDRESSES, 1.0), (b"To", _ODD_ADDRESSES, 0.9), (b"Cc", _ODD_ADDRESSES, 0.4),
        (b"Subject", _ODD_TEXTS, 0.9), (b"X-Kind", _ODD_TEXTS, 0.5), (b"List-Id", _ODD_TEXTS, 0.3),
    ):  # fmt: skip
        times = 2 if random.random() < 0.1 else 1
        lines += [name + b": " + random.choice(values) for _ in range(times) if random.random() < chance]
    return b"\r\n".join([*lines, b"", b"x" * random.choice((10, 3000)), b""])


def _message(random: Random) -> bytes:
    headers = [("X-Kind", random.choice((*_WORDS, "")))] if random.random() < 0.6 else []
    return message(
        from_=f"Someone <{random.choice(_ADDRESSES)}>",
        to=", ".join(random.sample(_ADDRESSES, random.randint(1, 2))),
        cc=random.choice((None, random.choice(_ADDRESSES))),
        subject=" ".join(random.sample(_WORDS, random.randint(1, 3))),
        list_id=random.choice((None, "Alpha talk <alpha.lists.example.net>")),
        headers=headers,
        body="x" * random.choice((10, 3000)),
    )


def _command(random: Random, *, depth: int) -> str:
    if depth and random.random() < 0.7:
        chain = f"if {_test(random, depth=2)} {_block(random, depth=depth - 1)}"
        while random.random() < 0.3:
            chain += f"elsif {_test(random, depth=1)} {_block(random, depth=depth - 1)}"
        return chain + (f"else {_block(random, depth=depth - 1)}" if random.random() < 0.3 else "")
    return _action(random)


def _block(random: Random, *, depth: int) -> str:
    commands = "".join(_command(random, depth=depth * (random.random() < 0.3)) for _ in range(random.randint(0, 3)))
    return "{ " + commands + ("stop; " if random.random() < 0.4 else "") + "}\n"


def _action(random: Random) -> str:
    mailbox = random.choice(MAILBOXES)
    return random.choice(
        (
            f'fileinto "{mailbox}"; ',
            f'fileinto :create "{mailbox}"; ',
            'fileinto :copy "Copies"; ',  # Pigeonhole keeps in INBOX what is copied and filed into one mailbox
            "keep; ",
            'addflag "\\\\Seen"; ',
            'addflag ["$Work", "\\\\Flagged"]; ',
            'setflag "$Only"; ',
            'removeflag "\\\\Seen"; ',
        )
    )


def _test(random: Random, *, depth: int) -> str:
    if depth and random.random() < 0.4:
        tests = ", ".join(_test(random, depth=depth - 1) for _ in range(random.randint(1, 3)))
        return f"{random.choice(('allof', 'anyof'))} ({tests})"
    if random.random() < 0.15:
        return f"not {_test(random, depth=depth)}"
    match random.randint(0, 3):
        case 0:
            return f"size {random.choice((':over', ':under'))} {random.choice(('1K', '2000', '1M'))}"
        case 1:
            return f"exists {_list(random, (*_HEADERS, 'X-None'))}"
        case 2:
            part = random.choice(("", ":all ", ":localpart ", ":domain ", ":user ", ":detail "))
            match = ":is" if part == ":user " else _match(random)
            keys = {
                "": _ADDRESSES,
                ":all ": _ADDRESSES,
                ":domain ": ("example.org", "lists.example.net", "Example.NET"),
            }
            values = keys.get(part, ("ann", "bob", "news", "bob+news"))
            fields = random.choice(('"from"', '["to", "cc"]', '["to", "cc", "bcc"]', '"sender"'))
            return f"address {part}{match} {fields} {_list(random, values)}"
        case _:
            return f"header {_match(random)} {_list(random, _HEADERS)} {_keys(random)}"


def _match(random: Random) -> str:
    return random.choice((":is", ":contains", ":matches", ':contains :comparator "i;octet"', ""))


def _keys(random: Random) -> str:
    words = (*_WORDS, "alpha Beta", "*pha*", "?eta", "al*", "*a", "*", "x\\\\*y", "[t*", "talk", "<ann@example.org>")
    return _list(random, words)


def _list(random: Random, values: tuple[str, ...]) -> str:
    chosen = random.sample(values, random.randint(1, 2))
    return "[" + ", ".join(f'"{one}"' for one in chosen) + "]"
