"""Every broken executor, and where the judge is to see that it is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.torture.answers import Answers
from tests.torture.broken import crossings, journals, posts, recoveries, stores
from tests.torture.crossings import Crossings, CrossingWorld
from tests.torture.judge import Broken
from tests.torture.kills import Kills
from tests.torture.others import Others
from tests.torture.places import Places
from tests.torture.posting import Posting, PostingWorld
from tests.torture.previews import Previews
from tests.torture.saved import Saved
from tests.torture.takebacks import TakeBacks
from tests.torture.undoing import Undoing
from tests.torture.watching import Watching, WatchingWorld
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.journal.journal import Journal
    from tests.torture.recording import RecordingStore
    from tests.torture.suites import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenExecutor:
    """``suite`` with ``world`` at points whose names have ``what``, in ``case`` on ``profile``, breaks ``promise``.

    ``words`` are in what the judge says.
    """

    name: str
    world: type[World]
    promise: Broken
    words: str
    suite: Callable[[type[World]], Suite] = Kills
    case: str = "everything"
    profile: str = "all"
    what: str = ""
    letters: tuple[str, ...] = ()
    """Only these of the case, or all."""

    def suite_of_the_real_one(self) -> Suite:
        """The same suite with nothing broken."""
        kinds = (WatchingWorld, PostingWorld, CrossingWorld, World)
        return self.suite(next(kind for kind in kinds if issubclass(self.world, kind)))


def _with_store(store: type[RecordingStore]) -> type[World]:
    return type(store.__name__, (World,), {"store_type": store})


def _with_reader(reader: type[RecordingStore]) -> type[World]:
    return type(reader.__name__, (World,), {"reader_type": reader})


def _with_journal(journal: type[Journal], base: type[World] = World) -> type[World]:
    return type(journal.__name__, (base,), {"journal_type": journal})


BROKEN: tuple[BrokenExecutor, ...] = (
    BrokenExecutor(
        name="repeats a move after a reset",
        world=_with_store(stores.RepeatsAfterReset),
        promise=Broken.DOUBLED,
        words="it should be",
        case="moves",
        what="late",
    ),
    BrokenExecutor(
        name="repeats a copy after a reset",
        world=_with_store(stores.RepeatsAfterReset),
        promise=Broken.DOUBLED,
        words="2 in Junk",
        case="copies",
        what="done",
    ),
    BrokenExecutor(
        name="expunges plainly",
        world=_with_store(stores.PlainExpunge),
        promise=Broken.FOREIGN,
        words="INBOX was 1 time(s) \\Deleted, and is no longer",
        case="deletes",
    ),
    BrokenExecutor(
        name="says EXPUNGE",
        world=_with_store(stores.PlainExpunge),
        promise=Broken.FORBIDDEN_COMMAND,
        words="EXPUNGE: it removes other people's \\Deleted mail",
        case="deletes",
    ),
    BrokenExecutor(
        name="closes the mailbox",
        world=_with_store(stores.Closes),
        promise=Broken.FORBIDDEN_COMMAND,
        words="CLOSE: it removes other people's \\Deleted mail",
        case="deletes",
    ),
    BrokenExecutor(
        name="expunges everything by UID",
        world=_with_store(stores.ExpungesAll),
        promise=Broken.FORBIDDEN_COMMAND,
        words="it reaches messages that nobody looked at",
        case="deletes",
    ),
    BrokenExecutor(
        name="sets flags absolutely",
        world=_with_store(stores.AbsoluteFlags),
        promise=Broken.FORBIDDEN_COMMAND,
        words="it overwrites what others set",
        case="flags",
    ),
    BrokenExecutor(
        name="overwrites a person's flags",
        world=_with_store(stores.AbsoluteFlags),
        promise=Broken.WRONG_FLAGS,
        words="a person had made it \\Answered",
        suite=Others,
        case="flags",
        what="flag-",
    ),
    BrokenExecutor(
        name="uses sequence numbers",
        world=_with_store(stores.SequenceNumbers),
        promise=Broken.FORBIDDEN_COMMAND,
        words="it counts messages",
        case="flags",
    ),
    BrokenExecutor(
        name="trusts OK to COPY",
        world=_with_store(stores.TrustsOkToCopy),
        promise=Broken.UNDONE,
        words="in Junk",
        suite=Answers,
        case="copies",
        what="ignored",
    ),
    BrokenExecutor(
        name="expunges what OK said was copied",
        world=_with_store(stores.TrustsOkToCopy),
        promise=Broken.LOST,
        words="is nowhere",
        suite=Answers,
        case="moves",
        profile="no-move",
        what="ignored",
    ),
    BrokenExecutor(
        name="trusts OK to STORE, in the daemon",
        world=type("TrustsOk", (WatchingWorld,), {"store_type": stores.Examines}),
        promise=Broken.WRONG_FLAGS,
        words="it should have",
        suite=Watching,
        case="flags",
    ),
    BrokenExecutor(
        name="believes a mailbox opened by EXAMINE",
        world=_with_store(stores.Examines),
        promise=Broken.WRONG_FLAGS,
        words="it should have",
        case="flags",
    ),
    BrokenExecutor(
        name="ignores that a message was modified",
        world=_with_store(stores.IgnoresModified),
        promise=Broken.LOST,
        words="though a person had just flagged it",
        suite=Others,
        case="deletes",
        what="flag-m1",
    ),
    BrokenExecutor(
        name="moves to what a name meant before",
        world=_with_store(stores.StaleTargets),
        promise=Broken.LOST,
        words="is nowhere",
        suite=Places,
        case="moves",
        what="delete-target",
    ),
    BrokenExecutor(
        name="deletes what it cannot move",
        world=_with_store(stores.DeletesWhatItCannotMove),
        promise=Broken.LOST,
        words="is nowhere",
        suite=Answers,
        case="moves",
        what="OVERQUOTA",
    ),
    BrokenExecutor(
        name="copies before it moves",
        world=_with_store(stores.CopiesThenMoves),
        promise=Broken.DOUBLED,
        words="in Archive",
        case="moves",
    ),
    BrokenExecutor(
        name="searches by a hostile Message-ID",
        world=_with_store(stores.SearchesByMessageId),
        promise=Broken.INJECTED,
        words="has words of a sender in it",
        case="copies",
        what="half",
    ),
    BrokenExecutor(
        name="names mailboxes after senders",
        world=_with_store(stores.NamesMailboxesAfterSenders),
        promise=Broken.INJECTED,
        words="CREATE",
    ),
    BrokenExecutor(
        name="selects in a preview",
        world=_with_reader(stores.SelectsInPreview),
        promise=Broken.FORBIDDEN_COMMAND,
        words="SELECT INBOX: a preview may not say it",
        suite=Previews,
    ),
    BrokenExecutor(
        name="takes Recent off in a preview",
        world=_with_reader(stores.RecentInPreview),
        promise=Broken.PREVIEW_CHANGED,
        words="\\Recent",
        suite=Previews,
    ),
    BrokenExecutor(
        name="fetches without PEEK in a preview",
        world=_with_reader(stores.FetchesWithoutPeek),
        promise=Broken.FORBIDDEN_COMMAND,
        words="(BODY[]): a preview may not say it",
        suite=Previews,
    ),
    BrokenExecutor(
        name="marks as read in a preview",
        world=_with_reader(stores.FetchesWithoutPeek),
        promise=Broken.PREVIEW_CHANGED,
        words="not what they were",
        suite=Previews,
    ),
    BrokenExecutor(
        name="writes in a preview",
        world=_with_reader(stores.WritesInPreview),
        promise=Broken.FORBIDDEN_COMMAND,
        words="SUBSCRIBE INBOX: a preview may not say it",
        suite=Previews,
    ),
    BrokenExecutor(
        name="logs the password",
        world=_with_store(stores.TellsThePassword),
        promise=Broken.LEAKED,
        words="the password is in what we print or keep",
        case="flags",
    ),
    BrokenExecutor(
        name="logs mail",
        world=_with_store(stores.TellsTheMail),
        promise=Broken.LEAKED,
        words="the text of a message is in what we print or keep",
        case="flags",
    ),
    BrokenExecutor(
        name="confirms before it acts",
        world=_with_journal(journals.ConfirmsBeforeActing),
        promise=Broken.UNJOURNALLED,
        words="the journal did not know of it beforehand",
        case="copies",
    ),
    BrokenExecutor(
        name="confirms, and is killed before it acts",
        world=_with_journal(journals.ConfirmsBeforeActing),
        promise=Broken.UNDONE,
        words="it should be",
        case="copies",
        what="never-kill",
    ),
    BrokenExecutor(
        name="forgets its intents",
        world=_with_journal(journals.ForgetsIntents),
        promise=Broken.DOUBLED,
        words="it should be",
        case="copies",
        what="done-kill",
    ),
    BrokenExecutor(
        name="writes intents afterwards",
        world=_with_journal(journals.IntendsAfterwards),
        promise=Broken.UNJOURNALLED,
        words="the journal did not know of it beforehand",
        case="moves",
    ),
    BrokenExecutor(
        name="forgets the ledger",
        world=_with_journal(journals.ForgetsTheLedger),
        promise=Broken.DOUBLED,
        words="2 in Junk",
        case="copies",
    ),
    BrokenExecutor(
        name="sends an effect at each run",
        world=_with_journal(journals.ForgetsTheLedger),
        promise=Broken.DOUBLED,
        words="the effect of ring on m1 arrived 2 times",
        case="effects",
    ),
    BrokenExecutor(
        name="advances the position past failures",
        world=_with_journal(journals.PassesFailures, WatchingWorld),
        promise=Broken.UNDONE,
        words="it should be",
        suite=Watching,
        case="moves",
        what="no-",
    ),
    BrokenExecutor(
        name="drops held messages",
        world=recoveries.ForgetsHeldMail,
        promise=Broken.UNDONE,
        words="it should be",
        suite=Watching,
        case="moves",
        what="never",
    ),
    BrokenExecutor(
        name="takes unknown for done",
        world=_with_journal(journals.TakesUnknownForDone),
        promise=Broken.UNDONE,
        words="it should be",
        case="copies",
        what="never",
    ),
    BrokenExecutor(
        name="takes unknown for undone",
        world=_with_journal(journals.TakesUnknownForUndone),
        promise=Broken.DOUBLED,
        words="it should be",
        case="copies",
        what="done",
    ),
    BrokenExecutor(
        name="does not recover",
        world=recoveries.NoRecovery,
        promise=Broken.DOUBLED,
        words="it should be",
        case="moves",
        profile="no-move",
        what="done-kill",
    ),
    BrokenExecutor(
        name="does not settle",
        world=recoveries.NoSettle,
        promise=Broken.DOUBLED,
        words="it should be",
        case="copies",
        what="late",
    ),
    BrokenExecutor(
        name="does not wait between its readings",
        world=recoveries.NoQuietTime,
        promise=Broken.DOUBLED,
        words="it should be",
        case="copies",
        what="late",
    ),
    BrokenExecutor(
        name="copies again on recovery",
        world=recoveries.CopiesAgain,
        promise=Broken.DOUBLED,
        words="it should be",
        case="copies",
        what="done",
    ),
    BrokenExecutor(
        name="holds everything for done on recovery",
        world=recoveries.HoldsAllForDone,
        promise=Broken.UNDONE,
        words="it should be",
        case="copies",
        what="never",
    ),
    BrokenExecutor(
        name="expunges before the copy is verified",
        world=recoveries.ExpungesUnverified,
        promise=Broken.LOST,
        words="is nowhere",
        case="moves",
        profile="no-move",
        what="never",
    ),
    BrokenExecutor(
        name="counts equal messages twice",
        world=recoveries.CountsEqualsTwice,
        promise=Broken.LOST,
        words="m5 is",
        case="moves",
        profile="no-move-objectid",
        letters=("m5",),
        what="half",
    ),
    BrokenExecutor(
        name="takes NO for nothing done",
        world=recoveries.RefusedMeansUndone,
        promise=Broken.DOUBLED,
        words="it should be",
        suite=Answers,
        case="copies",
        what="part-SERVERBUG",
    ),
    BrokenExecutor(
        name="finishes a move without comparing",
        world=recoveries.FinishesUncompared,
        promise=Broken.LOST,
        words="is nowhere",
        suite=Others,
        case="moves",
        profile="no-move-objectid",
        what="lookalike",
    ),
    BrokenExecutor(
        name="removes surplus copies of others",
        world=recoveries.RemovesSurplus,
        promise=Broken.LOST,
        words="a person had copied",
        suite=Others,
        case="copies",
        what="copytoo",
    ),
    BrokenExecutor(
        name="recreates what vanished",
        world=recoveries.RecreatesVanished,
        promise=Broken.DOUBLED,
        words="though a person had removed it",
        suite=Others,
        case="moves",
        what="expunge",
    ),
    BrokenExecutor(
        name="ignores UIDVALIDITY",
        world=recoveries.IgnoresUidvalidity,
        promise=Broken.FOREIGN,
        words="where nobody put it",
        suite=Saved,
        case="moves",
        what="swap",
    ),
    BrokenExecutor(
        name="takes away its own rights",
        world=recoveries.GivesUpItsRights,
        promise=Broken.LOCKED_OUT,
        words="of Kept we have the rights 'lrcd' left",
        case="rights",
    ),
    BrokenExecutor(
        name="writes all rights anew",
        world=_with_store(stores.AbsoluteRights),
        promise=Broken.FORBIDDEN_COMMAND,
        words="it overwrites what others set",
        case="rights",
    ),
    BrokenExecutor(
        name="sets again what a person took back",
        world=recoveries.SetsAgainWhatWasTakenBack,
        promise=Broken.WRONG_FLAGS,
        words="a person had taken back",
        suite=TakeBacks,
        case="flags",
    ),
    BrokenExecutor(
        name="deletes again what a person took back",
        world=recoveries.SetsAgainWhatWasTakenBack,
        promise=Broken.LOST,
        words="a person had taken that back",
        suite=TakeBacks,
        case="deletes",
    ),
    BrokenExecutor(
        name="sends an effect again on a retry",
        world=recoveries.RepeatsEffects,
        promise=Broken.DOUBLED,
        words="arrived 2 times",
        suite=Answers,
        case="effects",
        what="effect-",
    ),
    BrokenExecutor(
        name="sends at least once to a receiver that does not know it again",
        world=recoveries.AtLeastOnce,
        promise=Broken.DOUBLED,
        words="arrived 2 times",
        case="effects",
        what="write-",
    ),
    BrokenExecutor(
        name="posts again what may have arrived",
        world=posts.TakesEveryReceiverForWise,
        promise=Broken.DOUBLED,
        words="arrived 2 times",
        suite=Posting,
        case="effects",
        what="-lost",
    ),
    BrokenExecutor(
        name="tells the outbox afterwards",
        world=posts.SaysSoAfterwards,
        promise=Broken.DOUBLED,
        words="arrived 2 times",
        suite=Posting,
        case="effects",
        what="-kill-done",
    ),
    BrokenExecutor(
        name="hands in again what is under way to another account",
        world=crossings.NoRecoveryAcross,
        promise=Broken.DOUBLED,
        words="it should be",
        suite=Crossings,
        case="crossing",
        what="work-",
    ),
    BrokenExecutor(
        name="repeats an APPEND after a reset",
        world=crossings.RepeatsAcross,
        promise=Broken.DOUBLED,
        words="it should be",
        suite=Crossings,
        case="crossing",
        what="-done",
    ),
    BrokenExecutor(
        name="undoes a person's flags",
        world=recoveries.UndoOverwrites,
        promise=Broken.WRONG_FLAGS,
        words="a person had made it \\Answered",
        suite=Undoing,
        case="flags",
    ),
    BrokenExecutor(
        name="undoes a move by a copy",
        world=recoveries.UndoCopiesBack,
        promise=Broken.DOUBLED,
        words="it should be",
        suite=Undoing,
        case="moves",
    ),
)
