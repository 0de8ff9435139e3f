"""How do an interpreter's own tests of imaplib run on our module? Run by that interpreter, without third-party modules.

Prints one line of JSON: how many tests ran, which were passed over and why, what failed. The exit status is 3 where the
interpreter has no test package.
"""

from __future__ import annotations

import io
import json
import sys
import unittest

from mailrules.client import imaplib as ours

NO_TEST_PACKAGE = 3
LOOPBACK_SECONDS = 2.0
"""How long a test's server waits for a client that does not hang up; regrtest lowers it with --timeout."""


def main() -> int:
    sys.modules["imaplib"] = ours
    try:
        from test import support  # noqa: PLC0415 - not every interpreter has it
    except ImportError:
        return NO_TEST_PACKAGE
    support.use_resources = ["walltime", "cpu"]
    support.verbose = 0
    support.LOOPBACK_TIMEOUT = LOOPBACK_SECONDS
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName("test.test_imaplib")
    except AttributeError:
        return NO_TEST_PACKAGE
    tested = sys.modules["test.test_imaplib"].imaplib
    output = io.StringIO()
    result = unittest.TextTestRunner(stream=output).run(suite)
    summary = {
        "tested": tested.__name__,
        "ran": result.testsRun,
        "passed_over": {test.id(): reason for test, reason in result.skipped},
        "failed": [test.id() for test, _ in (*result.failures, *result.errors)],
        "output": output.getvalue()[-8000:],
    }
    json.dump(summary, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
