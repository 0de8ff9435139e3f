"""How does a test get a real Dovecot of its own on loopback, and mailboxes filled in seconds?"""

from __future__ import annotations

import base64
import grp
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from mailrules.settings import AccountSettings, ClientCertificate, SecretReference, Security
from tests.servers.maildir import fill_maildir
from tests.servers.small_disk import SmallDisk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from mailrules.testing.builders import SampleMessage

INSTALL_COMMAND = "sudo apt-get install --yes --no-install-recommends dovecot-imapd"
PASSWORD = "pass"
TOKEN_KEY = b"a key that only these tests know"
"""Signs the tokens that the mechanism OAUTHBEARER takes (JWT, HS256)."""
HOST = "127.0.0.1"

_CONNECT_ATTEMPTS = 3_000
_ATTEMPT_SECONDS = 0.02
_PORT_ATTEMPTS = 5

_CONFIGURATION = """
base_dir={folder}/run
state_dir={folder}/state
log_path={folder}/log
protocols=imap
listen=127.0.0.1
login_greeting={greeting}
default_login_user={user}
default_internal_user={user}
default_internal_group={group}
first_valid_uid=0
ssl=yes
ssl_cert=<{folder}/server.pem
ssl_key=<{folder}/server.pem
ssl_ca=<{folder}/clients.pem
ssl_require_crl=no
ssl_verify_client_cert=yes
auth_ssl_username_from_cert=yes
disable_plaintext_auth=no
auth_mechanisms={mechanisms}
auth_failure_delay=0
mail_fsync=never
mail_max_userip_connections=200
mail_location={location}
{copying}
mail_plugins=acl zlib{quota_plugin}
protocol imap {{
  mail_plugins=acl zlib{quota_plugin} imap_acl imap_zlib
  imap_metadata=yes
}}
mail_attribute_dict=file:%h/dovecot-attributes
plugin {{
  acl=vfile
  {quota}
}}
passdb {{
  driver=oauth2
  mechanisms=oauthbearer xoauth2
  args={folder}/oauth2.conf
}}
passdb {{
  driver=static
  mechanisms=external
  args=nopassword=y
}}
passdb {{
  driver=static
  args=password={password}
}}
userdb {{
  driver=static
  args=uid={uid} gid={gid} home={mail}/%u
}}
namespace inbox {{
  inbox=yes
  separator=/
  mailbox Trash {{
    special_use=\\Trash
    auto=create
  }}
  mailbox Archive {{
    special_use=\\Archive
    auto=create
  }}
  mailbox Junk {{
    special_use=\\Junk
    auto=create
  }}
}}
service imap-login {{
  chroot=
  inet_listener imap {{
    port={port}
  }}
  inet_listener imaps {{
    port={tls_port}
    ssl=yes
  }}
}}
service anvil {{
  chroot=
  unix_listener anvil-auth-penalty {{
    mode=0
  }}
}}
service stats {{
  chroot=
}}
"""


