"""Attachments become files: whole, private, once, and nowhere but in their directory."""

from __future__ import annotations

import contextlib
import hashlib
import stat
from typing import TYPE_CHECKING

import pytest

from mailrules.delivery import attachments
from mailrules.delivery.attachments import Attachment, read_attachments, safe_name, save
from mailrules.execution.effects import EffectRefused
from mailrules.plan.plan import Step, StepKind
from mailrules.testing.builders import Attachment as Hung
from mailrules.testing.builders import message
from tests.rules.loading import HEAD, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outbox.world import World

PDF = b"%PDF-1.4 sample"
DIGEST = hashlib.sha256(PDF).hexdigest()[:16]
TWO = [Hung(file_name="invoice.pdf"), Hung(file_name="notes.txt", content=b"notes", media_type="text/plain")]


def _step(directory: Path, **options: object) -> Step:
    return Step(
        kind=StepKind.EFFECT,
        rule="bills",
        effect="save_attachments",
        to=str(directory),
        options=options,
        reversible=False,
    )


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("../../etc/passwd", "etc_passwd"),
        ("/etc/passwd", "etc_passwd"),
        ("..", "attachment"),
        ("", "attachment"),
        (".bashrc", "bashrc"),
        ("a\0b\nc\x1b[31m.txt", "a_b_c_31m.txt"),
        ("C:\\temp\\x.exe", "C_temp_x.exe"),
        ("Rechnung für März.pdf", "Rechnung_f_r_M_rz.pdf"),
        ("x" * 500 + ".pdf", "x" * 76 + ".pdf"),
        ("x" * 500, "x" * 80),
    ],
)
def test_a_name_from_mail_is_never_a_path(name: str, kept: str) -> None:
    assert safe_name(name, PDF) == f"{DIGEST}-{kept}"


async def test_attachments_are_written_whole_and_for_their_owner_alone(world: World, tmp_path: Path) -> None:
    world.allow |= {"save_attachments"}
    directory = tmp_path / "new" / "files"
    world.deliver(attachments=TWO)

    await world.run(_step(directory))

    assert await world.states() == ["applied"]
    files = {one.name: one for one in directory.iterdir()}
    assert {name.partition("-")[2]: one.read_bytes() for name, one in files.items()} == {
        "invoice.pdf": PDF,
        "notes.txt": b"notes",
    }
    assert {stat.S_IMODE(one.stat().st_mode) for one in files.values()} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_only_the_types_that_are_wanted_are_written(world: World, tmp_path: Path) -> None:
    world.allow |= {"save_attachments"}
    world.deliver(attachments=TWO)

    await world.run(_step(tmp_path / "files", types=["application/*"]))

    assert [one.name for one in (tmp_path / "files").iterdir()] == [f"{DIGEST}-invoice.pdf"]


async def test_without_the_permission_nothing_is_written(world: World, tmp_path: Path) -> None:
    world.deliver(attachments=TWO)

    report = await world.run(_step(tmp_path / "files"))

    assert not (tmp_path / "files").exists()
    assert await world.states() == []
    assert "does not allow 'save_attachments'" in report.shortfalls[0].reason


async def test_a_directory_that_is_a_file_refuses(world: World, tmp_path: Path) -> None:
    world.allow |= {"save_attachments"}
    (tmp_path / "files").write_bytes(b"")
    world.deliver(attachments=TWO)

    await world.run(_step(tmp_path / "files"))

    assert "applied" not in await world.states()
    assert (tmp_path / "files").read_bytes() == b""


def test_what_is_there_is_neither_opened_nor_changed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    directory = tmp_path / "files"
    directory.mkdir()
    one = Attachment(name=safe_name("a.pdf", PDF), content=PDF)
    (directory / one.name).symlink_to(target)

    assert save([one], directory) == 0
    assert target.read_bytes() == b"mine"


def test_what_a_killed_process_left_is_written_anew(tmp_path: Path) -> None:
    one = Attachment(name=safe_name("a.pdf", PDF), content=PDF)
    (tmp_path / f".{one.name}.part").write_bytes(b"%PDF-1")

    assert (save([one], tmp_path), save([one], tmp_path)) == (1, 0)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [PDF]


def _stored(folder: Path, content: bytes) -> Path:
    path = folder / "message"
    path.write_bytes(content)
    return path


def test_a_message_within_a_message_is_one_attachment(tmp_path: Path) -> None:
    inner = message(attachments=TWO)
    part = b"Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=mail.eml\r\n\r\n" + inner
    whole = b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n' + part + b"\r\n--x--\r\n"

    (found,) = read_attachments(_stored(tmp_path, whole))

    assert found.name.endswith("-mail.eml")
    assert b"invoice.pdf" in found.content


@pytest.mark.parametrize("depth", [50, 5_000])
def test_a_hostile_message_is_refused_or_read_and_never_more(tmp_path: Path, depth: int) -> None:
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    path = _stored(tmp_path, nested + b"Content-Type: text/plain; charset=nonsense\r\n\r\nx")

    with contextlib.suppress(EffectRefused):
        assert read_attachments(path) == []


def test_limits_hold_at_their_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _stored(tmp_path, message(attachments=TWO))
    monkeypatch.setattr(attachments, "MAX_FILES", 2)
    monkeypatch.setattr(attachments, "MAX_MESSAGE_BYTES", path.stat().st_size)
    assert len(read_attachments(path)) == 2

    monkeypatch.setattr(attachments, "MAX_FILES", 1)
    with pytest.raises(EffectRefused, match="2 attachments, over 1"):
        read_attachments(path)
    monkeypatch.setattr(attachments, "MAX_MESSAGE_BYTES", path.stat().st_size - 1)
    with pytest.raises(EffectRefused, match="bytes, over"):
        read_attachments(path)


@pytest.mark.parametrize(
    ("action", "mistake"),
    [
        ("{save_attachments: files}", "a directory of this machine is expected here"),
        ("{save_attachments: '/files/{from}\\n'}", None),
        ("{save_attachments: {types: a/b}}", "save_attachments lacks its directory"),
        ("{save_attachments: {to: /files, name: x}}", 'unknown operator "name" under save_attachments'),
    ],
)
def test_a_mistake_is_told(action: str, mistake: str | None) -> None:
    text = f"{HEAD}allow: [save_attachments]\nrules: [{{name: r, if: always, do: [{action}]}}]\n"
    if mistake is None:
        (use,) = load(text).rules.rules[0].branches[0].actions
        assert use.value.targets == ()  # braces mean themselves: mail has no part in the directory's name
        return
    with pytest.raises(Exception, match=mistake):
        load(text)


def test_the_directory_stands_in_the_main_file_and_is_allowed_there() -> None:
    rule = "rules: [{name: r, if: always, do: [{save_attachments: /files}]}]\n"

    with pytest.raises(Exception, match="this file does not allow it"):
        load(HEAD + rule)
    with pytest.raises(Exception, match="a directory may only be named in the main file"):
        load(
            f"{HEAD}allow: [save_attachments]\ninclude: other.yaml\n",
            others={"other.yaml": "version: 1\n" + rule},
        )
