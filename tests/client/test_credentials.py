"""Secrets are read where the configuration says, and no error holds a part of one."""

from __future__ import annotations

import shlex
import sys
import types
from typing import TYPE_CHECKING

import pytest

from mailrules.client import credentials
from mailrules.errors import SecretError
from mailrules.secret import Secret
from mailrules.settings import SecretReference

if TYPE_CHECKING:
    from pathlib import Path


async def resolve(kind: str, value: str, *, seconds: float = 10.0) -> str:
    secret = await credentials.resolve(SecretReference(kind=kind, value=value), command_seconds=seconds)
    assert isinstance(secret, Secret)
    return secret.reveal()


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def private_file(folder: Path, content: bytes, *, mode: int = 0o600) -> str:
    path = folder / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


async def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pässword ")

    assert await resolve("env", "MAILRULES_TEST_SECRET") == "pässword "


async def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILRULES_TEST_SECRET", raising=False)

    with pytest.raises(SecretError, match="MAILRULES_TEST_SECRET is not set"):
        await resolve("env", "MAILRULES_TEST_SECRET")


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
async def test_one_line_end_is_dropped(tmp_path: Path, ending: bytes) -> None:
    assert await resolve("file", private_file(tmp_path, b"secret" + ending)) == "secret"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\nsecond", "line break or NUL"),
        (b"hunter2\rx", "line break or NUL"),
        (b"hunter2\0x", "line break or NUL"),
        (b"hunter2\xff", "not UTF-8"),
        (b"hunter2" * 10_000, "longer than 65,536 bytes"),
    ],
)
async def test_what_cannot_be_a_secret_is_refused_without_being_shown(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(SecretError, match=reason) as refusal:
        await resolve("file", private_file(tmp_path, content))

    assert "hunter2" not in repr(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
async def test_a_file_that_others_may_read_or_write_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    name = private_file(tmp_path, b"secret", mode=mode)

    with pytest.raises(SecretError, match=f"chmod 600 {name}"):
        await resolve("file", name)


async def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="No such file"):
        await resolve("file", str(tmp_path / "none"))
    with pytest.raises(SecretError, match="directory"):
        await resolve("file", str(tmp_path))


async def test_a_command_runs_without_a_shell() -> None:
    code = "import sys; print(sys.argv[1])"

    assert await resolve("command", python(code) + " '$HOME; echo \"x\"'") == '$HOME; echo "x"'


async def test_a_failing_command_is_told_by_its_status_and_not_by_its_output() -> None:
    with pytest.raises(SecretError, match="exit status 3") as failure:
        await resolve("command", python("print('hunter2'); raise SystemExit(3)"))

    assert "hunter2" not in str(failure.value).replace(sys.executable, "")


async def test_a_command_that_does_not_end_is_killed() -> None:
    with pytest.raises(SecretError, match=r"no answer in 0\.2 seconds"):
        await resolve("command", python("import signal; signal.pause()"), seconds=0.2)


async def test_a_command_that_floods_us_is_cut_off() -> None:
    with pytest.raises(SecretError, match="longer than 65,536 bytes"):
        await resolve("command", python("while True: print('x' * 9999)"))


async def test_a_command_that_floods_us_at_once_and_falls_silent_is_cut_off_too() -> None:
    flood = "import fcntl, os, signal; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'y' * (1 << 20)); signal.pause()"
    with pytest.raises(SecretError):
        await resolve("command", python(flood))


@pytest.mark.parametrize(
    ("line", "reason"),
    [("", "is empty"), ("'open", "cannot be split"), ("no-such-command-here x", "cannot be started")],
)
async def test_a_command_line_that_cannot_run_is_told(line: str, reason: str) -> None:
    with pytest.raises(SecretError, match=reason):
        await resolve("command", line)


async def test_a_systemd_credential_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mail").write_text("secret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert await resolve("systemd", "mail") == "secret"
    with pytest.raises(SecretError, match="credential other cannot be read"):
        await resolve("systemd", "other")
    with pytest.raises(SecretError, match="must not contain a slash"):
        await resolve("systemd", "../mail")


async def test_a_systemd_credential_outside_a_service_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    with pytest.raises(SecretError, match="LoadCredential=mail"):
        await resolve("systemd", "mail")


async def test_a_missing_keyring_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(SecretError, match=r"pip install 'mailrules\[keyring\]'"):
        await resolve("keyring", "imap/alice")


async def test_the_keyring_is_asked_for_service_and_user(monkeypatch: pytest.MonkeyPatch) -> None:
    class KeyringError(Exception):
        pass

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise KeyringError("locked")
        return {("imap", "alice"): "secret"}.get((service, user))

    errors = types.ModuleType("keyring.errors")
    errors.KeyringError = KeyringError  # type: ignore[attr-defined]  # a stand-in for the package
    package = types.ModuleType("keyring")
    package.get_password = get_password  # type: ignore[attr-defined]  # a stand-in for the package
    monkeypatch.setitem(sys.modules, "keyring", package)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    assert await resolve("keyring", "imap/alice") == "secret"
    with pytest.raises(SecretError, match="keyring set imap bob"):
        await resolve("keyring", "imap/bob")
    with pytest.raises(SecretError, match="unlocked"):
        await resolve("keyring", "locked/alice")
    with pytest.raises(SecretError, match="service/user"):
        await resolve("keyring", "alice")


async def test_an_unknown_kind_is_told_with_the_known_ones() -> None:
    with pytest.raises(SecretError, match="use one of command, env, file, keyring, systemd"):
        await resolve("vault", "x")


async def test_a_device_is_no_secret_file() -> None:
    with pytest.raises(SecretError, match="/dev/null is not a regular file"):
        await resolve("file", "/dev/null")
