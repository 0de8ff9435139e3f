"""What does a program get that says ``from mailrules.client import imaplib`` where it said ``import imaplib``?

The documented surface of the standard library's module, of all releases from 3.6 on, over the IMAP core of
mailrules. Arguments are quoted where they need it, CR, LF and NUL are refused, capabilities are asked for anew
after a login and STARTTLS, literals take memory only as they arrive, and no password appears in debug output.
"""

from __future__ import annotations

import contextlib
import errno
import random
import re
import socket
import ssl
import subprocess
import sys
import warnings
from io import DEFAULT_BUFFER_SIZE
from socket import socket as Socket  # the class has a method of its own of this name
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from mailrules.client.imaplib_commands import CommandMethods
from mailrules.client.imaplib_file import SocketFile
from mailrules.client.imaplib_idle import Idler
from mailrules.client.imaplib_sasl import _Authenticator
from mailrules.client.imaplib_values import (
    CRLF,
    IMAP4_PORT,
    IMAP4_SSL_PORT,
    AllowedVersions,
    Commands,
    Continuation,
    Flags,
    Int2AP,
    InternalDate,
    Internaldate2tuple,
    Literal,
    MapCRLF,
    Mon2num,
    Months,
    ParseFlags,
    Response_code,
    Time2Internaldate,
    Untagged_response,
    Untagged_status,
)
from mailrules.errors import IMAPError

if TYPE_CHECKING:
    from os import PathLike

    from mailrules.client.imaplib_exchange import CommandResult

__all__ = [
    "IMAP4",
    "IMAP4_SSL",
    "IMAP4_stream",
    "Int2AP",
    "Internaldate2tuple",
    "ParseFlags",
    "Time2Internaldate",
]

# Programs read these from here, listed in no __all__, as they do from the standard library.
_LEANED_ON = (
    *(CRLF, AllowedVersions, Commands, Continuation, Flags, InternalDate, Literal, MapCRLF, Mon2num, Months),
    *(Response_code, Untagged_response, Untagged_status, Idler, _Authenticator),
)

T = TypeVar("T")

HAVE_SSL = True
Debug = 0
"""What ``debug`` of a new connection is: from 4 on every line is written to standard error."""
_MAXLINE = 1_000_000
"""The longest line that is read. Read anew for each line, since programs set it."""
_STREAM_END_SECONDS = 5.0


