"""The wheel has everything: it is built, unpacked somewhere else, and used from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import mailrules

ROOT = Path(__file__).parents[1]
CONFIGURATION = """\
version: 1
accounts: {home: {host: imap.example.org, user: me@example.org, secret: {env: PASSWORD}}}
defaults: {in: [home/INBOX]}
include: ["pack:mailing-lists", "pack:receipts"]
"""


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site-packages")
    return folder / "site-packages"


def run_installed(site_packages: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with what is installed there, away from the repository."""
    environment = {**os.environ, "PYTHONPATH": str(site_packages)}
    return subprocess.run(
        [sys.executable, *words],
        cwd=site_packages.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_what_is_not_python_too(site_packages: Path) -> None:
    package = site_packages / "mailrules"
    packs = {path.name for path in (ROOT / "rules").glob("*.yaml")}

    assert (package / "py.typed").exists()
    assert {path.name for path in (package / "rule_packs").iterdir()} == packs
    assert list((package / "journal" / "migrations").glob("*.sql"))
    assert not (site_packages / "tests").exists()


def test_the_wheel_announces_the_program_and_the_fixtures(site_packages: Path) -> None:
    (metadata,) = site_packages.glob("mailrules-*.dist-info")
    points = ConfigParser()
    points.read(metadata / "entry_points.txt")

    assert dict(points["console_scripts"]) == {"mailrules": "mailrules.cli.main:main"}
    assert dict(points["pytest11"]) == {"mailrules": "mailrules.testing.pytest_plugin"}


def test_the_installed_program_finds_its_packs(site_packages: Path) -> None:
    configuration = site_packages.parent / "mailrules.yaml"
    configuration.write_text(CONFIGURATION)

    found = run_installed(site_packages, "-c", "from mailrules.packs import pack_files; print(*pack_files().values())")
    version = run_installed(site_packages, "-m", "mailrules", "--version")
    tested = run_installed(site_packages, "-m", "mailrules", "--config", str(configuration), "test")

    assert all(pack.startswith(str(site_packages)) for pack in found.stdout.split())
    assert version.stdout == f"mailrules {mailrules.__version__}\n"
    assert (tested.returncode, tested.stdout.startswith("ok: ")) == (0, True), tested.stderr


def test_the_installed_demo_runs(site_packages: Path) -> None:
    shown = run_installed(site_packages, "-m", "mailrules", "demo")

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.endswith("every message, flag and mailbox is back.\n")
