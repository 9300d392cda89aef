"""What machines that are tables share: a transition says where it may lead, and the table is drawn from that. *Pure*.

A table maps (type of the state, type of the input) to the transition that then runs.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Transition = Callable[..., Any]
T = TypeVar("T", bound=Transition)
Table = Mapping[tuple[type[Any], type[Any]], Transition]
Targets = Mapping[Transition, tuple[type[Any], ...]]


def noting(targets: dict[T, tuple[type[Any], ...]]) -> Callable[..., Callable[[T], T]]:
    """Return the decorator that notes in `targets` to which states a transition may lead, beside staying."""

    def leads_to(*states: type[Any]) -> Callable[[T], T]:
        def note(transition: T) -> T:
            targets[transition] = states
            return transition

        return note

    return leads_to


def targets_of(table: Table, targets: Targets, state: type[Any], given: type[Any]) -> tuple[type[Any], ...]:
    """Return the states to which this pair of the table may lead, staying among them."""
    return tuple(dict.fromkeys((state, *targets[table[state, given]])))


def drawn(table: Table, targets: Targets, *, first: type[Any], last: tuple[type[Any], ...] = ()) -> str:
    """Return the table as a Mermaid state diagram; a transition that only stays where it is, is not drawn."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (state, given), transition in table.items():
        for target in targets[transition]:
            labels = edges.setdefault((state.__name__, target.__name__), [])
            label = f"{given.__name__}: {transition.__name__}"
            if target is not state and label not in labels:
                labels.append(label)
    lines = ["stateDiagram-v2", f"    [*] --> {first.__name__}"]
    lines += [f"    {a} --> {b}: {'<br>'.join(labels)}" for (a, b), labels in edges.items() if labels]
    lines += [f"    {state.__name__} --> [*]" for state in last]
    return "\n".join(lines) + "\n"
