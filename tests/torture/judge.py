"""Was a promise broken? Decided only by what can be seen from outside.

That is: the mailboxes before and after, the commands on the wire, what arrived at the receivers of outside
effects, and what was printed, logged and kept. The judge knows nothing of plans, states or reports, but
which steps the journal itself calls in doubt: those may be undone, never lost or done twice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.torture.cases import BODY_SECRET, DELETED, PASSWORD, STRANGER, added, goes_to, removed, rings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.torture.cases import Case, Contents, Letter
    from tests.torture.wire import WireLine, WireLog


class Broken(StrEnum):
    """The promises, by what it is called when one is broken."""

    LOST = "lost"
    DOUBLED = "doubled"
    UNDONE = "undone"
    """What a rule wants is not done, and nobody was told that it is in doubt."""
    WRONG_PLACE = "wrong place"
    WRONG_FLAGS = "wrong flags"
    FOREIGN = "foreign"
    """Somebody else's mail or mark was touched."""
    FORBIDDEN_COMMAND = "forbidden command"
    UNJOURNALLED = "unjournalled"
    INJECTED = "injected"
    LEAKED = "leaked"
    PREVIEW_CHANGED = "preview changed"
    LOCKED_OUT = "locked out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken promise."""

    what: Broken
    words: str

    def __str__(self) -> str:
        return f"{self.what}: {self.words}"


