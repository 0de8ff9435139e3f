"""Does our module have what typeshed says of ``imaplib``? Runs mypy's stubtest with ours in that place."""

from __future__ import annotations

import sys

from mypy.stubtest import main

from mailrules.client import imaplib

sys.modules["imaplib"] = imaplib
sys.exit(main())
