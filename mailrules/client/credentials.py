"""How does a secret reference become the secret, at the moment it is needed?"""

from __future__ import annotations

import asyncio
import importlib
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.client.child_end import kill
from mailrules.errors import SecretError
from mailrules.secret import Secret

if TYPE_CHECKING:
    from mailrules.settings import ClientCertificate, SecretReference

COMMAND_SECONDS = 30.0
"""A password manager may ask its owner for a touch or a PIN."""

_MAX_SECRET_BYTES = 64 << 10


async def resolve(reference: SecretReference, *, command_seconds: float = COMMAND_SECONDS) -> Secret:
    """Read the secret; one newline at its end is dropped.

    Raises SecretError with what to do; no error ever holds a part of what was read.
    """
    where = f"{reference.kind}: {reference.value}"
    match reference.kind:
        case "command":
            raw = await _run_command(reference.value, seconds=command_seconds)
        case "env":
            raw = _read_variable(reference.value)
        case "file":
            raw = _read_private_file(reference.value)
        case "systemd":
            raw = _read_systemd_credential(reference.value)
        case "keyring":
            raw = await asyncio.to_thread(_ask_keyring, reference.value)
        case _:
            raise SecretError(
                f"{reference.kind!r} is no kind of secret; use one of command, env, file, keyring, systemd"
            )
    return _checked(raw, where=where)


def require_private_key(certificate: ClientCertificate) -> None:
    """Raise SecretError unless the key's file is ours and nobody else may read or write it, as a secret's has to be."""
    _read_private_file(certificate.key_file)


def _checked(raw: bytes, *, where: str) -> Secret:
    if len(raw) > _MAX_SECRET_BYTES:
        raise SecretError(f"{where}: the secret is longer than {_MAX_SECRET_BYTES:,} bytes; is it the right one?")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        # No cause: its arguments hold the secret.
        raise SecretError(f"{where}: the secret is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretError(f"{where}: the secret is empty")
    if any(forbidden in text for forbidden in "\r\n\0"):
        raise SecretError(f"{where}: the secret holds a line break or NUL; it must be one line")
    return Secret(text)


async def _run_command(command_line: str, *, seconds: float) -> bytes:
    try:
        command = shlex.split(command_line)
    except ValueError as error:
        raise SecretError(f"command: {command_line!r} cannot be split into words ({error})") from error
    if not command:
        raise SecretError("command: the command line is empty")
    name = command[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise SecretError(f"command: {name} cannot be started ({error.strerror}); it runs without a shell") from error
    output = b""
    if process.stdout is None:  # for mypy: a pipe was asked for
        raise SecretError(f"command: {name} has no standard output")
    try:
        async with asyncio.timeout(seconds):
            while len(output) <= _MAX_SECRET_BYTES and (read := await process.stdout.read(_MAX_SECRET_BYTES)):
                output += read
            if len(output) <= _MAX_SECRET_BYTES:
                await process.wait()
    except TimeoutError:
        raise SecretError(f"command: {name} gave no answer in {seconds:g} seconds") from None
    finally:
        if process.returncode is None:
            await kill(process)
    if len(output) > _MAX_SECRET_BYTES:
        return output
    if process.returncode:
        raise SecretError(f"command: {name} ended with exit status {process.returncode}; run it by hand to see why")
    return output


def _read_variable(name: str) -> bytes:
    value = os.environb.get(os.fsencode(name))
    if value is None:
        raise SecretError(f"env: the variable {name} is not set in the environment of mailrules")
    return value


def _read_private_file(name: str) -> bytes:
    """Read a file that is ours and that nobody else may read or write."""
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SecretError(f"file: {path} is not a regular file")
            if status.st_uid != os.geteuid():
                raise SecretError(f"file: {path} belongs to another user; make it yours: chown {os.geteuid()} {path}")
            if status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise SecretError(f"file: {path} is open to others (mode {mode:04o}); run: chmod 600 {path}")
            return file.read(_MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SecretError(f"file: {path} cannot be read ({error.strerror})") from error


def _read_systemd_credential(name: str) -> bytes:
    """Read what LoadCredential= left; systemd has already made it readable for the service only."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise SecretError(
            f"systemd: there is no $CREDENTIALS_DIRECTORY; start mailrules as a service with LoadCredential={name}:..."
        )
    if Path(name).name != name:
        raise SecretError(f"systemd: {name!r} is no credential's name; it must not contain a slash")
    path = Path(directory, name)
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SecretError(f"systemd: the credential {name} cannot be read ({error.strerror}: {path})") from error


def _ask_keyring(value: str) -> bytes:
    """Ask the keyring for ``service/user``."""
    service, slash, user = value.rpartition("/")
    if not slash or not service or not user:
        raise SecretError(f"keyring: {value!r} must be written as service/user")
    try:
        keyring = importlib.import_module("keyring")
        keyring_errors = importlib.import_module("keyring.errors")
    except ImportError as error:
        raise SecretError("keyring: the keyring package is missing; run: pip install 'mailrules[keyring]'") from error
    try:
        password: str | None = keyring.get_password(service, user)
    except keyring_errors.KeyringError as error:
        raise SecretError(f"keyring: no answer ({error}); is the keyring unlocked?") from error
    if password is None:
        raise SecretError(f"keyring: nothing is stored for {value}; run: keyring set {service} {user}")
    return password.encode()
