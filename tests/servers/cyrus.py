"""How does a test get a real Cyrus IMAP server of its own on loopback?"""

from __future__ import annotations

import secrets
import socket
import subprocess
from typing import TYPE_CHECKING

import trustme

from tests.servers.server_account import ServerAccount
from tests.servers.unpacked import HOST, Unpacked, UnpackedServer, end, free_ports

if TYPE_CHECKING:
    from typing import Self

PASSWORD = "pass"
ADMINISTRATOR = "admin"

_CONNECT_ATTEMPTS = 3_000
_ATTEMPT_SECONDS = 0.02
_PORT_ATTEMPTS = 5
_STATE = ("backup", "db", "lock", "log", "msg", "proc", "ptclient", "quota", "socket", "sync", "user")
_FOLDERS = ("spool", "search", *(f"conf/{name}" for name in _STATE))

_CONFIGURATION = """
configdirectory: {folder}/conf
cyrus_user: {user}
cyrus_group: {group}
defaultpartition: default
partition-default: {folder}/spool
servername: {greeting}
admins: {administrator}
virtdomains: off
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
failedloginpause: 0
tls_server_cert: {folder}/server.pem
tls_server_key: {folder}/server.pem
autocreate_quota: 0
autocreate_inbox_folders: Archive|Junk|Trash
autocreate_subscribe_folders: Archive|Junk|Trash
xlist-archive: Archive
xlist-junk: Junk
xlist-trash: Trash
specialusealways: yes
annotation_allow_undefined: yes
conversations: yes
expunge_mode: delayed
delete_mode: immediate
search_engine: xapian
defaultsearchtier: t1
t1searchpartition-default: {folder}/search
idlesocket: {folder}/conf/socket/idle
skiplist_unsafe: yes
"""

_PROCESSES = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
DAEMON {{
  idled cmd="{programs}/idled -d -C {folder}/imapd.conf"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {folder}/imapd.conf" listen="{host}:{port}" prefork=1 maxchild=100
  imaps cmd="{programs}/imapd -s -C {folder}/imapd.conf" listen="{host}:{tls_port}" prefork=0 maxchild=100
}}
"""


class Cyrus(UnpackedServer):
    """One running Cyrus; ``account`` makes a user, whose INBOX, Archive, Junk and Trash come with the first login.

    ``port`` is plain with STARTTLS, ``tls_port`` implicit TLS with a certificate of ``ca_file``.
    ``administrator`` may set quotas and see every mailbox, as ``user/NAME``.
    """

    name = "cyrus"

    def __init__(self) -> None:
        super().__init__()
        self.tls_port = 0

    def account(self, user: str) -> ServerAccount:
        """A new user of this name."""
        files = self._unpacked
        with (files.folder / "log").open("ab") as log:
            adding = files.start(
                ["usr/sbin/saslpasswd2", "-p", "-c", "-f", f"{files.folder}/sasldb2", "-u", self._name, user],
                stdin=subprocess.PIPE,
                stderr=log,
            )
            adding.communicate(PASSWORD.encode())
        if adding.returncode:
            raise RuntimeError(f"saslpasswd2 ended with {adding.returncode}; the log:\n{self.log}")
        return ServerAccount(
            host=HOST,
            port=self.port,
            tls_port=self.tls_port,
            user=user,
            password=PASSWORD,
            password_file=files.folder / "password",
            ca_file=files.folder / "ca.pem",
        )

    def index(self, user: str) -> None:
        """Make the index that fuzzy searches are answered from; the user must have logged in before."""
        files = self._unpacked
        command = ["usr/lib/cyrus/bin/squatter", "-C", f"{files.folder}/imapd.conf", "-r", f"user/{user}"]
        with (files.folder / "log").open("ab") as log:
            code = files.start(command, stdout=log, stderr=log).wait()
        if code:
            raise RuntimeError(f"squatter ended with {code}; the log:\n{self.log}")

    @property
    def administrator(self) -> ServerAccount:
        """Who may do everything."""
        return self.account(ADMINISTRATOR)

    @property
    def log(self) -> str:
        """What the processes have printed so far; most of what Cyrus says goes to syslog."""
        return (self._unpacked.folder / "log").read_text(errors="replace")

    def start(self) -> Self:
        """Start the server and return when it greets. Raises ServerMissing or RuntimeError."""
        self._files = files = Unpacked(self.name)
        self._name = f"test-{secrets.token_hex(8)}"
        for name in _FOLDERS:
            files.make_folder(name)
        self._write_certificate()
        (files.folder / "password").write_text(PASSWORD)
        (files.folder / "password").chmod(0o600)
        (files.folder / "log").touch()
        # A port that was free a moment ago may be taken when Cyrus asks for it; try others then.
        if not any(self._start_on_free_ports() for _ in range(_PORT_ATTEMPTS)):
            log = self.log
            self.stop()
            raise RuntimeError(f"Cyrus did not greet on {HOST}:{self.port}; its log:\n{log}")
        return self

    def _write_certificate(self) -> None:
        files = self._unpacked
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(files.folder / "ca.pem"))
        certificate = authority.issue_cert("localhost", HOST)
        files.write("server.pem", certificate.private_key_and_cert_chain_pem.bytes().decode())

    def _start_on_free_ports(self) -> bool:
        files = self._unpacked
        self.port, self.tls_port = free_ports(2)
        options = _CONFIGURATION.format(
            folder=files.folder,
            user=files.user_name,
            group=files.group_name,
            greeting=self._name,
            administrator=ADMINISTRATOR,
        )
        processes = _PROCESSES.format(
            folder=files.folder,
            programs=files.programs / "usr/lib/cyrus/bin",
            host=HOST,
            port=self.port,
            tls_port=self.tls_port,
        )
        configuration = files.write("imapd.conf", options.lstrip())
        services = files.write("cyrus.conf", processes)
        master = "usr/lib/cyrus/bin/master"
        with (files.folder / "log").open("ab") as log:
            process = files.start(
                [master, "-D", "-C", str(configuration), "-M", str(services), "-p", f"{files.folder}/pid"],
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        for _ in range(_CONNECT_ATTEMPTS):
            if self._greets():
                return True
            try:
                process.wait(timeout=_ATTEMPT_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return False
        end(process)
        return False

    def _greets(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=60) as connection:
                return self._name.encode() in connection.makefile("rb").readline()
        except OSError:
            return False
