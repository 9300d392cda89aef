"""`hadir enroll withdraw|withdrawal|verify-proof|export`: what somebody may ask for of what is held about them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

import config

if TYPE_CHECKING:
    from enroll.privacy.withdrawal import Progress

Settings = Callable[[], config.Config]
_PROOF = click.option(
    "--proof",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the signed proof to this file, and the page to print beside it.",
)


@click.command("withdraw")
@click.argument("number")
@click.option("--leaves", is_flag=True, help="They leave the office: PIN and all, not the face only.")
@click.option("--no-publish", is_flag=True, help="Leave it to a later ./hadir enroll publish to tell the kiosks.")
@click.option("--wait", "wait_s", type=click.FloatRange(0, 3600), default=0.0, help="Seconds to wait for the kiosks.")
@_PROOF
@click.pass_obj
def withdraw(
    settings: Settings, /, number: str, leaves: bool, no_publish: bool, wait_s: float, proof: Path | None
) -> None:
    """Delete the face of NUMBER here and on every kiosk. They go on with their PIN, unless they leave."""
    from enroll.privacy import withdrawal

    here = settings()
    done = withdrawal.withdraw(here, number, leaves=leaves, publish_sets=not no_publish, wait_s=wait_s)
    for report in done.published:
        away = f", which goes out when the collector connects ({report.problem})" if report.problem else ""
        click.echo(f"Published version {report.version} of {report.office} without the face{away}.")
    for problem in done.problems:
        click.echo(problem)
    if not leaves and not done.progress.employee.has_pin:
        click.echo(f"{number} has no PIN to go on with; set one (./hadir enroll pin {number}) and publish.")
    _say(done.progress)
    _prove(here, done.progress, proof)
    if done.problems:
        sys.exit(1)


@click.command("withdrawal")
@click.argument("number")
@_PROOF
@click.pass_obj
def withdrawal(settings: Settings, /, number: str, proof: Path | None) -> None:
    """Show how far the withdrawal of NUMBER is, kiosk by kiosk. The exit code is 1 while it is not complete."""
    from enroll.privacy import withdrawal as room

    here = settings()
    progress = room.progress_of(here, number)
    _say(progress)
    _prove(here, progress, proof)
    if not progress.complete:
        sys.exit(1)


@click.command("verify-proof")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--heads-key", type=click.Path(path_type=Path, dir_okay=False), help="Default: heads.pub in centre.keys.")
@click.pass_obj
def verify_proof(settings: Settings, /, file: Path, heads_key: Path | None) -> None:
    """Check the signatures in the proof FILE, and show what it says."""
    from enroll.privacy import withdrawal_proof
    from sync import keys

    public = keys.load_public(heads_key or settings().centre.keys / f"{keys.HEADS}.pub")
    proof = withdrawal_proof.read_proof(file, public)
    click.echo(withdrawal_proof.page_of(proof, file.name))
    click.echo("The signature is good.")


@click.command("export")
@click.argument("number")
@click.option("--to", type=click.Path(path_type=Path), required=True, help="A new folder, or a file that ends in .zip.")
@click.pass_obj
def export(settings: Settings, /, number: str, to: Path) -> None:
    """Write everything held about NUMBER, for them: JSON and CSV, with the values of their templates."""
    from enroll.privacy import export

    done = export.export_person(settings(), number, to)
    click.echo(
        f"{done.number}: {done.punches} punches and {done.templates} templates with all the rest are in {done.where}. "
        "It is theirs: hand it over, and delete it here."
    )


def _say(progress: "Progress") -> None:
    done = progress.withdrawal
    what = "the face and the PIN" if done.leaves else "the face"
    click.echo(
        f"{done.employee}: {what} withdrawn {done.at:%Y-%m-%d %H:%M} UTC; {done.templates} templates deleted, "
        + ("their key destroyed." if done.key_destroyed else "there was no key.")
    )
    if progress.employee.templates:
        click.echo(f"{progress.employee.templates} templates were made since: they have been enrolled again.")
    for office in progress.unpublished:
        click.echo(f"{office}: its kiosks have not been told; run ./hadir enroll publish --office {office}.")
    for kiosk in progress.kiosks:
        if kiosk.word is not None:
            word = kiosk.word.word
            said = f"uses version {word.version} since {word.at:%Y-%m-%d %H:%M:%S} UTC, after entry {word.seq}"
        else:
            heard = f"last heard {kiosk.last_heard:%Y-%m-%d %H:%M:%S} UTC" if kiosk.last_heard else "never heard of"
            said = f"has not said so yet, {heard}"
        click.echo(f"{kiosk.terminal} at {kiosk.office}: {said}")
    click.echo("Complete." if progress.complete else "Not complete yet; see ./hadir enroll withdrawal.")


def _prove(settings: config.Config, progress: "Progress", proof: Path | None) -> None:
    if proof is None:
        return
    from enroll.privacy import withdrawal_proof

    written, page = withdrawal_proof.write_proof(settings, progress, proof)
    click.echo(f"The proof is in {written}, and to print in {page}.")
