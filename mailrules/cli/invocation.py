"""What every verb is told besides its own options: the global options, before or after the verb.

``Verb`` and ``Noun`` are the classes of all commands here; they accept the global options too and
keep them in one ``Invocation``, which is the context's object.
"""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from mailrules.cli.paths import ChosenPath, choose_config, choose_state_dir
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailrules.cli.output import Output


@dataclass(kw_only=True)
class Invocation:
    """One call of the program: its global options as given, later occurrences winning.

    ``wait`` replaces the waiting for a server to settle, in tests.
    """

    config: str | None = None
    state_dir: str | None = None
    color: str = "auto"
    verbose: int = 0
    log_format: str = "auto"
    no_input: bool = False
    wait: Callable[[float], Awaitable[None]] | None = None

    @property
    def config_path(self) -> ChosenPath:
        return choose_config(self.config)

    @property
    def state_path(self) -> ChosenPath:
        return choose_state_dir(self.state_dir)

    @property
    def may_ask(self) -> bool:
        """Whether a person can be asked: stdin is a terminal, and ``--no-input`` is not given."""
        return not self.no_input and sys.stdin.isatty()

    @cached_property
    def output(self) -> Output:
        """Where results go; made when first needed, since it loads the terminal library."""
        from mailrules.cli.output import Output  # noqa: PLC0415 -- `--help` must not load it

        return Output(color=self.color)

    def start_logging(self, *, acts: bool = False, watched: bool = True) -> None:
        """Logs to stderr: warnings and worse; ``-v`` also tells what is done, ``-vv`` all but words of mail.

        A command that ``acts`` where nobody watches (stderr is no terminal, or it is a daemon) tells what is
        done anyway.
        """
        from mailrules.cli.output import wants_color  # noqa: PLC0415 -- as above
        from mailrules.logs import LogFormat, configure  # noqa: PLC0415 -- as above

        verbosity = max(self.verbose, 1 if acts and not (watched and sys.stderr.isatty()) else 0)
        configure(
            sys.stderr,
            log_format=LogFormat(self.log_format),
            level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)],
            color=wants_color(sys.stderr, self.color),
            show_content=verbosity > 2,
        )


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Store a global option that was given; a default never undoes what stood before the verb."""
    if parameter.name and context.get_parameter_source(parameter.name) is not click.core.ParameterSource.DEFAULT:
        setattr(context.ensure_object(Invocation), parameter.name, value)


GLOBAL_OPTIONS: tuple[click.Option, ...] = (
    click.Option(["-c", "--config"], metavar="FILE", callback=_keep, expose_value=False, help="Configuration file."),
    click.Option(
        ["--state-dir"],
        metavar="DIR",
        callback=_keep,
        expose_value=False,
        help="Where the journal and the positions are kept.",
    ),
    click.Option(
        ["--color"],
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        callback=_keep,
        expose_value=False,
        help="Colour in the output; NO_COLOR and FORCE_COLOR are heard too.",
    ),
    click.Option(
        ["--no-input"],
        is_flag=True,
        callback=_keep,
        expose_value=False,
        help="Never ask; what needs a yes is not done.",
    ),
    click.Option(
        ["-v", "--verbose"],
        count=True,
        callback=_keep,
        expose_value=False,
        help="Log more; twice for debugging, thrice with words of mail. Also shows tracebacks.",
    ),
    click.Option(
        ["--log-format"],
        type=click.Choice(["auto", "console", "json"]),
        default="auto",
        callback=_keep,
        expose_value=False,
        help="How log lines on stderr look; auto is console on a terminal, else json.",
    ),
)


class _WithGlobalOptions(click.Command):
    """Adds the global options to a command, in a section of their own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [one for one in super().get_params(ctx) if isinstance(one, click.Option) and one not in GLOBAL_OPTIONS]
        for title, parameters in (("Options", own), ("Global options", GLOBAL_OPTIONS)):
            records = [record for one in parameters if (record := one.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Verb(_WithGlobalOptions):
    """One command."""


class Noun(_WithGlobalOptions, click.Group):
    """A group of commands about one noun."""

    command_class = Verb

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)
