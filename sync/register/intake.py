"""One transaction for everything the collector takes at once."""

from collections.abc import Sequence

from sync.register import Register
from sync.register.arrivals import Added, Arrival, Outcome, add_in
from sync.register.devices import offer_in
from sync.register.refusals import Rejected, note_in
from sync.register.retiming import retime_in
from sync.register.statuses import HeardStatus, put_in


def take(
    register: Register,
    *,
    events: Sequence[Arrival] = (),
    statuses: Sequence[HeardStatus] = (),
    rejected: Sequence[Rejected] = (),
) -> Added:
    """Have all of it in the register, committed, and say what became of the events.

    Raises RegisterUnavailable, and then none of it is there and all of it may be given again.
    """
    with register.write() as connection:
        added = add_in(connection, events)
        outcomes = zip(events, added.outcomes, strict=True)
        retime_in(connection, [each for each, outcome in outcomes if outcome is Outcome.STORED])
        put_in(connection, statuses)
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
    return added
