"""`hadir enroll ...`: what the enrolment desk does, asked for on the command line and answered in lines of text."""

import click

from enroll.commands import approval, basis, bulk, desk, person, release, roster, withdrawal, wizard
from enroll.evaluate.command import evaluate


@click.group()
def enroll() -> None:
    """People, their faces and PINs, and the sets made of them."""


for command in (
    desk.add,
    wizard.wizard,
    bulk.import_,
    bulk.encodings,
    basis.basis,
    desk.pin,
    desk.administrator,
    desk.list_,
    person.show,
    person.transfer,
    roster.roster,
    roster.photo,
    withdrawal.withdraw,
    withdrawal.withdrawal,
    withdrawal.verify_proof,
    withdrawal.export,
    approval.pending,
    approval.approve,
    approval.refuse,
    release.engine,
    release.reencode,
    release.lookalikes,
    release.health,
    release.publish,
    evaluate,
):
    enroll.add_command(command)
