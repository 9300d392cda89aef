"""What the desk shows as a table, drawn as text."""

from rich.console import Console
from rich.table import Table

from enroll.release.lookalikes import Audit


def lookalikes_table(audit: Audit) -> str:
    """Return the office's look-alikes, two people a row, with what a kiosk does about them."""
    table = Table("number", "name", "number", "name", "score", "at the kiosk")
    for pair in audit.pairs:
        if audit.duplicate is not None and pair.score >= audit.duplicate:
            what = "PIN; one person under two numbers?"
        elif pair.score >= audit.threshold:
            what = "PIN"
        else:
            what = "a clearer match, else PIN"
        who = (pair.first, audit.names[pair.first], pair.second, audit.names[pair.second])
        table.add_row(*who, f"{pair.score:.3f}", what)
    console = Console(width=None if Console().is_terminal else 140)
    with console.capture() as drawn:
        console.print(table)
    return drawn.get()
