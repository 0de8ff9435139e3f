"""When the rule files change on disk, and what is done when the new ones are broken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import awatch

from mailrules.errors import MailrulesError, RuleError
from mailrules.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from typing import TypeVar

    T = TypeVar("T")


def load_or_keep(load: Callable[[], T], kept: T) -> T:
    """What ``load`` answers; ``kept``, with every mistake in the log, if the files are broken."""
    try:
        return load()
    except RuleError as error:
        get_logger().error("rules.rejected", mistakes=[str(one) for one in error.diagnostics])
    except (MailrulesError, OSError) as error:
        get_logger().error("rules.rejected", mistakes=[str(error)])
    return kept


async def changes(files: Iterable[str]) -> AsyncIterator[None]:
    """One item whenever one of these files was written, replaced or removed.

    Directories are watched rather than the files, since editors save by renaming a new file into place.
    """
    watched, directories = _places(files)
    get_logger().debug("rules.watched", directories=sorted(str(one) for one in directories))
    async for found in awatch(*sorted(directories), recursive=False, debounce=200, step=50):
        if any(Path(path) in watched for _, path in found):
            yield None


def _places(files: Iterable[str]) -> tuple[frozenset[Path], frozenset[Path]]:
    paths = frozenset(Path(file).resolve() for file in files)
    return paths, frozenset(path.parent for path in paths if path.parent.is_dir())
