"""What one entry costs in each stage of the collector, one after the other: where the time goes when nothing waits."""

import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain as joined
from itertools import zip_longest

from bench.load import Kiosk
from sync import keys
from sync.admission import Admission
from sync.answers import Answers
from sync.inspection import inspect
from sync.register import Register
from sync.register.arrivals import Arrival
from sync.register.devices import admit
from sync.register.intake import take

KIOSKS, EACH, BATCH = 20, 300, 200


def measure() -> dict[str, float]:
    """Return microseconds an entry: looked at, its signature checked, committed in batches of 200, answered."""
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        spent[name] += time.perf_counter() - began

    with (
        tempfile.TemporaryDirectory(prefix="hadir-stages-") as folder,
        Register.open(f"sqlite:///{folder}/register.sqlite") as register,
    ):
        messages = _messages(register)
        admission, answers = Admission(register), Answers(sign=keys.signer(keys.PrivateKey.generate()).sign)
        admission.look()
        held: list[Arrival] = []
        for number, (topic, message) in enumerate(messages, 1):
            with timed("inspect"):
                found = inspect(topic, message, retained=False, at=datetime.now(UTC))
            held += [each for each in found if isinstance(each, Arrival)]
            if len(held) < BATCH and number < len(messages):
                continue
            with timed("signature"):
                batch = admission.check(held).arrivals
            with timed("commit"):
                added = take(register, events=batch)
            with timed("answer"):
                answers.note(batch, added.outcomes, added.reached)
                while answers.first() is not None:
                    answers.sent()
            held = []
        admission.close()
    return {name: round(1e6 * took_s / (KIOSKS * EACH), 1) for name, took_s in spent.items()}


def _messages(register: Register) -> list[tuple[str, bytes]]:
    """Return topic and message of the parcels of some kiosks known to the register, in turn."""
    parcels: list[list[tuple[str, bytes]]] = []
    for number in range(KIOSKS):
        kiosk = Kiosk("bench", f"bench-{number}", random.Random(number))  # noqa: S311 - invents people
        admit(
            register,
            terminal=kiosk.terminal,
            office="bench",
            public_key=kiosk.signer.public,
            at=datetime.now(UTC),
        )
        kiosk.prepare(EACH)
        kiosk.begin(EACH)
        parcels.append([])
        while kiosk.next_seq <= kiosk.waited:
            parcels[-1].append((kiosk.topic, kiosk.parcel()[1]))
    return [each for each in joined.from_iterable(zip_longest(*parcels)) if each is not None]
