"""An enrolment made here is kept: on the card, in the chain to the centre, and in the gallery in use."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from errors import HadirError
from sync import keys
from sync.enrolment_box import boxed
from sync.messages import ClockQuality, EnrolmentNote, Ground, PadVerdict
from sync.outbox import Enrolled, Outbox
from sync.releases import NORM_TOLERANCE
from terminal.clock import Reading, boot_id
from terminal.provisional import NewEnrolment, fitting, for_the_centre
from terminal.provisional_card import ProvisionalCard


class EnrolmentRefused(HadirError):
    """This is no enrolment that anybody could use; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolments:
    """How enrolments are kept. `key_file` has the public key they are sealed for; `put_to_use` is told of each."""

    card: ProvisionalCard
    key_file: Path
    put_to_use: Callable[[NewEnrolment], None]

    def keep(self, outbox: Outbox, new: NewEnrolment, *, clock: ClockQuality, now: Reading) -> EnrolmentNote | None:
        """Return the link of the chain that `new` became, committed with its row on the card, and have it in use.

        None where it was kept before. Raises EnrolmentRefused, KeyRefused without the centre's public key,
        OutboxFailed; then nothing was kept.
        """
        new = replace(new, templates=fitting(new))
        refuse_useless(new)
        said = Enrolled(
            id=new.id,
            administrator=new.administrator,
            employee=new.employee,
            basis=Ground(new.basis),
            text_version=new.text_version,
            language=new.language,
            decided_at=new.decided_at,
            engine_id=new.engine_id,
            pad=new.pad,
            sealed=boxed(for_the_centre(new), keys.load_sealing(self.key_file)),
        )
        note = outbox.enrol(
            said,
            beside=lambda connection: self.card.keep(connection, new),
            clock=clock,
            boot_id=boot_id(),
            boottime_ns=now.boottime_ns,
            recorded_at=now.at,
        )
        if note is not None:
            self.put_to_use(new)
        return note


def refuse_useless(new: NewEnrolment) -> None:
    """Raise EnrolmentRefused unless it has what its basis asks for, and every template is a finite unit vector, of
    somebody who may have been there."""
    if new.pad is PadVerdict.ATTACK:
        raise EnrolmentRefused("nobody is enrolled from what was no person")
    face = new.basis != "no_face"
    if face is not bool(new.templates) or not (face or new.pin_hash):
        raise EnrolmentRefused("a face has templates, and who has none has a PIN")
    if len({len(each.vector) for each in new.templates}) > 1 or any(len(each.vector) % 4 for each in new.templates):
        raise EnrolmentRefused("its templates are not of one length")
    for each in new.templates:
        # A comparison with NaN is false.
        if not abs(float(np.linalg.norm(np.frombuffer(each.vector, "<f4"))) - 1) <= NORM_TOLERANCE:
            raise EnrolmentRefused("a template is not of unit norm, or not finite")
