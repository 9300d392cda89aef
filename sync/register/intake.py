"""One transaction for everything the collector takes at once."""

import logging
from collections.abc import Sequence

from sync.register import Register, attacks, enrolments
from sync.register.arrivals import Added, Arrival, Outcome, add_in
from sync.register.devices import offer_in
from sync.register.refusals import Rejected, note_in
from sync.register.retiming import clock_suspects, retime_in
from sync.register.set_words import hear_in
from sync.register.statuses import HeardStatus, put_in

_log = logging.getLogger("hadir.sync.intake")


def take(
    register: Register,
    *,
    events: Sequence[Arrival] = (),
    statuses: Sequence[HeardStatus] = (),
    rejected: Sequence[Rejected] = (),
    evidence_days: int = 30,
) -> Added:
    """Have all of it in the register, committed, and say what became of the events.

    Pictures older than `evidence_days` are not kept. Raises RegisterUnavailable, and then none of it is there and all
    of it may be given again.
    """
    with register.write() as connection:
        added = add_in(connection, events)
        outcomes = zip(events, added.outcomes, strict=True)
        stored = [each for each, outcome in outcomes if outcome is Outcome.STORED]
        retime_in(connection, stored)
        enrolments.note_in(connection, stored)
        attacks.note_in(connection, stored, evidence_days=evidence_days)
        put_in(connection, statuses)
        hear_in(connection, statuses)
        for heard in statuses:
            if heard.status.device_key is not None:
                offer_in(
                    connection,
                    terminal=heard.status.terminal,
                    office=heard.status.office,
                    public_key=bytes.fromhex(heard.status.device_key),
                    at=heard.received_at,
                )
        note_in(connection, rejected)
    for terminal, ahead in clock_suspects(stored).items():
        _log.error(
            "alarm clock_suspect: terminal %s says it knows the time and is %s ahead of this machine", terminal, ahead
        )
    return added
