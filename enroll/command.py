"""`hadir enroll ...`: what the enrolment desk does, asked for on the command line and answered in lines of text."""

import click

from enroll import (
    approval_command,
    basis_command,
    bulk_command,
    desk_command,
    person_command,
    release_command,
    roster_command,
    withdrawal_command,
    wizard_command,
)
from enroll.evaluate.command import evaluate


@click.group()
def enroll() -> None:
    """People, their faces and PINs, and the sets made of them."""


for command in (
    desk_command.add,
    wizard_command.wizard,
    bulk_command.import_,
    bulk_command.encodings,
    basis_command.basis,
    desk_command.pin,
    desk_command.administrator,
    desk_command.list_,
    person_command.show,
    person_command.transfer,
    roster_command.roster,
    roster_command.photo,
    withdrawal_command.withdraw,
    withdrawal_command.withdrawal,
    withdrawal_command.verify_proof,
    withdrawal_command.export,
    approval_command.pending,
    approval_command.approve,
    approval_command.refuse,
    release_command.engine,
    release_command.reencode,
    release_command.lookalikes,
    release_command.health,
    release_command.publish,
    evaluate,
):
    enroll.add_command(command)
