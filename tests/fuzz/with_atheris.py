"""Let coverage choose the inputs: ``make fuzz``, or ``python -m tests.fuzz.with_atheris -max_total_time=60``."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        import atheris  # noqa: PLC0415 - not everybody has it
    except ImportError:
        sys.exit("fuzzing needs atheris, which has wheels for Linux and CPython 3.11 to 3.13: pip install atheris")
    with atheris.instrument_imports(include=["mailrules"]):
        from tests.fuzz.targets import CHEAP  # noqa: PLC0415 - imported here to be instrumented

    def try_one(data: bytes) -> None:
        for target in CHEAP:
            target(data)

    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
