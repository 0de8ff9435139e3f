"""Tests of how plugins are found, what they may add, and how their failures are contained."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from structlog.testing import capture_logs

from mailrules import hookspecs
from mailrules.diagnostics import Diagnostic, Location
from mailrules.errors import PluginError
from mailrules.execution.effects import EffectCall, EffectOutcome
from mailrules.hookspecs import RunFinished, RunStarted, hookimpl
from mailrules.journal.records import RunId, RunKind, RunOutcome
from mailrules.mailbox.message import UID, Fact, FactKind
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo, MailboxStatus
from mailrules.plan.actions import Effect
from mailrules.plugin_manager import PluginManager
from mailrules.rules.conditions import Environment
from mailrules.rules.registry import ActionSpec, CompileContext, ConditionSpec
from mailrules.rules.source import SourceValue
from mailrules.rules.truth import Truth
from tests.daemon.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHERE = Location(file="rules.yaml", line=3, column=7)


def plugin(**hooks: Callable[..., object]) -> SimpleNamespace:
    """A plugin object that implements these hooks."""
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def with_plugins(**plugins: object) -> PluginManager:
    manager = PluginManager.create()
    for name, implementation in plugins.items():
        manager.register(implementation, name=name)
    return manager


def compile_with(spec: ConditionSpec | ActionSpec) -> tuple[object, list[Diagnostic]]:
    """What a word's compiler makes of an option, and what it reports."""
    found: list[Diagnostic] = []
    context = CompileContext(lists={}, allow=frozenset(), report=found.append)
    return spec.compile(SourceValue(value=True, at=WHERE), context), found


def install_broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a distribution on the path whose plugin ``broken`` cannot be imported."""
    metadata = folder / "broken_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\nSummary: It fails.\n")
    (metadata / "entry_points.txt").write_text("[mailrules]\nbroken = no_such_module\n")
    monkeypatch.syspath_prepend(folder)


class Odd:
    """A condition that behaves as told."""

    needs: tuple[Fact, ...] = ()

    def __init__(self, answer: Truth | Exception) -> None:
        self.answer = answer

    def judge(self, _snapshot: Snapshot, _rows: int, _environment: Environment) -> Truth:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def seen(self, _snapshot: Snapshot, _row: int) -> str:
        raise LookupError("no row")


def snapshot() -> Snapshot:
    status = MailboxStatus(mailbox="INBOX", uidvalidity=1, messages=2)
    return Snapshot(account="home", info=MailboxInfo(name="INBOX", delimiter="/"), status=status, uids=[UID(1), UID(2)])


def odd_condition(answer: Truth | Exception) -> Odd:
    """The contained test that a stranger's condition word compiles to."""
    spec = ConditionSpec(name="odd", compile=lambda _source, _context: Odd(answer), summary="")
    registry = with_plugins(odd=plugin(mailrules_conditions=lambda: [spec])).registry()
    test, _ = compile_with(registry.conditions["odd"])
    assert test is not None
    return test  # type: ignore[return-value]  # the container has the same methods


def test_the_built_in_words_come_through_the_same_hooks() -> None:
    registry = PluginManager.create().registry()

    assert {"from", "subject", "list_id", "size", "received", "flag", "attachment"} <= registry.conditions.keys()
    assert {"flag", "move", "copy", "trash", "delete", "keep", "create", "setacl"} <= registry.actions.keys()
    assert {spec.plugin for spec in registry.conditions.values()} == {"mailrules"}


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("mailrules_")])
def test_every_hook_says_what_it_is_for(hook: str) -> None:
    assert (getattr(hookspecs, hook).__doc__ or "").endswith(".")


def test_a_name_that_is_not_installed_is_an_error_that_lists_what_is() -> None:
    with pytest.raises(PluginError, match=r"plugin 'nosuch' is not installed \(installed: .*\); install its package"):
        PluginManager.create(["nosuch"])


def test_a_plugin_whose_import_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_broken(tmp_path, monkeypatch)

    with pytest.raises(PluginError, match=r"'broken' could not be imported from no_such_module"):
        PluginManager.create(["broken"])


def test_an_installed_plugin_is_listed_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_broken(tmp_path, monkeypatch)

    (found,) = [one for one in PluginManager.create().installed() if one.name == "broken"]
    assert (found.distribution, found.version, found.summary, found.enabled) == (
        "broken-plugin",
        "1.0",
        "It fails.",
        False,
    )


