"""The policy of enrolments, from the settings and the engine's calibration."""

import secrets

import config
from enroll.wizard.values import WizardRules
from terminal.calibration import calibrated


def rules_of(settings: config.Config, engine_id: str) -> WizardRules:
    """Return the policy of one enrolment here, with chance of its own. Raises NotCalibrated."""
    known = calibrated(settings, engine_id)
    return WizardRules(
        duty=settings.enroll.basis == "public_duty",
        same_person=known.enroll.same_person_score,
        draw=secrets.randbits(16),
    )
