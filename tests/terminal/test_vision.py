"""From frames to sightings: one frame's work, the thread that does it, and the place where the newest lies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.matching import Outcome
from terminal.quality import Reason
from terminal.sighting import Sighting
from tests.terminal.stage import Actor, StageEngine, frame, gallery_of, like, play, settings

STAFF = gallery_of(1, 2, 3)
ONE, TWO, STRANGER = (Actor(who=who) for who in (1, 2, 60))


def named(sightings: list[Sighting]) -> list[str]:
    """Return who was named, in order, each once in a row."""
    names: list[str] = []
    for sighting in sightings:
        found = sighting.served.identification if sighting.served else None
        if found is not None and found.employee is not None and names[-1:] != [found.employee]:
            names.append(found.employee)
    return names


# --- one frame after the other --------------------------------------------------------------------------------------


def test_somebody_who_walks_up_is_named_within_half_a_second_and_was_seen_first_when_they_came() -> None:
    seen = play([*[[]] * 3, *[[ONE]] * 12], STAFF)
    assert named(seen) == ["1"]
    first = next(n for n, each in enumerate(seen) if each.served and each.served.identification)
    assert first <= 3 + 7
    served = seen[-1].served
    assert served is not None
    assert served.first_seen_at == frame(3).taken_at
    assert served.identification is not None
    assert served.identification.gallery_size == 3
    assert (seen[-1].gallery_version, seen[-1].engine_id) == (STAFF.version, "stage")
    assert seen[-1].taken_at == frame(14).taken_at


def test_a_stranger_is_never_named_and_becomes_a_miss_every_two_seconds() -> None:
    seen = play([[STRANGER]] * 75, STAFF)
    assert named(seen) == []
    last = seen[-1].served
    assert last is not None
    assert last.misses == 2
    assert last.identification is not None
    assert last.identification.outcome is Outcome.NO_MATCH


def test_at_most_one_face_is_encoded_a_frame_and_never_a_bystanders() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 12
    engine = StageEngine(script)
    seen = play(script, STAFF, engine=engine)
    assert {who for _, who in engine.encoded} == {1}
    frames = [number for number, _ in engine.encoded]
    assert len(frames) == len(set(frames))
    assert [round(box.width) for box in seen[-1].others] == [100]


def test_two_people_together_are_named_one_after_the_other_without_touching_anything() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 45
    assert named(play(script, STAFF)) == ["1", "2"]


def test_the_next_waits_while_the_visit_is_not_through_with_the_first() -> None:
    script = [[Actor(who=1, x=200, size=140), Actor(who=2, x=460, size=100)]] * 90
    through: list[int] = []

    def answered(last: Sighting | None) -> list[int]:
        if last is not None and last.taken_at > frame(60).taken_at and last.served is not None:
            through.append(last.served.track_id)
        return through

    seen = play(script, STAFF, answered=answered)
    assert named(seen[:60]) == ["1"]
    assert named(seen) == ["1", "2"]


def test_a_face_too_far_away_is_asked_to_come_closer_and_not_encoded() -> None:
    script = [[Actor(who=1, size=36)]] * 20
    engine = StageEngine(script)
    seen = play(script, STAFF, engine=engine)
    assert engine.encoded == []
    assert seen[-1].served is not None
    assert seen[-1].served.hint is Reason.TOO_FAR


def test_a_passer_by_is_not_served_at_all() -> None:
    seen = play([[Actor(who=1, size=20)]] * 20, STAFF)
    assert all(each.served is None for each in seen)
    assert len(seen[-1].others) == 1


def test_hints_do_not_flicker_with_single_frames() -> None:
    turned = Actor(who=60, turned=0.6)
    script = [*[[STRANGER], [STRANGER], [turned]] * 8, *[[turned]] * 12, *[[STRANGER]] * 3]
    hints = [each.served.hint if each.served else None for each in play(script, STAFF)]
    assert set(hints[:24]) == {None}
    assert hints[35] is Reason.TURN_TO_SCREEN
    assert hints[-1] is None


def test_a_turned_face_is_never_encoded() -> None:
    script = [[Actor(who=1, turned=0.6)]] * 15
    engine = StageEngine(script)
    play(script, STAFF, engine=engine)
    assert engine.encoded == []


@pytest.mark.parametrize("jump", [timedelta(days=300), -timedelta(hours=2)])
def test_a_clock_that_is_set_while_somebody_stands_there_moves_their_arrival_along(jump: timedelta) -> None:
    script = [[ONE]] * 12
    looker = Looker(StageEngine(script), settings())
    for number in range(12):
        given = frame(number)
        if number >= 6:
            given = replace(given, taken_at=given.taken_at + jump)
        seen = looker.look(given, STAFF)
    assert seen.served is not None
    assert abs(seen.served.first_seen_at - (frame(0).taken_at + jump)) < timedelta(milliseconds=1)


def test_a_match_stays_with_its_track_and_is_cheap() -> None:
    script = [[ONE]] * 90
    engine = StageEngine(script)
    seen = play(script, STAFF, engine=engine)
    assert named(seen) == ["1"]
    assert {each.served.track_id for each in seen if each.served} == {1}
    assert len(engine.encoded) <= 3 + 6


def test_a_face_exchanged_on_the_way_is_a_new_track_with_a_new_arrival() -> None:
    script = [*[[ONE]] * 20, *[[TWO]] * 40]
    seen = play(script, STAFF)
    assert named(seen) == ["1", "2"]
    last = seen[-1].served
    assert last is not None
    assert last.track_id != 1
    assert last.first_seen_at > frame(20).taken_at
    between = [each.served for each in seen[20:] if each.served and each.served.track_id == 1]
    assert len(between) < 30  # noticed within two seconds


def test_somebody_missed_for_five_frames_goes_on_under_the_same_track() -> None:
    seen = play([*[[ONE]] * 8, *[[]] * 5, *[[ONE]] * 8], STAFF)
    assert {each.served.track_id for each in seen if each.served} == {1}
    assert seen[12].served is not None  # a blink is no leaving


def test_nobody_is_served_soon_after_leaving() -> None:
    seen = play([*[[ONE]] * 8, *[[]] * 15], STAFF)
    assert seen[8 + 7].served is None


def test_look_alikes_are_ambiguous_and_stay_so_while_they_stand_there() -> None:
    twins = gallery_of(1, 2, twin=(3, like(1, 0.97, other=50)))
    seen = play([[Actor(who=1, shaken=0.2)]] * 60, twins)
    outcomes = [each.served.identification.outcome for each in seen if each.served and each.served.identification]
    assert set(outcomes) == {Outcome.AMBIGUOUS}


def test_another_gallery_counts_from_the_next_frame_on() -> None:
    script = [[Actor(who=9)]] * 80
    looker = Looker(StageEngine(script), settings())
    before = [looker.look(frame(n), STAFF) for n in range(40)]
    after = [looker.look(frame(n), gallery_of(1, 9, version=5)) for n in range(40, 80)]
    assert named(before) == []
    assert named(after) == ["9"]
    assert after[0].gallery_version == 5


def test_a_gallery_of_another_engine_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    other = gallery_of(1, 2, engine_id="another")
    seen = play([[ONE]] * 40, other)
    assert named(seen) == []
    assert sum("another" in record.message for record in caplog.records) == 1


def test_an_empty_gallery_names_nobody() -> None:
    seen = play([[ONE]] * 40, Gallery.empty("stage"))
    assert named(seen) == []
    assert seen[-1].served is not None
    assert seen[-1].served.misses == 1


def test_no_track_reaches_across_a_camera_that_was_away() -> None:
    script = [[ONE]] * 40
    looker = Looker(StageEngine(script), settings())
    before = [looker.look(frame(n), STAFF) for n in range(20)]
    looker.restart()
    after = [looker.look(frame(n), STAFF) for n in range(20, 40)]
    assert before[-1].served is not None
    assert after[-1].served is not None
    assert before[-1].served.track_id != after[-1].served.track_id
    assert after[-1].served.first_seen_at == frame(20).taken_at
