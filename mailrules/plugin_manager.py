"""Which plugins are loaded, what they add, and which errors of theirs stop the start.

The modules of ``mailrules.default_plugins`` are always there; an entry point of the group
``mailrules`` is loaded when the configuration names it. A plugin that cannot be loaded, or that
answers a hook wrongly, is a ``PluginError`` naming plugin and hook.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Self

import pluggy

from mailrules import default_plugins, hookspecs
from mailrules.contained_plugins import contained_action, contained_condition, contained_effect, describe
from mailrules.errors import PluginError
from mailrules.execution.effects import EffectHandler, OutboxHandler
from mailrules.logs import get_logger
from mailrules.rules.registry import Registry
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import click

    from mailrules.hookspecs import Enricher, RunFinished, RunStarted

ENTRY_POINT_GROUP = "mailrules"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """A plugin found by its entry point, loaded or not; ``version`` is its distribution's."""

    name: str
    distribution: str
    version: str
    summary: str
    enabled: bool


class PluginManager:
    """The loaded plugins in order: the built-in ones, then as the configuration names them."""

    def __init__(self) -> None:
        self._pluggy = _Pluggy(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._enabled: list[str] = []

    @classmethod
    def create(cls, enabled: Sequence[str] = ()) -> Self:
        """The built-in plugins and the named ones.

        Raises PluginError for a name that is not installed or is named twice, and for an import that fails.
        """
        manager = cls()
        for module in pkgutil.iter_modules(default_plugins.__path__, prefix=f"{default_plugins.__name__}."):
            manager.register(importlib.import_module(module.name), name=module.name)
        # Looking through the metadata of every installed package takes long, and few configurations name a plugin.
        available = {point.name: point for point in _entry_points()} if enabled else {}
        for name in enabled:
            if name not in available:
                installed = ", ".join(sorted(available)) or "none"
                raise PluginError(
                    f"plugin {name!r} is not installed (installed: {installed}); install its package where "
                    "mailrules is installed, or take it out of `plugins`"
                )
            if name in manager._enabled:
                raise PluginError(f"plugin {name!r} stands twice under `plugins`; name it once")
            manager.register(_load(available[name]), name=name)
            manager._enabled.append(name)
        return manager

    def register(self, plugin: object, *, name: str) -> None:
        """Add a plugin object; PluginError if it implements a hook that does not exist, or wrongly."""
        unknown = [hook for hook in dir(plugin) if hook.startswith("mailrules_") and not hasattr(hookspecs, hook)]
        if unknown:
            raise PluginError(f"plugin {name!r} implements {unknown[0]}, which is no hook of this mailrules")
        try:
            self._pluggy.register(plugin, name=name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"plugin {name!r} does not fit the hooks of this mailrules: {error}") from error

    def registry(self) -> Registry:
        """All condition and action words; a stranger's are contained (``contained_plugins``)."""
        conditions = self._collect("mailrules_conditions", noun="condition", attributes=("name", "compile", "summary"))
        actions = self._collect("mailrules_actions", noun="action", attributes=("name", "compile", "summary"))
        effects = frozenset(self.effects())
        return Registry(
            conditions={
                name: spec if _is_built_in(plugin) else contained_condition(spec, plugin=plugin)
                for name, (plugin, spec) in conditions.items()
            },
            actions={
                name: spec if _is_built_in(plugin) else contained_action(spec, plugin=plugin, effects=effects)
                for name, (plugin, spec) in actions.items()
            },
        )

    def effects(self) -> Mapping[str, EffectHandler | OutboxHandler]:
        """Handlers by the name of their effect."""
        found = self._collect("mailrules_effects", noun="effect", attributes=("name",))
        handlers: dict[str, EffectHandler | OutboxHandler] = {}
        for name, (plugin, handler) in found.items():
            if isinstance(handler, OutboxHandler):
                # The outbox contains it: it knows best from when on an error leaves the outcome unknown.
                handlers[name] = handler
            elif isinstance(handler, EffectHandler):
                handlers[name] = contained_effect(handler, plugin=plugin)
            else:
                raise PluginError(
                    f"plugin {plugin!r}: mailrules_effects answered with {handler!r}, which has no 'perform'"
                )
        return handlers

    def enrichers(self) -> Mapping[str, Enricher]:
        """Enrichers by the name of their fact."""
        found = self._collect("mailrules_enrichers", noun="enricher", attributes=("name", "needs", "enrich"))
        return {name: enricher for name, (_, enricher) in found.items()}

    def commands(self) -> Mapping[str, click.Command]:
        """Command-line commands by name."""
        found = self._collect("mailrules_commands", noun="command", attributes=("name", "main"))
        return {name: command for name, (_, command) in found.items()}

    def installed(self) -> tuple[InstalledPlugin, ...]:
        """Every plugin that could be named, by name; none is imported for this."""
        return tuple(
            InstalledPlugin(
                name=point.name,
                distribution=point.dist.name if point.dist else "",
                version=point.dist.version if point.dist else "",
                summary=(point.dist.metadata["Summary"] or "") if point.dist else "",
                enabled=point.name in self._enabled,
            )
            for point in sorted(_entry_points(), key=lambda one: one.name)
        )

    def run_started(self, event: RunStarted) -> None:
        """Tell every plugin that a run begins."""
        self._tell("mailrules_run_started", event)

    def run_finished(self, event: RunFinished) -> None:
        """Tell every plugin that a run has ended."""
        self._tell("mailrules_run_finished", event)

    def _tell(self, hook: str, event: RunStarted | RunFinished) -> None:
        for implementation in self._implementations(hook):
            try:
                implementation(event=event)
            except PluginError as error:
                get_logger().error("plugin.failed", plugin=implementation.plugin, hook=hook, error=str(error))

    def _collect(
        self, hook: str, *, noun: str, attributes: Sequence[str]
    ) -> dict[str, tuple[str, Any]]:  # Any: a stranger's object, of which ``attributes`` were seen to exist
        """What all plugins answer, by name with the plugin it came from; a name claimed twice is an error."""
        by_name: dict[str, tuple[str, Any]] = {}  # Any: as above
        for implementation in self._implementations(hook):
            plugin, answer = implementation.plugin, implementation()
            if not isinstance(answer, Sequence):
                raise PluginError(f"plugin {plugin!r}: {hook} must answer with a list, not {type(answer).__name__}")
            for item in answer:
                lacking = [attribute for attribute in attributes if not hasattr(item, attribute)]
                if lacking:
                    raise PluginError(f"plugin {plugin!r}: {hook} answered with {item!r}, which has no {lacking[0]!r}")
                if item.name in by_name:
                    raise PluginError(
                        f"the {noun} {item.name!r} comes from both {by_name[item.name][0]!r} and {plugin!r}; "
                        "take one of them out of `plugins`"
                    )
                by_name[item.name] = (plugin, item)
        return by_name

    def _implementations(self, hook: str) -> Iterator[_Implementation]:
        for found in getattr(self._pluggy.hook, hook).get_hookimpls():
            yield _Implementation(plugin=found.plugin_name, hook=hook, function=found.function, takes=found.argnames)


class _Pluggy(pluggy.PluginManager):
    """pluggy, which looks at no more of a module than can be a hook: its functions that carry our mark.

    By itself it examines every name, imported ones too, and there are hundreds in the built-in plugins.
    """

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        if isinstance(plugin, ModuleType):
            function = vars(plugin).get(name)
            if not isinstance(function, FunctionType | MethodType) or not hasattr(
                function, f"{hookspecs.PROJECT}_impl"
            ):
                return None
        return super().parse_hookimpl_opts(plugin, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Implementation:
    """One plugin's function for one hook; calling it raises PluginError and nothing else."""

    plugin: str
    hook: str
    function: Callable[..., object]
    takes: tuple[str, ...]

    def __call__(self, **arguments: object) -> object:
        try:
            return self.function(**{name: arguments[name] for name in self.takes})
        except Exception as error:
            raise PluginError(f"plugin {self.plugin!r} failed in {self.hook}: {describe(error)}") from error


def _entry_points() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=ENTRY_POINT_GROUP))


def _load(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            f"plugin {point.name!r} could not be imported from {point.value}: {describe(error)}"
        ) from error


def _is_built_in(plugin: str) -> bool:
    return plugin.startswith(f"{default_plugins.__name__}.")