@dataclass(slots=True, kw_only=True)
class PersonLog:
    """What somebody else did to our letters meanwhile."""

    expunged: Counter[str] = field(default_factory=Counter)
    moved_to: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    copied: Counter[str] = field(default_factory=Counter)
    """So often the letter may be there once more."""
    must_stay_gone: bool = False
    """What was expunged must be nowhere."""
    may_have: set[str] = field(default_factory=set)
    """Flags that any letter may have or lack."""
    must_keep: bool = False
    """Each of these must be there, too."""
    flags_set: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    flags_taken: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def touched(self, letter: str) -> bool:
        return bool(
            self.expunged[letter]
            or self.copied[letter]
            or letter in self.moved_to
            or letter in self.flags_set
            or letter in self.flags_taken
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the judge may look at.

    ``doubtful`` is the journal's: state, operation, mailbox, UID, Message-ID, rule.
    """

    case: Case
    has_uidplus: bool
    before: Contents
    after: Contents
    wire: WireLog
    effects: tuple[tuple[str, str], ...]
    """Rule and Message-ID of each."""
    outputs: str
    person: PersonLog
    doubtful: tuple[tuple[str, str, str, int, str, str], ...] = ()
    own_rights: Mapping[str, str] = field(default_factory=dict)
    is_preview: bool = False
    recent_changed: bool = False
    """Whether \\Recent was taken off a message."""


def judge(evidence: Evidence, *, is_settled: bool = True, undone: bool = False) -> list[Finding]:
    """The broken promises, none if all is well.

    ``is_settled``: all faults are over and a whole run came after them, so what rules want must be done,
    unless it is in doubt. Else it may be done or not. ``undone``: all was taken back, as far as it can be.
    """
    findings = [*_wire(evidence), *_outputs(evidence), *_foreign(evidence), *_rights(evidence)]
    if evidence.is_preview:
        if evidence.after != evidence.before:
            findings.append(Finding(what=Broken.PREVIEW_CHANGED, words="the mailboxes are not what they were"))
        if evidence.recent_changed:
            findings.append(Finding(what=Broken.PREVIEW_CHANGED, words="\\Recent was taken off a message"))
        return findings
    for letter in evidence.case.letters:
        findings += _letter(evidence, letter, is_settled=is_settled, undone=undone)
        findings += _effects(evidence, letter, is_settled=is_settled)
    return findings


def judge_words(evidence: Evidence) -> list[Finding]:
    """What was said on the wire and in words alone, in the middle of a story whose end is known."""
    return [*_wire(evidence), *_outputs(evidence)]


# -- one letter -------------------------------------------------------------------------------------------


def _letter(evidence: Evidence, letter: Letter, *, is_settled: bool, undone: bool) -> Iterator[Finding]:
    is_in_doubt = _is_in_doubt(evidence, letter)
    person = evidence.person
    found = {name: _standing(evidence, name, letter) for name in evidence.after}
    places = Counter({name: len(flags) for name, flags in found.items() if flags})
    goal = _goal(evidence.case, letter, undone=undone)
    start = Counter({"INBOX": letter.times})
    theirs = person.moved_to.get(letter.name, set())
    copies = sum(letter_goal for name, letter_goal in goal.items() if _is_copy(letter, name))
    there = ", ".join(f"{count} in {name}" for name, count in sorted(places.items())) or "nowhere"
    should = ", ".join(f"{count} in {name}" for name, count in sorted(goal.items())) or "nowhere"
    least = letter.times - person.expunged[letter.name]
    if "delete" in letter.wishes:
        least = 0
    kept = sum(count for name, count in places.items() if not _is_copy(letter, name))
    if (
        person.must_stay_gone
        and person.expunged[letter.name]
        and sum(places.values()) > letter.times + copies - person.expunged[letter.name]
    ):
        yield Finding(what=Broken.DOUBLED, words=f"{letter.name} is {there}, though a person had removed it")
        return
    by_rule = copies if is_settled and not is_in_doubt else 0
    if person.must_keep and not undone and sum(places.values()) < least + by_rule + person.copied[letter.name]:
        yield Finding(what=Broken.LOST, words=f"{letter.name} is {there}, without what a person had copied")
        return
    if kept < least and sum(places.values()) < least + by_rule:
        yield Finding(what=Broken.LOST, words=f"{letter.name} is {there}; it should be {should}")
        return
    # A move in doubt stays where it is, and perhaps is where it goes as well, until a person has looked.
    may_be_in_both = sum(
        state == "ambiguous" and operation in {"copy", "move"} and message_id.strip("<").startswith(f"{letter.name}.")
        for state, operation, _, _, message_id, _ in evidence.doubtful
    )
    if sum(places.values()) > letter.times + copies + person.copied[letter.name] + may_be_in_both:
        yield Finding(what=Broken.DOUBLED, words=f"{letter.name} is {there}; it should be {should}")
        return
    for name, count in places.items():
        most = max(start[name], goal[name]) + (letter.times if name in theirs else 0)
        if _is_copy(letter, name) and count > most:
            yield Finding(what=Broken.DOUBLED, words=f"{letter.name} is {there}; it should be {should}")
            return
        if count > most:
            yield Finding(what=Broken.WRONG_PLACE, words=f"{letter.name} is {there}; it should be {should}")
            return
    # An equal one that stays looks like one that somebody has put back, and so is not moved again (meaning 10).
    is_put_back = (
        letter.times > 1 and sum(places.values()) == sum(goal.values()) and 0 < places[goes_to(letter)] < letter.times
    )
    if is_settled and not is_in_doubt and not person.touched(letter.name) and places != goal and not is_put_back:
        stays = "delete" in letter.wishes and sum(places.values()) <= letter.times + copies
        kind = Broken.UNDONE if sum(places.values()) <= sum(goal.values()) or stays else Broken.DOUBLED
        yield Finding(what=kind, words=f"{letter.name} is {there}; it should be {should}")
        return
    for name, several in found.items():
        # What somebody took elsewhere is no more the rules' concern.
        is_done = is_settled and not is_in_doubt and name not in theirs
        for flags in several:
            yield from _flags(evidence, letter, name, flags, is_settled=is_done, undone=undone)
    yield from _flags_of_person(evidence, letter, found)


def _standing(evidence: Evidence, mailbox: str, letter: Letter) -> list[frozenset[str]]:
    """The flags of each message that is there. Without UIDPLUS what carries \\Deleted is as good as gone."""
    return [
        copy.flags
        for copy, count in evidence.after[mailbox].items()
        if copy.letter == letter.name and (evidence.has_uidplus or DELETED not in copy.flags)
        for _ in range(count)
    ]


def _goal(case: Case, letter: Letter, *, undone: bool) -> Counter[str]:
    if undone:
        gone = "delete" in letter.wishes
        return Counter() if gone else Counter({"INBOX": letter.times})
    goal = Counter(dict.fromkeys(case.end_of(letter), letter.times))
    for name in goal:
        if _is_copy(letter, name):
            goal[name] = 1  # equal letters have one content, and a content is copied once
    return goal


def _is_copy(letter: Letter, mailbox: str) -> bool:
    return f"copy {mailbox}" in letter.wishes and goes_to(letter) != mailbox


def _flags(
    evidence: Evidence, letter: Letter, mailbox: str, flags: frozenset[str], *, is_settled: bool, undone: bool
) -> Iterator[Finding]:
    person = evidence.person
    set_, taken = person.flags_set.get(letter.name, set()), person.flags_taken.get(letter.name, set())
    wanted = letter.flags if undone else (letter.flags | added(letter)) - removed(letter)
    may_differ: set[str] = set_ | taken | person.may_have
    if not is_settled:
        may_differ |= added(letter) | removed(letter)
        if "delete" in letter.wishes or goes_to(letter):
            may_differ.add(DELETED)
    wrong = (flags ^ wanted) - may_differ
    if wrong:
        words = f"{letter.name} in {mailbox} has {_words(flags)}; it should have {_words(wanted)}"
        yield Finding(what=Broken.WRONG_FLAGS, words=words)


def _flags_of_person(
    evidence: Evidence, letter: Letter, found: Mapping[str, list[frozenset[str]]]
) -> Iterator[Finding]:
    """What a person set and no rule takes away stays, and the other way round: on the letter, not on its copies."""
    standing = [flags for name, several in found.items() if not _is_copy(letter, name) for flags in several]
    set_ = evidence.person.flags_set.get(letter.name, set())
    taken = evidence.person.flags_taken.get(letter.name, set())
    kept, gone = set_ - taken - removed(letter), taken - set_ - added(letter)
    if standing and not any(flags >= kept and not flags & gone for flags in standing):
        words = f"{letter.name} has {_words(standing[0])}; a person had made it {_words(kept)} and not {_words(gone)}"
        yield Finding(what=Broken.WRONG_FLAGS, words=words)


def _effects(evidence: Evidence, letter: Letter, *, is_settled: bool) -> Iterator[Finding]:
    mark = f"{letter.name}."
    done = Counter(rule for rule, message_id in evidence.effects if message_id.strip("<").startswith(mark))
    for rule, count in done.items():
        if count > 1 or rule not in rings(letter):
            yield Finding(what=Broken.DOUBLED, words=f"the effect of {rule} on {letter.name} arrived {count} times")
    is_free = _is_in_doubt(evidence, letter) or evidence.person.touched(letter.name) or not is_settled
    for rule in rings(letter):
        if not done[rule] and not is_free:
            yield Finding(what=Broken.UNDONE, words=f"the effect of {rule} on {letter.name} never arrived")


def _is_in_doubt(evidence: Evidence, letter: Letter) -> bool:
    """Whether the journal says so of a step of this letter."""
    mark = f"{letter.name}."
    return any(message_id.strip("<").startswith(mark) for _, _, _, _, message_id, _ in evidence.doubtful)


# -- everything else --------------------------------------------------------------------------------------


def _foreign(evidence: Evidence) -> Iterator[Finding]:
    ours = {letter.name for letter in evidence.case.letters}
    for name, contents in evidence.before.items():
        for copy, count in contents.items():
            if copy.letter not in ours and evidence.after.get(name, Counter())[copy] != count:
                words = f"{copy.letter} in {name} was {count} time(s) {_words(copy.flags)}, and is no longer"
                yield Finding(what=Broken.FOREIGN, words=words)
    for name, contents in evidence.after.items():
        for copy in contents:
            if copy.letter not in ours and copy not in evidence.before.get(name, Counter()):
                yield Finding(what=Broken.FOREIGN, words=f"{copy.letter} is in {name}, where nobody put it")


def _rights(evidence: Evidence) -> Iterator[Finding]:
    for mailbox, rights in evidence.own_rights.items():
        if not {"a", "l"} <= set(rights):
            yield Finding(what=Broken.LOCKED_OUT, words=f"of {mailbox} we have the rights {rights!r} left")


_PLAIN_EXPUNGE = re.compile(r"(EXPUNGE|CLOSE)\b", re.IGNORECASE)
_BY_NUMBER = re.compile(r"(STORE|COPY|MOVE|FETCH|SEARCH)\b", re.IGNORECASE)
_ABSOLUTE = re.compile(r"UID STORE \S+ (\(UNCHANGEDSINCE \d+\) )?FLAGS|SETACL \S+ \S+ [^+-]", re.IGNORECASE)


def _wire(evidence: Evidence) -> Iterator[Finding]:
    for line in evidence.wire.lines:
        if (reason := _is_forbidden(line, is_preview=evidence.is_preview)) is not None:
            yield Finding(what=Broken.FORBIDDEN_COMMAND, words=f"{line.text}: {reason}")
        if STRANGER in line.text:
            yield Finding(what=Broken.INJECTED, words=f"{line.text}: has words of a sender in it")
        if line.is_intended is False:
            yield Finding(what=Broken.UNJOURNALLED, words=f"{line.text}: the journal did not know of it beforehand")


def _is_forbidden(line: WireLine, *, is_preview: bool) -> str | None:
    if _PLAIN_EXPUNGE.match(line.text):
        return "it removes other people's \\Deleted mail"
    if _BY_NUMBER.match(line.text):
        return "it counts messages, and others change the count"
    if _ABSOLUTE.match(line.text):
        return "it overwrites what others set"
    if re.match(r"UID (STORE|MOVE|COPY|EXPUNGE) [\d:,]*\*", line.text, re.IGNORECASE):
        return "it reaches messages that nobody looked at"
    if is_preview and not line.may_preview:
        return "a preview may not say it"
    return None


def _outputs(evidence: Evidence) -> Iterator[Finding]:
    for name, secret in (("the password", PASSWORD), ("the text of a message", BODY_SECRET)):
        if secret in evidence.outputs:
            place = evidence.outputs.index(secret)
            around = evidence.outputs[max(0, place - 60) : place + 60].replace(secret, "...")
            yield Finding(what=Broken.LEAKED, words=f"{name} is in what we print or keep: {around!r}")


def _words(flags: frozenset[str] | set[str]) -> str:
    return " ".join(sorted(flags)) or "no flags"