class LineReader(Protocol):
    """What ``file`` has to be, for subclasses that set it."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...

    def close(self) -> object: ...


class IMAP4(CommandMethods):
    """A connection to an IMAP server, without TLS until ``starttls``.

    Every command is a method, in lower and in upper case. ``with`` logs out at its end. ``timeout`` is in seconds and
    holds for connecting and for each read and write; None waits without limit. After ``abort`` make a new one.
    """

    class error(IMAPError):
        """The server refuses, or what was asked for cannot be sent."""

    class abort(error):
        """The connection is of no more use."""

    class readonly(abort):
        """The mailbox cannot be written any more, or was opened for writing and cannot be."""

    mustquote = re.compile(r"[^\w!#$%&'*+,.:;<=>?^`|~-]", re.ASCII)
    welcome: bytes
    PROTOCOL_VERSION: str
    tagre: re.Pattern[bytes]
    host: str | None
    port: int | None
    sock: Socket | None
    file: LineReader | None

    def __init__(self, host: str = "", port: int = IMAP4_PORT, timeout: float | None = None) -> None:
        super().__init__()
        self.debug = Debug
        self.capabilities = ()
        self._tls_established = False
        self.open(host, port, timeout)
        try:
            self._connect()
        except BaseException:
            with contextlib.suppress(OSError):  # it is given up, whatever state it is in
                self.shutdown()
            raise

    def __getattr__(self, attr: str) -> Any:  # Any: methods of different types
        """Commands in upper case are the methods in lower case."""
        if attr in Commands:
            return getattr(self, attr.lower())
        raise AttributeError(f"Unknown IMAP4 command: '{attr}'")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Log out unless that has been done; a server that is gone is no error."""
        if self.state != "LOGOUT":
            with contextlib.suppress(OSError, *([IMAP4.abort] if kind or self._lost else [])):
                self.logout()

    # -- what subclasses override ---------------------------------------------------------------

    def open(self, host: str = "", port: int = IMAP4_PORT, timeout: float | None = None) -> None:
        """Connect, so that ``read``, ``readline``, ``send`` and ``shutdown`` work. Raises OSError."""
        self.host, self.port = host, port
        self.sock = self._create_socket(timeout)
        self.file = SocketFile(self.sock)

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer at the end of the stream."""
        return self._opened(self.file).read(size)

    def readline(self) -> bytes:
        """A line with its end. Raises ``error`` for one longer than ``_MAXLINE``."""
        return self._checked_line(self._opened(self.file).readline(_MAXLINE + 1))

    def send(self, data: bytes) -> None:
        """Send all of it."""
        sys.audit("imaplib.send", self, data)
        self._opened(self.sock).sendall(data)

    def shutdown(self) -> None:
        """Close what ``open`` opened."""
        file, connected = self._opened(self.file), self._opened(self.sock)
        file.close()
        try:
            connected.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the server was first
                raise
        finally:
            connected.close()

    def socket(self) -> Socket | None:
        """The socket, for ``select`` and the like."""
        return self.sock

    # -- beginning, protecting and ending -------------------------------------------------------

    def logout(self) -> CommandResult:
        """LOGOUT, and close; the result is the server's BYE."""
        self.state = "LOGOUT"
        try:
            result = self._simple_command("LOGOUT")
        except BaseException:  # also of an interrupt: whatever ends it, the connection is closed
            with contextlib.suppress(OSError):  # closed already: what is told is why
                self.shutdown()
            raise
        self.shutdown()
        return result

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> CommandResult:
        """STARTTLS. As in the standard library, only a context of your own, as
        ``ssl.create_default_context()`` makes it, verifies the server's certificate.
        """
        if self._tls_established:
            raise self.abort("TLS session already established")
        if "STARTTLS" not in self.capabilities:
            raise self.abort("TLS not supported by server")
        typ, data = self._simple_command("STARTTLS")
        if typ != "OK":
            raise self.error("Couldn't establish TLS session")
        self._refuse_injected_bytes()
        context = ssl_context or _unverified_context()
        self.sock = context.wrap_socket(self._opened(self.sock), server_hostname=self.host)
        self.file = SocketFile(self.sock)
        self._tls_established = True
        self.untagged_responses.pop("CAPABILITY", None)  # told by whoever was there before TLS
        self._get_capabilities()
        return self._untagged_response(typ, data, "STARTTLS")

    def _create_socket(self, timeout: float | None) -> Socket:
        if timeout is not None and not timeout:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        sys.audit("imaplib.open", self, self.host, self.port)
        address = (self.host or None, self.port)
        return socket.create_connection(address) if timeout is None else socket.create_connection(address, timeout)

    def _connect(self) -> None:
        """Take the greeting, ask for the capabilities, and see that it is IMAP."""
        self.tagpre = Int2AP(random.randint(4096, 65535))  # noqa: S311 - a name, no secret
        self.tagre = re.compile(rb"(?P<tag>" + self.tagpre + rb"\d+) (?P<type>[A-Z]+) (?P<data>.*)", re.ASCII)
        if self.debug >= 1:
            self._mesg(f"new IMAP4 connection, tag={self.tagpre!r}")
        self.welcome = self._get_response() or b""
        if "PREAUTH" in self.untagged_responses:
            self.state = "AUTH"
        elif "OK" in self.untagged_responses:
            self.state = "NONAUTH"
        else:
            raise self.error(self.welcome)
        self._get_capabilities()
        for version in AllowedVersions:
            if version in self.capabilities:
                self.PROTOCOL_VERSION = version
                return
        raise self.error("server not IMAP4 compliant")

    # -- names of older releases ----------------------------------------------------------------

    def _quote(self, arg: str | bytes) -> str | bytes:
        """In double quotes, whatever it is; of the type that came."""
        if isinstance(arg, str):
            return '"' + arg.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return b'"' + arg.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

    def _checkquote(self, arg: str | bytes) -> str | bytes:
        """In double quotes where it needs them and has neither these nor parentheses."""
        text = arg if isinstance(arg, str) else arg.decode("latin-1")
        if len(text) >= 2 and text[0] + text[-1] in {"()", '""'}:
            return arg
        return arg if text and self.mustquote.search(text) is None else self._quote(arg)

    # -- looking after the stream ---------------------------------------------------------------

    def _checked_line(self, line: bytes) -> bytes:
        if len(line) > _MAXLINE:
            raise self.error(f"got more than {_MAXLINE} bytes")
        return line

    def _refuse_injected_bytes(self) -> None:
        """Raise ``abort`` for bytes behind STARTTLS's OK, which came without TLS (RFC 9051 section 6.2.1)."""
        behind = self.file.buffered_bytes if isinstance(self.file, SocketFile) else 0
        if behind + self._framer.buffered_bytes:
            self._lost = "bytes behind STARTTLS's OK came without TLS; somebody on the way may have put them there"
            raise self.abort(self._lost)

    def _opened(self, part: T | None) -> T:
        if part is None:
            raise OSError(errno.ENOTCONN, "the connection is not open")
        return part


