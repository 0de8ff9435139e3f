"""How much memory 2,000 idle TLS connections take in one process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import trustme

from tests.bench_imap.canned import canned_server, figures_of
from tests.bench_imap.claims import claim
from tests.bench_imap.idle_connections import allow_files
from tests.servers.dovecot import HOST

CONNECTIONS = 2_000
MOST_KIB = 64.0
_SPARE_FILES = 100


def idle() -> bool:
    """The server is a process of its own, too, and inherits the limit on open files."""
    allow_files(CONNECTIONS + _SPARE_FILES)
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        certificate, ca_file = Path(folder) / "server.pem", Path(folder) / "ca.pem"
        authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(certificate))
        authority.cert_pem.write_to_path(str(ca_file))
        with canned_server(1, str(certificate)) as port:
            before, held, has_uvloop = figures_of("idle_connections", port, str(ca_file), str(CONNECTIONS))
    loop = "uvloop" if has_uvloop else "asyncio's own loop (the extra `speed` is not installed)"
    print(f"{CONNECTIONS:,} idle TLS connections on {loop}: {before:.0f} KiB before, {held:.0f} KiB with them")
    return claim("KiB of memory for each idle TLS connection", (held - before) / CONNECTIONS, most=MOST_KIB)