def test_a_hook_that_does_not_exist_is_diagnosed() -> None:
    def misspelt() -> list[ConditionSpec]:
        return []

    with pytest.raises(PluginError, match="implements mailrules_condition, which is no hook"):
        with_plugins(typo=plugin(mailrules_condition=misspelt))


def test_a_hook_with_arguments_that_it_does_not_get_is_diagnosed() -> None:
    with pytest.raises(PluginError, match="'greedy' does not fit the hooks"):
        with_plugins(greedy=plugin(mailrules_run_started=lambda event, network: None))  # noqa: ARG005 -- names are what is tested


def test_a_hook_that_raises_names_plugin_and_hook() -> None:
    def fails() -> list[ConditionSpec]:
        raise KeyError("x")

    with pytest.raises(PluginError, match="plugin 'bad' failed in mailrules_conditions: KeyError: 'x'"):
        with_plugins(bad=plugin(mailrules_conditions=fails)).registry()


@pytest.mark.parametrize("answer", [None, 7, ["a word"]])
def test_a_hook_that_answers_with_something_else_is_diagnosed(answer: object) -> None:
    with pytest.raises(PluginError, match="plugin 'bad': mailrules_conditions"):
        with_plugins(bad=plugin(mailrules_conditions=lambda: answer)).registry()


def test_a_word_that_two_plugins_claim_names_both() -> None:
    spec = ConditionSpec(name="subject", compile=lambda _source, _context: None, summary="")

    with pytest.raises(PluginError, match=r"'subject' comes from both 'mailrules.default_plugins.*' and 'mine'"):
        with_plugins(mine=plugin(mailrules_conditions=lambda: [spec])).registry()


def test_a_strangers_word_carries_the_plugins_name() -> None:
    spec = ConditionSpec(name="odd", compile=lambda _source, _context: None, summary="")

    registry = with_plugins(mine=plugin(mailrules_conditions=lambda: [spec])).registry()

    assert registry.conditions["odd"].plugin == "mine"


def test_options_that_a_plugin_cannot_read_are_a_diagnostic_at_their_place() -> None:
    def fails(_source: object, _context: object) -> None:
        raise TypeError("a number was expected")

    spec = ConditionSpec(name="odd", compile=fails, summary="")
    registry = with_plugins(mine=plugin(mailrules_conditions=lambda: [spec])).registry()

    test, found = compile_with(registry.conditions["odd"])

    assert test is None
    assert [str(one) for one in found] == [
        "rules.yaml:3:7: error: plugin 'mine' could not read the options of `odd`: TypeError: a number was expected"
    ]


@pytest.mark.parametrize(
    "answer", [ValueError("broken"), Truth(known=0b01, true=0b10), Truth(known=0b11, true=0, unknowable=0b01)]
)
def test_a_condition_that_fails_or_contradicts_itself_is_unknowable(answer: Truth | Exception) -> None:
    with capture_logs() as logs:
        truth = odd_condition(answer).judge(snapshot(), 0b11, Environment(now=NOW))

    assert truth == Truth(known=0, true=0, unknowable=0b11)
    assert [(line["event"], line["plugin"]) for line in logs] == [("plugin.failed", "odd")]


def test_a_condition_that_answers_well_is_left_as_it_is() -> None:
    answer = Truth(known=0b11, true=0b10)

    assert odd_condition(answer).judge(snapshot(), 0b11, Environment(now=NOW)) is answer


def test_what_a_condition_saw_is_never_worth_an_exception() -> None:
    assert odd_condition(Truth(0, 0)).seen(snapshot(), 0) == "(plugin odd failed: LookupError: no row)"


def test_an_effect_without_a_handler_is_a_diagnostic() -> None:
    spec = ActionSpec(name="ring", compile=lambda _source, _context: [Effect(name="bell")], summary="")
    registry = with_plugins(mine=plugin(mailrules_actions=lambda: [spec])).registry()

    values, found = compile_with(registry.actions["ring"])

    assert values is None
    assert "registers no handler" in found[0].message


