"""How a configuration with all files that it names becomes accounts and compiled rules.

Reading is the caller's: ``read`` gives a file's bytes and ``expand`` the paths behind an include. Every
mistake in every file is found before anything is refused.
"""

from __future__ import annotations

import re
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from mailrules.diagnostics import Location, Severity
from mailrules.errors import RuleError
from mailrules.rules.accounts import account_settings
from mailrules.rules.appends import check_appends
from mailrules.rules.contradictions import check_contradictions
from mailrules.rules.document import Document
from mailrules.rules.imagined import with_imagined_accounts
from mailrules.rules.lint import lint
from mailrules.rules.lower import RuleLowering, check_mailboxes, mailbox_refs
from mailrules.rules.lower_conditions import ConditionLowering
from mailrules.rules.meaning import Meanings, digest_of_files
from mailrules.rules.offers import offers
from mailrules.rules.outside import check_smtp, deletion_limits, outbox_settings, smtp_settings, webhook_settings
from mailrules.rules.reading import beside, climbs, parse_source, read_content, read_source, read_text
from mailrules.rules.registry import CompileContext, NoticedLists
from mailrules.rules.renames import check_renames
from mailrules.rules.reporter import Reporter
from mailrules.rules.rule import AccompaniedAction, RuleSet
from mailrules.rules.schema import DefaultsModel, DocumentModel, ListFileModel
from mailrules.rules.validation import validated
from mailrules.settings import CACHE_BYTES, DeletionLimits, OutboxSettings
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mailrules.diagnostics import Diagnostic
    from mailrules.rules.policies import Policy
    from mailrules.rules.registry import Registry
    from mailrules.rules.rule import Example, MailboxRef, Rule
    from mailrules.rules.source import SourceValue
    from mailrules.settings import AccountSettings, SmtpSettings, WebhookSettings

    Read = Callable[[str], bytes]
    Expand = Callable[[str], Sequence[str]]

