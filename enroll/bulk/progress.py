"""How far an import is: a bar with rate and time left on a terminal, lines alone elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Task as _Task
from rich.text import Text

from enroll.bulk import importer
from enroll.desk import PersonReport


@contextmanager
def shown(
    say: Callable[[PersonReport], None], *, console: Console | None = None
) -> Iterator[Callable[[importer.Progress], None]]:
    """Yield what an import tells its progress to.

    `say` is told of everybody. On a terminal a bar stays below what it prints, and is gone on leaving.
    """
    console = console or Console(file=sys.stdout)
    if not console.is_terminal:
        yield lambda seen: say(seen.person)
        return
    bar = Progress(
        TextColumn("{task.fields[done]}"),
        BarColumn(bar_width=None),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[people]}"),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None, done="", people="")

        def tell(seen: importer.Progress) -> None:
            # People without photos are done at once; where nobody has any, people are what is counted.
            total, done = (seen.all_photos, seen.photos) if seen.all_photos else (seen.total, seen.done)
            photos = f"{seen.photos} of {seen.all_photos} photos" if seen.all_photos else ""
            bar.update(task, total=total, completed=done, done=photos, people=f"{seen.done} of {seen.total} people")
            say(seen.person)

        yield tell


class _Rate(ProgressColumn):
    """Photos a second over the last while."""

    def render(self, task: _Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} a second")
