"""Which interpreters are at hand, and which of them ship the standard library's tests?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
_ASK = "import sys; print('%d.%d' % sys.version_info[:2], sys.base_prefix); import test.test_imaplib"


@cache
def interpreters() -> dict[str, list[str]]:
    """Each version at hand and the programs that have it, one that ships its tests first."""
    found: dict[str, list[str]] = {}
    for program in _programs():
        version, has_tests = _ask(program)
        if version in VERSIONS:
            programs = found.setdefault(version, [])
            programs.insert(0 if has_tests else len(programs), program)
    return found


def _programs() -> list[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    in_path = [path for version in VERSIONS if (path := shutil.which(f"python{version}"))]
    in_usr = [f"/usr/bin/python{version}" for version in VERSIONS]
    candidates = [sys.executable, *in_path, *in_usr, *map(str, sorted(pyenv.glob("3.*/bin/python")))]
    return [path for path in dict.fromkeys(candidates) if Path(path).exists()]


def _ask(program: str) -> tuple[str, bool]:
    answer = subprocess.run([program, "-c", _ASK], capture_output=True, text=True, check=False, timeout=60)
    version = re.match(r"\d\.\d+", answer.stdout)
    return (version[0] if version else "", answer.returncode == 0)