def test_a_way_out_that_a_plugin_proposes_has_to_be_granted_by_its_name() -> None:
    forward = Effect(name="forward", target="bo@friends.example")
    spec = ActionSpec(name="ring", compile=lambda _source, _context: [forward], summary="")
    registry = with_plugins(mine=plugin(mailrules_actions=lambda: [spec])).registry()

    values, found = compile_with(registry.actions["ring"])

    assert values is None
    assert "plugin 'mine' wants 'forward'" in found[0].message
    assert found[0].cure.startswith("add allow: [forward] to the main file")


def test_an_action_whose_options_cannot_be_read_is_a_diagnostic() -> None:
    def fails(_source: object, _context: object) -> None:
        raise TypeError

    spec = ActionSpec(name="ring", compile=fails, summary="")
    registry = with_plugins(mine=plugin(mailrules_actions=lambda: [spec])).registry()

    assert "could not read the options of `ring`: TypeError" in compile_with(registry.actions["ring"])[1][0].message


class Bell:
    """An effect that fails for one rule."""

    name = "bell"

    async def perform(self, call: EffectCall) -> EffectOutcome:
        if call.rule == "loud":
            raise OSError("no bell")
        return EffectOutcome(done=True)


def call(rule: str) -> EffectCall:
    return EffectCall(effect="bell", rule=rule, account="home", mailbox="INBOX", uid=UID(1))


async def test_an_effect_that_raises_names_the_plugin() -> None:
    effects = with_plugins(mine=plugin(mailrules_effects=lambda: [Bell()])).effects()

    assert (await effects["bell"].perform(call("quiet"))).done
    with pytest.raises(PluginError, match="plugin 'mine' failed in effect 'bell': OSError: no bell"):
        await effects["bell"].perform(call("loud"))


class Reputation:
    """An enricher that knows nobody."""

    name = "reputation"
    needs = (Fact(FactKind.HEADER, "from"),)

    async def enrich(self, _messages: object) -> dict[UID, object]:
        return {}


def test_enrichers_and_commands_are_found_by_name() -> None:
    command = click.Command("greet")
    manager = with_plugins(
        mine=plugin(mailrules_enrichers=lambda: [Reputation()], mailrules_commands=lambda: [command])
    )

    assert list(manager.enrichers()) == ["reputation"]
    assert manager.commands() == {"greet": command}


def test_hooks_of_a_module_are_found_also_as_methods_and_under_another_name() -> None:
    class Words:
        @hookimpl
        def mailrules_conditions(self) -> list[ConditionSpec]:
            return [ConditionSpec(name="odd", compile=lambda _source, _context: None, summary="")]

    @hookimpl(specname="mailrules_enrichers")
    def reputations() -> list[Reputation]:
        return [Reputation()]

    module = ModuleType("words")
    vars(module).update(mailrules_conditions=Words().mailrules_conditions, reputations=reputations, Words=Words)

    manager = with_plugins(words=module)

    assert "odd" in manager.registry().conditions
    assert list(manager.enrichers()) == ["reputation"]


def test_an_enricher_without_its_methods_is_diagnosed() -> None:
    with pytest.raises(PluginError, match="has no 'enrich'"):
        with_plugins(mine=plugin(mailrules_enrichers=lambda: [SimpleNamespace(name="x", needs=())])).enrichers()


def test_a_plugin_that_fails_in_a_run_event_stops_nothing() -> None:
    heard: list[object] = []

    def fails(event: object) -> None:
        raise RuntimeError("boom")

    manager = with_plugins(
        first=plugin(mailrules_run_started=fails, mailrules_run_finished=fails),
        second=plugin(
            mailrules_run_started=lambda event: heard.append(event),  # noqa: PLW0108 -- a hook is a plain function
            mailrules_run_finished=lambda: heard.append("finished"),
        ),
    )
    started = RunStarted(run=RunId("r"), kind=RunKind.ONCE, started=NOW, planned_messages=1)
    finished = RunFinished(
        run=RunId("r"), kind=RunKind.ONCE, started=NOW, ended=NOW, outcome=RunOutcome.DONE, applied={}
    )

    with capture_logs() as logs:
        manager.run_started(started)
        manager.run_finished(finished)

    assert heard == [started, "finished"]
    assert [line["hook"] for line in logs] == ["mailrules_run_started", "mailrules_run_finished"]
