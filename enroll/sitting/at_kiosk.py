"""Enrolling at a kiosk, with its set, its office's peppers and its card: the errand `terminal.app.run` is given."""

import logging

from enroll import screens
from enroll.rules import Known
from enroll.sitting.eyes import WizardEyes
from enroll.sitting.likeness import entries_of, recognised, search, templates_of
from enroll.sitting.policy import rules_of
from enroll.sitting.session import Face, Sitting, Thread
from enroll.wizard import start
from enroll.wizard.signals import Enrol, EnrolFailed, Recognise, Recognised, Search, Searched
from enroll.wizard.values import Sample
from terminal.calibration import calibrated, policy_for, suspect_score
from terminal.errand import Beginning
from terminal.pin import hash_pin
from terminal.provisional import KeepEnrolment, NewEnrolment, NewTemplate

_log = logging.getLogger("hadir.enroll.at_kiosk")


def begin(beginning: Beginning) -> Sitting:
    """Return an enrolment under way at this kiosk, for somebody of its set. Raises NotCalibrated."""
    place = KioskPlace(beginning)
    gallery = beginning.gallery()
    worker = Thread()
    return Sitting(
        start(
            rules_of(beginning.settings, place.engine_id),
            beginning.now,
            administrator=beginning.administrator,
            roster=entries_of(gallery),
            language=beginning.language,
            camera_lost=beginning.camera_lost,
        ),
        place,
        face=Face(draw=screens.screen_of, say=screens.spoken_of),
        eyes=lambda wizard: WizardEyes(beginning.settings, engine_id=place.engine_id, wizard=wizard),
        worker=worker,
        leave=worker.close,
    )


class KioskPlace:
    """What an enrolment at a kiosk asks; on the worker's thread. What is saved becomes KeepEnrolment."""

    def __init__(self, beginning: Beginning) -> None:
        """Raises NotCalibrated."""
        self._gallery, self._peppers = beginning.gallery, beginning.peppers
        self.engine_id = beginning.gallery().engine_id
        self._settings = calibrated(beginning.settings, self.engine_id)
        self._policy = policy_for(self.engine_id, self._settings.match)

    def search(self, asked: Search) -> Searched:
        """Return whose face this is in the set in use. Raises NotCalibrated."""
        gallery = self._gallery()
        vectors = [*templates_of(asked.samples).values()]
        found, who = search(
            vectors,
            Known(owners=gallery.owners, matrix=gallery.matrix),
            employee=asked.employee,
            same_face=self._settings.enroll.duplicate_score,
            alike=suspect_score(self.engine_id, self._settings.match, gallery.rows + len(vectors)),
        )
        return Searched(check=asked.check, found=found, other=who.employee if who is not None else None)

    def recognise(self, asked: Recognise) -> Recognised:
        """Return who this is at this kiosk with the new templates. Raises HadirError."""
        return recognised(asked, self._gallery(), self._policy)

    def save(self, asked: Enrol, id_: str) -> EnrolFailed | KeepEnrolment:
        """Return what the card is to keep; EnrolFailed where the PIN cannot be hashed as the office's are."""
        pin_hash = None
        if asked.pin is not None:
            pepper = next(reversed([*self._peppers().values()]), None)
            if pepper is None:
                _log.error("employee %s was not enrolled: this kiosk has no pepper for their PIN", asked.employee)
                return EnrolFailed(save=asked.save, attempt=asked.attempt)
            pin_hash = hash_pin(asked.employee, asked.pin, pepper=pepper)
        decision = asked.decision
        usual = {"": asked.samples} if asked.samples else {}
        return KeepEnrolment(
            enrolment=NewEnrolment(
                id=id_,
                administrator=asked.administrator,
                employee=asked.employee,
                basis=decision.ground.value,
                text_version=decision.text_version,
                language=decision.language,
                decided_at=decision.at,
                templates=tuple(_template(look, samples) for look, samples in {**usual, **asked.looks}.items()),
                engine_id=self.engine_id,
                pin_hash=pin_hash,
                photo=asked.photo,
                pad=asked.pad,
            )
        )


def _template(look: str, samples: tuple[Sample, ...]) -> NewTemplate:
    (vector,) = templates_of(samples).values()
    return NewTemplate(look=look, samples=len(samples), vector=vector.astype("<f4").tobytes())