class DovecotMissing(Exception):
    """No Dovecot is installed; the message holds the command that installs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSmallDisk:
    """That mail is on a small disk of its own, and how it is kept there; ``stands_in``: see ``small_disk``."""

    links_copies: bool = True
    """A copy in a maildir is another name of the same file."""
    indexes_elsewhere: bool = False
    stands_in: bool = False


class Dovecot:
    """One running Dovecot: every user name is valid, its password is ``PASSWORD``.

    ``mechanisms`` are those of AUTHENTICATE, as Dovecot's ``auth_mechanisms``. ``storage`` is how it keeps mail:
    maildir, sdbox or mdbox. With ``most_messages`` it keeps no more of them for a user (OVERQUOTA).
    With ``on_small_disk`` that is ``disk``. Unless it ``keeps_indexes`` it answers NOMODSEQ: its mod-sequences
    end with the session.

    It announces MOVE, UIDPLUS, CONDSTORE, ACL, METADATA, SPECIAL-USE, LIST-STATUS, COMPRESS=DEFLATE and
    STARTTLS; ``port`` is plain, ``tls_port`` implicit TLS with a certificate of ``ca_file``. Clients may show one
    of ``issue_certificate``, by which EXTERNAL goes.
    Started as root it runs as ``nobody``, else as whoever starts it.
    """

    def __init__(
        self,
        *,
        mechanisms: str = "plain login",
        storage: str = "maildir",
        most_messages: int | None = None,
        on_small_disk: OnSmallDisk | None = None,
        keeps_indexes: bool = True,
    ) -> None:
        self._mechanisms, self._most_messages = mechanisms, most_messages
        self._on_small_disk, self._keeps_indexes = on_small_disk, keeps_indexes
        self.disk: SmallDisk | None = None
        """Where the mail is, if it is on a small disk."""
        self.storage = storage
        self.port = 0
        self.tls_port = 0
        self._resources = ExitStack()
        self._folder = Path()
        self._clients = trustme.CA()
        self._process: subprocess.Popen[bytes] | None = None
        nobody = pwd.getpwnam("nobody")
        self._owner = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else None

    @property
    def ca_file(self) -> Path:
        """PEM file of the authority that signed the server's certificate."""
        return self._folder / "ca.pem"

    @property
    def password_file(self) -> Path:
        """A file of ours, mode 0600, that holds the password of every account."""
        return self._folder / "password"

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def account(self, user: str) -> DovecotAccount:
        """An account of this server; new names are new, empty accounts."""
        return DovecotAccount(server=self, user=user)

    def maildir(self, user: str) -> Path:
        """The folder of the user's INBOX; other mailboxes are ``.Name`` below it."""
        return self.home(user) / "Maildir"

    def home(self, user: str) -> Path:
        """The folder of all that is kept for the user, but for indexes that are elsewhere."""
        return self._mail / user

    def indexes(self, user: str) -> Path:
        """The folder of those."""
        return self._folder / "indexes" / user

    def fill(
        self, user: str, mailbox: str, messages: Iterable[SampleMessage], *, uidvalidity: int = 1_700_000_000
    ) -> int:
        """Write messages straight into a mailbox that is empty so far, as UIDs 1, 2, ...

        Works before the user first logs in, or while no session has the mailbox open. ``mailbox``
        is the encoded name with ``/`` as its delimiter. Only where mail is kept as maildir.
        """
        assert self.storage == "maildir", "other storages are filled by APPEND"
        home = self.maildir(user)
        for folder in (self._mail / user, home):
            folder.mkdir(mode=0o700, exist_ok=True)
            self._give(folder)
        folder = home if mailbox.upper() == "INBOX" else home / ("." + mailbox.replace("/", "."))
        return fill_maildir(folder, messages, uidvalidity=uidvalidity, owner=self._owner)

    def start(self) -> Self:
        """Start the server and return when it greets. Raises DovecotMissing or RuntimeError."""
        binary = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if binary is None:
            raise DovecotMissing(f"Dovecot is not installed; run: {INSTALL_COMMAND}")
        # No folder of pytest's, which are closed to "nobody"; and socket paths must be short.
        self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="mailrules-dovecot-")))
        for folder in (self._folder, self._folder / "mail", self._folder / "indexes"):
            folder.mkdir(exist_ok=True)
            self._give(folder)
        if self._on_small_disk:
            self.disk = self._resources.enter_context(small_disk(self._folder, stands_in=self._on_small_disk.stands_in))
        self._write_certificate()
        self.password_file.write_text(PASSWORD)
        self.password_file.chmod(0o600)
        self._write_token_key()
        # A port that was free a moment ago may be taken when Dovecot asks for it; try others then.
        if not any(self._start_on_free_ports(binary) for _ in range(_PORT_ATTEMPTS)):
            log = self.log
            self.stop()
            raise RuntimeError(f"Dovecot did not greet on {HOST}:{self.port}; its log:\n{log}")
        return self

    def stop(self) -> None:
        """End the process that ``start`` made, and remove its folder."""
        self._end_process()
        self._resources.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def issue_certificate(self, user: str) -> ClientCertificate:
        """A certificate of this user, the name being its common name, and its key, mode 0600."""
        issued = self._clients.issue_cert(f"{user}@example.org", common_name=user)
        return write_certificate(issued, self._folder, name=user)

    @property
    def _mail(self) -> Path:
        """Where the users' folders are, as we see it."""
        return self._folder / "mail" if self.disk is None else self.disk.view

    def _location(self) -> str:
        location = f"{self.storage}:~/{'Maildir' if self.storage == 'maildir' else self.storage}"
        if not self._keeps_indexes:
            return f"{location}:INDEX=MEMORY"
        small = self._on_small_disk
        return f"{location}:INDEX={self._folder}/indexes/%u" if small and small.indexes_elsewhere else location

    def _write_certificate(self) -> None:
        self._clients.cert_pem.write_to_path(str(self._folder / "clients.pem"))
        self._give(self._folder / "clients.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate = authority.issue_cert("localhost", HOST)
        path = self._folder / "server.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
        path.chmod(0o600)
        self._give(path)

    def _write_token_key(self) -> None:
        """Tokens are JWTs of our own, checked by their key and without asking anybody."""
        for folder in ("keys", "keys/default", "keys/default/HS256"):
            (self._folder / folder).mkdir()
            self._give(self._folder / folder)
        settings = self._folder / "oauth2.conf"
        settings.write_text(
            f"introspection_mode=local\nlocal_validation_key_dict=fs:posix:prefix={self._folder}/keys/\n"
        )
        key = self._folder / "keys/default/HS256/default"
        key.write_bytes(base64.b64encode(TOKEN_KEY))
        for path in (settings, key):
            self._give(path)

    def _start_on_free_ports(self, binary: str) -> bool:
        self.port, self.tls_port = _free_ports()
        greeting = f"mailrules test server {secrets.token_hex(8)}"
        user = pwd.getpwuid(self._owner[0] if self._owner else os.geteuid())
        group_id = self._owner[1] if self._owner else os.getegid()
        configuration = self._folder / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=self._folder,
                greeting=greeting,
                user=user.pw_name,
                group=_group_name(group_id),
                password=PASSWORD,
                mechanisms=self._mechanisms,
                quota_plugin=" quota" if self._most_messages is not None else "",
                quota=f"quota=count:all\n  quota_vsizes=yes\n  quota_rule=*:messages={self._most_messages}"
                if self._most_messages is not None
                else "",
                mail=self._folder / "mail" if self.disk is None else self.disk.folder,
                location=self._location(),
                copying="maildir_copy_with_hardlinks=no"
                if self._on_small_disk and not self._on_small_disk.links_copies
                else "",
                uid=user.pw_uid,
                gid=group_id,
                port=self.port,
                tls_port=self.tls_port,
            )
        )
        log = self._folder / "log"
        entrance, owner = self._entrance()
        with log.open("ab") as errors:
            self._give(log)
            self._process = subprocess.Popen(
                [*entrance, binary, "-F", "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self._folder,
                user=owner[0] if owner else None,
                group=owner[1] if owner else None,
                extra_groups=[] if owner else None,
                # A limit on the size of files is to be an error of writing, not a signal: Python ignores that one.
                restore_signals=self.disk is None or self.disk.is_real,
            )
        if self.disk is not None:
            self.disk.server = self._process.pid
        for _ in range(_CONNECT_ATTEMPTS):
            if self._greets_with(greeting):
                return True
            try:
                self._process.wait(timeout=_ATTEMPT_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return False
        self._end_process()
        return False

    def resync(self, user: str) -> None:
        """Let it make its indexes anew of what is on the disk, as an administrator does after a fault of that."""
        entrance, owner = self._entrance()
        doveadm = [*entrance, "doveadm", "-c", str(self._folder / "dovecot.conf"), "force-resync", "-u", user, "*"]
        subprocess.run(
            doveadm,
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=owner[0] if owner else None,
            group=owner[1] if owner else None,
            extra_groups=[] if owner else None,
        )

    def _entrance(self) -> tuple[tuple[str, ...], tuple[int, int] | None]:
        """The command under which our programs begin, and whose they are from the start."""
        entrance = () if self.disk is None else self.disk.entrance
        if not entrance or self._owner is None:
            return entrance, self._owner
        # Only root may enter root's namespace; who has entered it becomes the owner.
        user, group = self._owner
        return (*entrance, "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"), None

    def _end_process(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _greets_with(self, greeting: str) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=60) as connection:
                return greeting.encode() in connection.makefile("rb").readline()
        except OSError:
            return False

    def _give(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, *self._owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class DovecotAccount:
    """One user of a running Dovecot, with what a client needs to log in."""

    server: Dovecot
    user: str
    password: str = PASSWORD
    host: str = HOST

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def tls_port(self) -> int:
        return self.server.tls_port

    @property
    def ca_file(self) -> Path:
        return self.server.ca_file

    def fill(self, mailbox: str, messages: Iterable[SampleMessage], *, uidvalidity: int = 1_700_000_000) -> int:
        """See ``Dovecot.fill``."""
        return self.server.fill(self.user, mailbox, messages, uidvalidity=uidvalidity)

    def settings(
        self, *, name: str = "test", security: Security = Security.NONE, port: int | None = None
    ) -> AccountSettings:
        """Account settings that log in here; ``port`` leads elsewhere, such as to a proxy."""
        settings = AccountSettings(
            name=name,
            user=self.user,
            secret=SecretReference(kind="file", value=str(self.server.password_file)),
            host="localhost" if security is Security.TLS else self.host,
            port=self.tls_port if security is Security.TLS else self.port,
            security=security,
            ca_file=str(self.ca_file),
        )
        return settings if port is None else replace(settings, port=port)


def write_certificate(issued: trustme.LeafCert, folder: Path, *, name: str) -> ClientCertificate:
    """The certificate with its chain, and its key, which only we may read, as PEM files."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(str(key))
    return ClientCertificate(certificate_file=str(certificate), key_file=str(key))


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((HOST, 0))
        second.bind((HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]


def _group_name(group_id: int) -> str:
    return grp.getgrgid(group_id).gr_name
