"""Where the command line begins and ends: verbs loaded when used, errors turned into exit statuses.

Results go to stdout, logs and progress to stderr. Everything that can go wrong below ends here
in words for a person and a documented status (``exit_status``).
"""

from __future__ import annotations

import gc
import importlib
import keyword
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

import mailrules
from mailrules.cli.core_dumps import keep_memory_private
from mailrules.cli.exit_status import ExitStatus, leaves, status_of
from mailrules.cli.invocation import Invocation, Noun
from mailrules.errors import ConnectionLost, MailrulesError, RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERBS: Mapping[str, tuple[str, str]] = {
    "demo": ("demo_commands", "Show the whole job on a mail server in memory: no account, no network."),
    "check": ("rule_commands", "Find every mistake in the configuration and the rules."),
    "test": ("test_commands", "Run the examples that stand beside the rules."),
    "dry-run": ("plan_commands", "Show what a run would do now; changes nothing."),
    "apply": ("apply_commands", "Carry out a saved plan, after checking each message again."),
    "run": ("run_commands", "Watch the mailboxes and act on new mail, or with --once judge all mail and end."),
    "approve": ("approve_commands", "Release what a rule's guard holds."),
    "undo": ("undo_commands", "Take back a run, or one rule's or one message's part in it."),
    "diff": ("diff_commands", "Show which messages two rule files treat differently; changes nothing."),
    "explain": ("message_commands", "Tell for one message what each rule sees and decides."),
    "status": ("status_commands", "Show what is going on, what is open or held, and what to do about it."),
    "unknown": ("unknown_commands", "List steps whose outcome is unknown, and settle them by hand."),
    "history": ("history_commands", "Show what was done, and why."),
    "doctor": ("doctor_commands", "Tell what the servers can do, and whether their SEARCH tells the truth."),
    "import": ("import_commands", "Write other tools' rules in our language."),
    "export": ("export_commands", "Write rules in another tool's language, where that is exact."),
    "rules": ("rule_file_commands", "Switch rules on and off in your files, and format them."),
    "schema": ("schema_commands", "Print the JSON Schema of rule files, for editors."),
    "paths": ("path_commands", "Show which files are used, and why."),
    "plugins": ("plugin_commands", "List plugins."),
}
"""Each verb's module and its one line of help, so that ``--help`` loads none of them."""


def attribute_of(verb: str) -> str:
    """The name of a verb's command in its module."""
    name = verb.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


class CommandLine(Noun):
    """The program: its verbs are imported when one is named."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return _plugin_command(ctx, cmd_name)
        module = importlib.import_module(f"mailrules.cli.{VERBS[cmd_name][0]}")
        command = getattr(module, attribute_of(cmd_name))
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__} defines no command {cmd_name!r}")
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])

    def main(self, *arguments: Any, **options: Any) -> NoReturn:  # Any: click's own signature, passed through
        """Run, and exit with the documented status whatever happens."""
        invocation = options.setdefault("obj", Invocation())
        options["standalone_mode"] = False
        # A run makes millions of small values and hardly a cycle; at its default pace the collector
        # looks at all of them again and again, for a fifth of the run's time.
        gc.set_threshold(100_000, 50, 50)
        keep_memory_private()
        try:
            status = ExitStatus(super().main(*arguments, **options) or ExitStatus.DONE)
            sys.stdout.flush()
        except BrokenPipeError:
            status = _reader_went_away()
        except click.exceptions.Exit as ended:
            sys.exit(ended.exit_code)
        except click.ClickException as error:
            error.show()
            status = ExitStatus(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            click.echo("mailrules: interrupted", err=True)
            status = ExitStatus.INTERRUPTED
        except Exception as error:  # noqa: BLE001 -- the command line's top: whatever it is, a person reads of it
            _tell(error, verbose=invocation.verbose > 0)
            status = status_of(error)
        gc.freeze()  # nothing is left that would be worth a last look of the collector
        sys.exit(int(status))


@click.command(
    cls=CommandLine,
    name="mailrules",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(mailrules.__version__, "--version", prog_name="mailrules", message="%(prog)s %(version)s")
def main() -> None:
    """Watch mailboxes over IMAP, judge mail by rules, act, and take it back.

    Begin with `mailrules demo`, or with `mailrules check` and `mailrules dry-run` on your own mail: neither
    changes anything.
    """


def _tell(error: Exception, *, verbose: bool) -> None:
    """Say on stderr what went wrong: each mistake of a file on its line, else one line an error."""
    from mailrules.logs import clean_text  # noqa: PLC0415 -- only an error needs it

    if verbose:
        import traceback  # noqa: PLC0415 -- as above

        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(clean_text(line), err=True)
    for member in leaves(error):
        if isinstance(member, RuleError):
            for diagnostic in member.diagnostics:
                click.echo(clean_text(str(diagnostic)), err=True)
        elif isinstance(member, ConnectionLost):
            cure = "run it again: it first settles what was under way"
            click.echo(f"mailrules: {clean_text(str(member))}; {cure}", err=True)
        elif isinstance(member, MailrulesError | OSError):
            click.echo(f"mailrules: {clean_text(str(member))}", err=True)
        else:
            click.echo(f"mailrules: {clean_text(_internal_error(member))}", err=True)


def _internal_error(error: BaseException) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    return (
        f"internal error: {type(error).__name__}: {error}{where}; this is a bug in mailrules {mailrules.__version__}, "
        "please report it with the output of the same command with -v"
    )


def _reader_went_away() -> ExitStatus:
    """Whoever read our output (``head``) ended; the interpreter must not complain of it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitStatus.FAILED


def _plugin_command(context: click.Context, name: str) -> click.Command | None:
    """A verb that a plugin of the configuration adds; only asked for when no verb of ours has the name."""
    from mailrules.cli.plugin_commands import commands_of_plugins  # noqa: PLC0415 -- loads the configuration

    return commands_of_plugins(context.ensure_object(Invocation)).get(name)
