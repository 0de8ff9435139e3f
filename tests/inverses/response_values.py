"""How is each kind of response made up, and how does a server write it (RFC 9051 section 7, and the extensions)?"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from hypothesis import strategies as st

from mailrules.imap import responses as told
from mailrules.imap.access_data import AclData, ListRightsData, MyRightsData
from mailrules.imap.envelope import Envelope, EnvelopeAddress
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.language_data import ComparatorData, LanguageData
from mailrules.imap.mailbox_data import ListData, Namespace, NamespaceData, StatusData
from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.imap.metadata_data import AnnotationData, MetadataChanged, MetadataData
from mailrules.imap.quota_data import QuotaData, QuotaRootData, ResourceUsage
from mailrules.imap.search_data import ESearchData, SearchData, SearchUpdate, SortData, ThreadData, ThreadMember
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.url_data import GenUrlAuthData, JmapAccessData, UrlFetchData

WORDS = st.from_regex(r"[A-Z][A-Z0-9-]{0,7}", fullmatch=True).filter(lambda word: word != "NIL")
LOWER = WORDS.map(str.lower)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
FILLED = TEXTS.filter(bool)
LINES = st.from_regex(r"([A-Za-z0-9.,!]( [A-Za-z0-9.,!]+){0,3})?", fullmatch=True)
NAMES = FILLED.filter(lambda name: name.upper() != "INBOX" and not any("\uef00" <= c <= "\uefff" for c in name))
NUMBERS = st.integers(1, 2**32 - 1)
COUNTS = st.integers(0, 2**32 - 1)
LARGE = st.integers(0, 2**63 - 1)
SETS = st.sets(NUMBERS, min_size=1, max_size=5).map(SequenceSet.of)
BYTES = st.binary(max_size=12)
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Flagged", "\\Deleted", "$Label1", "Junk"]), max_size=4)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


def string(value: str | bytes | None) -> bytes:
    """Quoted where it can be, else a literal; NIL for None."""
    if value is None:
        return b"NIL"
    raw = value.encode() if isinstance(value, str) else value
    if b"\r" in raw or b"\n" in raw or b"\0" in raw or not raw.isascii():
        return b"{%d}\r\n%b" % (len(raw), raw)
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def mailbox(name: str) -> bytes:
    return string(encode_mailbox_name(name))


def spaced(*words: bytes) -> bytes:
    return b" ".join(words)


def parenthesised(*words: bytes) -> bytes:
    return b"(" + spaced(*words) + b")"


def optional(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


def _status_line(status: str, code: object, text: str) -> bytes:
    return spaced(
        status.encode(), *([] if code is None else [b"[" + code.name.encode() + b"]"]), text.encode()
    ).rstrip()


def _fetch(data: FetchData) -> bytes:
    words = []
    if data.uid is not None:
        words += [b"UID %d" % data.uid]
    if data.flags is not None:
        words += [b"FLAGS " + parenthesised(*(flag.encode() for flag in data.flags))]
    if data.internal_date is not None:
        month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
            data.internal_date.month - 1
        ]
        moment = f"{data.internal_date.day:2d}-{month}-{data.internal_date.year} {data.internal_date:%H:%M:%S %z}"
        words += [b'INTERNALDATE "' + moment.encode() + b'"']
    if data.size_bytes is not None:
        words += [b"RFC822.SIZE %d" % data.size_bytes]
    if data.modseq is not None:
        words += [b"MODSEQ (%d)" % data.modseq]
    if data.envelope is not None:
        words += [b"ENVELOPE " + _envelope(data.envelope)]
    words += [b"BODY[" + section.encode() + b"] " + string(content) for section, content in data.sections.items()]
    return b"* %d FETCH " % data.sequence_number + parenthesised(*words)


def _envelope(one: Envelope) -> bytes:
    lists = (one.from_, one.sender, one.reply_to, one.to, one.cc, one.bcc)
    return parenthesised(
        string(one.date), string(one.subject), *map(_addresses, lists), string(one.in_reply_to), string(one.message_id)
    )


def _addresses(addresses: tuple[EnvelopeAddress, ...]) -> bytes:
    if not addresses:
        return b"NIL"
    fields = (parenthesised(string(one.name), b"NIL", string(one.mailbox), string(one.host)) for one in addresses)
    return b"(" + b"".join(fields) + b")"


def _list(one: ListData) -> bytes:
    extended = []
    if one.child_info:
        extended += [b'"CHILDINFO"', parenthesised(*map(string, sorted(one.child_info)))]
    if one.old_name:
        extended += [b'"OLDNAME"', parenthesised(mailbox(one.old_name))]
    return spaced(
        b"* LSUB" if one.is_lsub else b"* LIST",
        parenthesised(*(attribute.encode() for attribute in one.attributes)),
        string(one.delimiter or None),
        mailbox(one.mailbox),
        *([parenthesised(*extended)] if extended else []),
    )


_STATUS_ITEMS = {
    "messages": b"MESSAGES",
    "recent": b"RECENT",
    "unseen": b"UNSEEN",
    "deleted": b"DELETED",
    "deleted_storage": b"DELETED-STORAGE",
    "uidnext": b"UIDNEXT",
    "uidvalidity": b"UIDVALIDITY",
    "highest_modseq": b"HIGHESTMODSEQ",
    "size_bytes": b"SIZE",
    "append_limit_bytes": b"APPENDLIMIT",
}


def _status(one: StatusData) -> bytes:
    items = [
        b"%b %d" % (word, getattr(one, name)) for name, word in _STATUS_ITEMS.items() if getattr(one, name) is not None
    ]
    items += [b"MAILBOXID " + parenthesised(one.mailbox_id.encode())] if one.mailbox_id else []
    return spaced(b"* STATUS", mailbox(one.mailbox), parenthesised(*items))


def _namespace(one: NamespaceData) -> bytes:
    def kind(spaces: tuple[Namespace, ...]) -> bytes:
        if not spaces:
            return b"NIL"
        return b"(" + b"".join(parenthesised(*_space(space)) for space in spaces) + b")"

    return spaced(b"* NAMESPACE", kind(one.personal), kind(one.other_users), kind(one.shared))


def _space(one: Namespace) -> list[bytes]:
    words = [mailbox(one.prefix), string(one.delimiter or None)]
    return [*words, b'"TRANSLATION"', parenthesised(mailbox(one.translation))] if one.translation else words


def _esearch(one: ESearchData) -> bytes:
    correlator = [b"TAG", string(one.tag)] if one.tag else []
    if one.mailbox:
        correlator += [b"MAILBOX", mailbox(one.mailbox), b"UIDVALIDITY", b"%d" % one.uidvalidity]
    words = [b"* ESEARCH", *([parenthesised(*correlator)] if correlator else []), *([b"UID"] if one.is_uid else [])]
    for word, number in ((b"MIN", one.minimum), (b"MAX", one.maximum), (b"COUNT", one.count), (b"MODSEQ", one.modseq)):
        words += [b"%b %d" % (word, number)] if number is not None else []
    words += [b"ALL " + one.all_uids.to_bytes()] if one.all_uids is not None else []
    for update in one.updates:
        word = b"REMOVEFROM" if update.is_removal else b"ADDTO"
        words += [word, parenthesised(b"%d" % update.position, update.numbers.to_bytes())]
    words += [b"RELEVANCY", parenthesised(*(b"%d" % score for score in one.relevancy))] if one.relevancy else []
    return spaced(*words)


def _found(word: bytes, one: SearchData | SortData) -> bytes:
    modseq = [b"(MODSEQ %d)" % one.modseq] if one.modseq is not None else []
    return spaced(word, *(b"%d" % uid for uid in one.uids), *modseq)


def _thread(one: ThreadData) -> bytes:
    """Chains, one after the other: ``(1 2 3)(4)``."""
    text = b""
    for member in one.members:
        text += b")(%d" % member.uid if member.depth == 0 else b" %d" % member.uid
    return b"* THREAD " + text[1:] + (b")" if text else b"")


def _pairs(pairs: object) -> list[bytes]:
    return [word for name, value in pairs.items() for word in (string(name), string(value))]


def _rows(word: bytes, names: object) -> bytes:
    return spaced(word, *map(string, names))


_ADDRESSES = st.lists(
    st.builds(EnvelopeAddress, name=optional(BYTES), mailbox=optional(BYTES), host=optional(BYTES)), max_size=2
).map(tuple)
_ENVELOPES = st.builds(
    Envelope,
    **{name: optional(BYTES) for name in ("date", "subject", "in_reply_to", "message_id")},
    **dict.fromkeys(("from_", "sender", "reply_to", "to", "cc", "bcc"), _ADDRESSES),
)
_SPACES = st.lists(
    st.builds(Namespace, prefix=NAMES, delimiter=st.sampled_from(["", "/", "."]), translation=st.just("") | NAMES),
    max_size=2,
).map(tuple)
_CHAINS = st.lists(st.lists(NUMBERS, min_size=1, max_size=4), max_size=3).map(
    lambda chains: tuple(ThreadMember(uid, depth) for chain in chains for depth, uid in enumerate(chain))
)
_PLAIN_CODES = optional(st.sampled_from(["READ-WRITE", "TRYCREATE", "X-OWN"]).map(lambda name: told_code(name=name)))


def told_code(*, name: str) -> object:
    from mailrules.imap.response_codes import ResponseCode  # noqa: PLC0415 - test_codes has the others

    return ResponseCode(name=name)


KINDS = {
    "Tagged": (
        st.builds(told.Tagged, tag=WORDS, status=st.sampled_from([*told.Status][:3]), code=_PLAIN_CODES, text=LINES),
        lambda one: spaced(one.tag.encode(), _status_line(one.status, one.code, one.text)),
    ),
    "Continuation": (
        st.builds(told.Continuation, raw=LINES.map(str.encode)),
        lambda one: (b"+ " + one.raw).rstrip(),
    ),
    "StatusResponse": (
        st.builds(told.StatusResponse, status=st.sampled_from(told.Status), code=_PLAIN_CODES, text=LINES),
        lambda one: b"* " + _status_line(one.status, one.code, one.text),
    ),
    "CapabilityData": (
        st.builds(told.CapabilityData, capabilities=st.frozensets(WORDS)),
        lambda one: spaced(b"* CAPABILITY", *map(str.encode, one.capabilities)),
    ),
    "EnabledData": (
        st.builds(told.EnabledData, capabilities=st.frozensets(WORDS)),
        lambda one: spaced(b"* ENABLED", *map(str.encode, one.capabilities)),
    ),
    "FlagsData": (
        st.builds(told.FlagsData, flags=FLAGS),
        lambda one: b"* FLAGS " + parenthesised(*map(str.encode, one.flags)),
    ),
    "ExistsData": (st.builds(told.ExistsData, count=COUNTS), lambda one: b"* %d EXISTS" % one.count),
    "RecentData": (st.builds(told.RecentData, count=COUNTS), lambda one: b"* %d RECENT" % one.count),
    "ExpungeData": (
        st.builds(told.ExpungeData, sequence_number=NUMBERS),
        lambda one: b"* %d EXPUNGE" % one.sequence_number,
    ),
    "FetchData": (
        st.builds(
            FetchData,
            sequence_number=NUMBERS,
            uid=optional(NUMBERS),
            flags=optional(FLAGS),
            internal_date=optional(MOMENTS),
            size_bytes=optional(LARGE),
            modseq=optional(LARGE),
            envelope=optional(_ENVELOPES),
            sections=st.dictionaries(st.sampled_from(["", "1", "HEADER", "TEXT", "2.MIME"]), BYTES, max_size=3),
        ),
        _fetch,
    ),
    "VanishedData": (
        st.builds(told.VanishedData, uids=SETS, earlier=st.booleans()),
        lambda one: spaced(b"* VANISHED", *([b"(EARLIER)"] if one.earlier else []), one.uids.to_bytes()),
    ),
    "IdData": (
        st.builds(told.IdData, fields=optional(st.dictionaries(LOWER, optional(TEXTS), min_size=1, max_size=3))),
        lambda one: b"* ID NIL" if one.fields is None else b"* ID " + parenthesised(*_pairs(one.fields)),
    ),
    "ListData": (
        st.builds(
            ListData,
            mailbox=NAMES,
            delimiter=st.sampled_from(["", "/", "."]),
            attributes=st.frozensets(st.sampled_from(["\\noselect", "\\trash", "\\haschildren"])),
            is_lsub=st.booleans(),
            child_info=st.frozensets(st.sampled_from(["SUBSCRIBED"])),
            old_name=st.just("") | NAMES,
        ),
        _list,
    ),
    "StatusData": (
        st.builds(
            StatusData,
            mailbox=NAMES,
            mailbox_id=st.just("") | WORDS,
            **{name: optional(LARGE) for name in _STATUS_ITEMS},
        ),
        _status,
    ),
    "NamespaceData": (st.builds(NamespaceData, personal=_SPACES, other_users=_SPACES, shared=_SPACES), _namespace),
    "AclData": (
        st.builds(AclData, mailbox=NAMES, entries=st.dictionaries(FILLED, TEXTS, max_size=3)),
        lambda one: spaced(b"* ACL", mailbox(one.mailbox), *_pairs(one.entries)),
    ),
    "MyRightsData": (
        st.builds(MyRightsData, mailbox=NAMES, rights=TEXTS),
        lambda one: spaced(b"* MYRIGHTS", mailbox(one.mailbox), string(one.rights)),
    ),
    "ListRightsData": (
        st.builds(
            ListRightsData,
            mailbox=NAMES,
            identifier=FILLED,
            required=TEXTS,
            optional=st.lists(TEXTS, max_size=3).map(tuple),
        ),
        lambda one: _rows(spaced(b"* LISTRIGHTS", mailbox(one.mailbox)), (one.identifier, one.required, *one.optional)),
    ),
    "QuotaData": (
        st.builds(
            QuotaData,
            root=TEXTS,
            resources=st.dictionaries(WORDS, st.builds(ResourceUsage, used=LARGE, limit=LARGE), max_size=3),
        ),
        lambda one: spaced(
            b"* QUOTA",
            string(one.root),
            parenthesised(*(b"%b %d %d" % (name.encode(), use.used, use.limit) for name, use in one.resources.items())),
        ),
    ),
    "QuotaRootData": (
        st.builds(QuotaRootData, mailbox=NAMES, roots=st.lists(TEXTS, max_size=3).map(tuple)),
        lambda one: _rows(spaced(b"* QUOTAROOT", mailbox(one.mailbox)), one.roots),
    ),
    "MetadataData": (
        st.builds(MetadataData, mailbox=NAMES, entries=st.dictionaries(LOWER, optional(BYTES), max_size=3)),
        lambda one: spaced(b"* METADATA", mailbox(one.mailbox), parenthesised(*_pairs(one.entries))),
    ),
    "MetadataChanged": (
        st.builds(MetadataChanged, mailbox=NAMES, entries=st.lists(LOWER, min_size=1, max_size=3).map(tuple)),
        lambda one: _rows(spaced(b"* METADATA", mailbox(one.mailbox)), one.entries),
    ),
    "AnnotationData": (
        st.builds(
            AnnotationData, mailbox=NAMES, entry=LOWER, attributes=st.dictionaries(LOWER, optional(BYTES), max_size=3)
        ),
        lambda one: spaced(
            b"* ANNOTATION", mailbox(one.mailbox), string(one.entry), parenthesised(*_pairs(one.attributes))
        ),
    ),
    "LanguageData": (
        st.builds(LanguageData, tags=st.lists(WORDS, max_size=3).map(tuple)),
        lambda one: b"* LANGUAGE " + parenthesised(*map(string, one.tags)),
    ),
    "ComparatorData": (
        st.builds(ComparatorData, active=WORDS, matching=st.lists(WORDS, max_size=3).map(tuple)),
        lambda one: spaced(b"* COMPARATOR", string(one.active), parenthesised(*map(string, one.matching))),
    ),
    "SearchData": (
        st.builds(SearchData, uids=st.lists(NUMBERS, max_size=5).map(tuple), modseq=optional(LARGE)),
        partial(_found, b"* SEARCH"),
    ),
    "SortData": (
        st.builds(SortData, uids=st.lists(NUMBERS, max_size=5).map(tuple), modseq=optional(LARGE)),
        partial(_found, b"* SORT"),
    ),
    "ThreadData": (st.builds(ThreadData, members=_CHAINS), _thread),
    "ESearchData": (
        st.builds(
            ESearchData,
            tag=WORDS,
            is_uid=st.booleans(),
            all_uids=optional(SETS),
            minimum=optional(NUMBERS),
            maximum=optional(NUMBERS),
            count=optional(COUNTS),
            modseq=optional(LARGE),
            updates=st.lists(
                st.builds(SearchUpdate, position=COUNTS, numbers=SETS, is_removal=st.booleans()), max_size=2
            ).map(tuple),
            relevancy=st.lists(st.integers(1, 100), max_size=3).map(tuple),
        ),
        _esearch,
    ),
    "GenUrlAuthData": (
        st.builds(GenUrlAuthData, urls=st.lists(FILLED, min_size=1, max_size=3).map(tuple)),
        lambda one: _rows(b"* GENURLAUTH", one.urls),
    ),
    "UrlFetchData": (
        st.builds(UrlFetchData, contents=st.dictionaries(FILLED, optional(BYTES), min_size=1, max_size=3)),
        lambda one: spaced(b"* URLFETCH", *_pairs(one.contents)),
    ),
    "JmapAccessData": (
        st.builds(JmapAccessData, session_url=FILLED),
        lambda one: spaced(b"* JMAPACCESS", string(one.session_url)),
    ),
    "Unknown": (
        st.builds(told.Unknown, name=WORDS.map("X-".__add__), raw=LINES.map(str.encode)),
        lambda one: b"* " + one.name.encode() + b" " + one.raw,
    ),
    "Malformed": (st.just(told.Malformed(raw=b"*", reason="")), lambda one: one.raw),
}
"""Each kind by its class's name: values of it, and a server's bytes for one, without the line end."""