PACK_PREFIX = "pack:"
_INCLUDED_KEYS = frozenset({"version", "conditions", "lists", "rules", "tests"})
_SETTINGS = frozenset({"accounts", "allow", "defaults", "deletion", "outbox", "plugins", "smtp", "webhooks"})
MAX_INCLUDED_FILES = 1_000
_MAY_NAME_PLUGINS = re.compile(r"plugins|\\[xuU]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfiguration:
    """Everything that the files say, valid. ``warnings`` and ``notices`` stop nothing."""

    accounts: Mapping[str, AccountSettings]
    rules: RuleSet
    warnings: tuple[Diagnostic, ...] = ()
    notices: tuple[Diagnostic, ...] = ()
    plugins: tuple[str, ...] = ()
    smtp: SmtpSettings | None = None
    """Where mail is handed in for accounts that do not say it themselves."""
    webhooks: Mapping[str, WebhookSettings] = field(default_factory=dict)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    deletion: DeletionLimits = field(default_factory=DeletionLimits)
    cache_bytes: int = CACHE_BYTES
    """What the cache of facts holds at most; 0: nothing is kept."""


def load_configuration(
    path: str,
    *,
    read: Read,
    registry: Registry,
    expand: Expand,
    settings_of: str = "",
    imagines_accounts: bool = False,
    thorough: bool = False,
) -> LoadedConfiguration:
    """Load a configuration file and what it includes; ``thorough`` also looks for what is hardly meant.

    ``settings_of`` is another configuration, whose accounts and other settings count where the file has no accounts.
    With ``imagines_accounts`` such a file has those that its rules name, for mail that lies on no server.
    ``expand`` answers an include, joined to the file's directory or as ``pack:name``, with paths in name order;
    ``read`` raises OSError, or RuleError for a file that it refuses. Raises RuleError with all diagnostics.
    """
    loading = _Loading(read=read, registry=registry, expand=expand)
    loading.is_thorough, loading.settings_of, loading.imagines_accounts = thorough, settings_of, imagines_accounts
    return loading.load(path)


def named_plugins(path: str, *, read: Read) -> tuple[str, ...]:
    """The names under ``plugins``, read before the registry exists; () for a file that does not load.

    Mistakes are not reported here: ``load_configuration`` finds them again.
    """
    reporter, at = Reporter(), Location(file=path)
    text = read_text(path, read=read, at=at, reporter=reporter)
    # Nearly no file names one, and a large file takes seconds to parse; the key may be written with escapes.
    if text is None or not _MAY_NAME_PLUGINS.search(text):
        return ()
    source = parse_source(text, path=path, reporter=reporter)
    items = source.mapping["plugins"].items if source is not None and "plugins" in source.mapping else ()
    return tuple(item.value for item in items if isinstance(item.value, str))


@dataclass(slots=True, kw_only=True)
class _Loading:
    """One run of the loader: what has been found so far."""

    read: Read
    registry: Registry
    expand: Expand
    settings_of: str = ""
    imagines_accounts: bool = False
    is_thorough: bool = False
    reporter: Reporter = field(default_factory=Reporter)
    files: list[str] = field(default_factory=list)
    used_conditions: set[str] = field(default_factory=set)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def load(self, path: str) -> LoadedConfiguration:
        main_source = self._source(path, at=Location(file=path))
        if main_source is None:
            raise RuleError(self.reporter.all)
        main = Document(path=path, source=self._with_settings(main_source))
        documents = [main, *self._included(main)]
        shapes = [self._check_shape(document) for document in documents]
        accounts = {
            name: account_settings(name, source, self.reporter) for name, source in main.entries("accounts").items()
        }
        self.lists = self._lists(documents)
        lists = NoticedLists(self.lists)
        context = CompileContext(
            lists=lists,
            allow=frozenset(item.text for item in main.items("allow")),
            report=self.reporter.report,
            webhooks=frozenset(main.entries("webhooks")),
            main_file=main.path,
            packs=frozenset(document.path for document in documents if document.from_pack),
        )
        webhooks = {
            name: webhook_settings(name, source, self.reporter) for name, source in main.entries("webhooks").items()
        }
        smtp, outbox, deletion = self._outside(main)
        rules = self._rules(documents, accounts=accounts.keys(), context=context)
        examples = self._examples(documents)
        settings = {name: account for name, account in accounts.items() if account is not None}
        lint(rules, accounts=settings, reporter=self.reporter)
        policies = self._policies(main, accounts=accounts)
        check_contradictions(policies, rules, reporter=self.reporter)
        check_appends(rules, accounts=settings, reporter=self.reporter)
        check_renames(rules, policies, reporter=self.reporter)
        if self.is_thorough:
            from mailrules.rules.doubts import find_doubts  # noqa: PLC0415 -- only `check` needs them

            own = (one.source for one in documents if not one.from_pack)
            find_doubts(rules, own, lists=lists.used, conditions=self.used_conditions, reporter=self.reporter)
        if smtp is None:
            check_smtp(rules, accounts=settings, reporter=self.reporter)
        if self.reporter.has_errors:
            raise RuleError(self.reporter.all)
        return LoadedConfiguration(
            accounts=settings,
            rules=RuleSet(
                rules=rules,
                hash=digest_of_files((one.source for one in documents), lists=self.lists),
                allow=context.allow,
                examples=examples,
                files=tuple(self.files),
                policies=policies,
            ),
            warnings=self.reporter.of(Severity.WARNING),
            notices=self.reporter.of(Severity.NOTICE),
            plugins=tuple(item.text for item in main.items("plugins")),
            smtp=smtp,
            webhooks={name: webhook for name, webhook in webhooks.items() if webhook is not None},
            outbox=outbox,
            deletion=deletion,
            cache_bytes=shapes[0].cache if shapes[0] is not None else CACHE_BYTES,
        )

    def _with_settings(self, source: SourceValue) -> SourceValue:
        if "accounts" in source.mapping:
            return source
        if self.imagines_accounts:
            return with_imagined_accounts(source)
        if not self.settings_of:
            return source
        settings = self._source(self.settings_of, at=Location(file=self.settings_of))
        if settings is None:
            raise RuleError(self.reporter.all)
        taken = {key: one for key, one in settings.mapping.items() if key in _SETTINGS and key not in source.mapping}
        keys = {key: settings.key_at(key) for key in taken}
        return replace(source, value={**taken, **source.mapping}, keys={**keys, **source.keys})

    def _outside(self, main: Document) -> tuple[SmtpSettings | None, OutboxSettings, DeletionLimits]:
        """What the main file says of all accounts' ways out, and of what leaves for ever."""
        entries = main.source.mapping
        smtp = smtp_settings(entries["smtp"], self.reporter) if "smtp" in entries else None
        outbox = outbox_settings(entries["outbox"], self.reporter) if "outbox" in entries else None
        deletion = deletion_limits(entries["deletion"], self.reporter) if "deletion" in entries else None
        return smtp, outbox or OutboxSettings(), deletion or DeletionLimits()

    def _source(self, path: str, *, at: Location) -> SourceValue | None:
        self.files.append(path)
        return read_source(path, read=self.read, at=at, reporter=self.reporter)

    def _included(self, main: Document) -> list[Document]:
        """The files under ``include``, each once, in the order of the entries and by name within one."""
        documents: list[Document] = []
        for item in main.items("include"):
            if not isinstance(item.value, str):
                continue
            from_pack = item.value.startswith(PACK_PREFIX)
            paths = self.expand(item.value if from_pack else beside(main.path, item.value))
            if not paths:
                self._report_nothing_included(item, from_pack=from_pack)
            for path in paths:
                if path in self.files:
                    continue
                if len(self.files) > MAX_INCLUDED_FILES:
                    self.reporter.error(item.at, f"over {MAX_INCLUDED_FILES} included files", cure="include fewer")
                    return documents
                source = self._source(path, at=item.at)
                if source is not None:
                    documents.append(Document(path=path, source=source, is_included=True, from_pack=from_pack))
        return documents

    def _report_nothing_included(self, item: SourceValue, *, from_pack: bool) -> None:
        if from_pack:
            self.reporter.error(item.at, f'there is no rule pack "{item.text.removeprefix(PACK_PREFIX)}"')
        elif set(item.text) & set("*?["):
            self.reporter.warning(item.at, f'"{item.text}" matches no file')
        else:
            self.reporter.error(item.at, f'there is no file "{item.text}"', cure="paths start at this file's folder")

    def _check_shape(self, document: Document) -> DocumentModel | None:
        shape = validated(DocumentModel, document.source, self.reporter, what="the file")
        if not document.is_included:
            return shape
        for key in document.source.mapping:
            if key in DocumentModel.model_fields and key not in _INCLUDED_KEYS:
                message = f'"{key}" may not stand in an included file'
                cure = "keep it in the main file; included files hold conditions, lists, rules and tests"
                self.reporter.error(document.source.key_at(key), message, cure=cure)
        return shape

    def _lists(self, documents: Sequence[Document]) -> Mapping[str, tuple[str, ...]]:
        lists: dict[str, tuple[str, ...]] = {}
        for document in documents:
            for name, source in document.entries("lists").items():
                if name in lists:
                    self.reporter.error(source.at, f'the list "{name}" exists in an earlier file', cure="rename one")
                lists[name] = self._list(source, document)
        return lists

    def _list(self, source: SourceValue, document: Document) -> tuple[str, ...]:
        if source.is_list:
            for item in source.items:
                if item.is_mapping or item.is_list or isinstance(item.value, bool) or not item.text.strip():
                    self.reporter.error(item.at, f"text is expected in a list, not {item.kind}", cure="quote it")
            return tuple(item.text for item in source.items if item.text.strip())
        if not source.is_mapping:
            cure = "write [a, b], or {file: names.txt}"
            self.reporter.error(source.at, f"a list is expected here, not {source.kind}", cure=cure)
            return ()
        model = validated(ListFileModel, source, self.reporter, what="a list")
        if model is None:
            return ()
        at = source.mapping["file"].at
        if document.is_included and climbs(model.file):
            self.reporter.error(at, "an included file reads lists from its own folder only", cure="move the list there")
            return ()
        path = beside(document.path, model.file)
        self.files.append(path)
        text = read_text(path, read=self.read, at=at, reporter=self.reporter)
        lines = (line.strip() for line in (text or "").splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))

    def _rules(
        self, documents: Sequence[Document], *, accounts: Collection[str], context: CompileContext
    ) -> tuple[Rule, ...]:
        named: dict[str, SourceValue] = {}
        for document in documents:
            for name, source in document.entries("conditions").items():
                if name in named:
                    message = f'the condition "{name}" exists in an earlier file'
                    self.reporter.error(source.at, message, cure="rename one of the two")
                named.setdefault(name, source)
        conditions = ConditionLowering(named=named, registry=self.registry, context=context, reporter=self.reporter)
        self.used_conditions = conditions.used
        conditions.compile_named()
        lowering = RuleLowering(
            accounts=accounts,
            defaults=self._defaults(documents[0], accounts=accounts) or DefaultsModel.model_validate({}),
            default_mailboxes=_default_mailboxes(documents[0], accounts=accounts),
            registry=self.registry,
            context=context,
            conditions=conditions,
            reporter=self.reporter,
            meanings=Meanings.of([one.source for one in documents], conditions=named, lists=self.lists),
        )
        rules: list[Rule] = []
        for source in (source for document in documents for source in document.items("rules")):
            rule = lowering.rule(source)
            if rule is not None:
                rules.append(rule)
            elif not self.reporter.has_errors:
                # A plugin answered None and reported nothing; a rule that vanished could be a protecting one.
                cure = "look at the plugins whose words it uses"
                self.reporter.error(source.at, "a word of this rule refuses its value without saying why", cure=cure)
        enabled = [rule for rule in rules if rule.is_enabled]
        return (*enabled, *(companion for rule in enabled for companion in _companions(rule)))

    def _defaults(self, main: Document, *, accounts: Collection[str]) -> DefaultsModel | None:
        source = main.source.mapping.get("defaults")
        if source is None:
            return None
        if "in" in source.mapping:
            check_mailboxes(source.mapping["in"], accounts=accounts, reporter=self.reporter)
        return validated(DefaultsModel, source, self.reporter, what="defaults")

    def _policies(self, main: Document, *, accounts: Mapping[str, AccountSettings | None]) -> tuple[Policy, ...]:
        if not main.entries("mailboxes"):
            return ()
        from mailrules.rules.policies import lower_policies  # noqa: PLC0415 -- few files have any

        return lower_policies(
            main.entries("mailboxes"), keys=main.keys("mailboxes"), accounts=accounts, reporter=self.reporter
        )

    def _examples(self, documents: Sequence[Document]) -> tuple[Example, ...]:
        if not any(document.items("tests") for document in documents):
            return ()
        from mailrules.rules.examples import lower_example  # noqa: PLC0415 -- not every file has examples

        lowered = [
            lower_example(
                source,
                only_file=document.path if document.from_pack else "",
                rule_names=_names_in(document, documents=documents),
                reporter=self.reporter,
                read_mail=partial(self._mail, document=document),
            )
            for document in documents
            for source in document.items("tests")
        ]
        return tuple(example for example in lowered if example is not None)

    def _mail(self, source: SourceValue, *, document: Document) -> bytes | None:
        """The bytes of the message on disk that an example names."""
        if document.is_included and climbs(source.text):
            self.reporter.error(
                source.at, "an included file reads mail from its own folder only", cure="move the file there"
            )
            return None
        path = beside(document.path, source.text)
        self.files.append(path)
        return read_content(path, read=self.read, at=source.at, reporter=self.reporter)


def _default_mailboxes(main: Document, *, accounts: Collection[str]) -> tuple[MailboxRef, ...] | None:
    """Read apart from the other defaults, so that a mistake in those is not told again at every rule."""
    entries = main.entries("defaults")
    if "in" not in entries:
        return None
    return mailbox_refs((item.text for item in entries["in"].items), accounts=accounts)


def _companions(rule: Rule) -> Iterator[Rule]:
    """The rules that bring to an end what actions of this rule begin."""
    for branch in rule.branches:
        for use in branch.actions:
            if offers(use.value, AccompaniedAction):
                yield use.value.companion(rule, use)


def _names_in(document: Document, *, documents: Sequence[Document]) -> frozenset[str]:
    """The names of the rules that a file's examples may speak of, broken rules included."""
    read = [document] if document.from_pack else documents
    sources = (source for one in read for source in one.items("rules"))
    return frozenset(source.mapping["name"].text for source in sources if "name" in source.mapping)