class IMAP4_SSL(IMAP4):
    """A connection over TLS from the first byte.

    As in the standard library, only an ``ssl_context`` of your own, as ``ssl.create_default_context()`` makes
    it, verifies the server's certificate. ``keyfile`` and ``certfile``, our own key and certificate, are deprecated.
    """

    def __init__(
        self,
        host: str = "",
        port: int = IMAP4_SSL_PORT,
        keyfile: str | PathLike[str] | None = None,
        certfile: str | PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeout: float | None = None,
    ) -> None:
        if keyfile is not None or certfile is not None:
            if ssl_context is not None:
                raise ValueError("ssl_context and keyfile or certfile are mutually exclusive")
            warnings.warn("keyfile and certfile are deprecated, use ssl_context instead", DeprecationWarning, 2)
        self.keyfile, self.certfile = keyfile, certfile
        self.ssl_context = ssl_context or _unverified_context()
        if certfile is not None:
            self.ssl_context.load_cert_chain(certfile, keyfile)
        super().__init__(host, port, timeout)

    def open(self, host: str = "", port: int | None = IMAP4_SSL_PORT, timeout: float | None = None) -> None:
        """Connect and shake hands. Raises OSError."""
        super().open(host, IMAP4_SSL_PORT if port is None else port, timeout)

    def ssl(self) -> ssl.SSLSocket | None:
        """The socket."""
        return self.sock if isinstance(self.sock, ssl.SSLSocket) else None

    def _create_socket(self, timeout: float | None) -> Socket:
        return self.ssl_context.wrap_socket(super()._create_socket(timeout), server_hostname=self.host)


class IMAP4_stream(IMAP4):
    """A connection through the standard input and output of a shell command."""

    def __init__(self, command: str) -> None:
        self.command = command
        super().__init__()

    def open(self, host: str | None = None, port: int | None = None, timeout: float | None = None) -> None:
        """Start the command; host, port and timeout mean nothing here."""
        del host, port, timeout
        self.host = self.port = self.sock = self.file = None
        self.process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S602 - a shell command by contract, the program's own
            self.command,
            bufsize=DEFAULT_BUFFER_SIZE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            shell=True,
        )
        self.writefile = self._opened(self.process.stdin)
        self.readfile = self._opened(self.process.stdout)

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer at the end of the stream."""
        return self.readfile.read(size)

    def readline(self) -> bytes:
        """A line with its end. Raises ``error`` for one longer than ``_MAXLINE``."""
        return self._checked_line(self.readfile.readline(_MAXLINE + 1))

    def send(self, data: bytes) -> None:
        """Send all of it."""
        sys.audit("imaplib.send", self, data)
        self.writefile.write(data)
        self.writefile.flush()

    def shutdown(self) -> None:
        """Close the pipes and wait for the command's end; one that does not end is killed."""
        self.readfile.close()
        try:
            self.writefile.close()
        finally:
            try:
                self.process.wait(_STREAM_END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _unverified_context() -> ssl.SSLContext:
    """What the standard library takes without a context of the caller's: TLS that verifies nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
