"""F3: the cues one by one, and the track they belong to; values in, values out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.faces import Box
from terminal.liveness import edges, passive, repeats
from terminal.liveness.arrival import First, judge_arrival, judge_twin
from terminal.liveness.cues import Finding, Reason
from terminal.liveness.edges import Side, around, judge_edge, judge_frame, moving
from terminal.liveness.repeats import Glimpse
from terminal.liveness.watch import Glance, beside, cues_of, watched

FACE = Box(x=250, y=150, width=100, height=130)
Floats = NDArray[np.float64]


def sheet(*, left: float = 200, right: float = 400, top: float = 80, bottom: float = 380) -> Floats:
    """The four edges of a sheet around FACE."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array([[corners[n], corners[(n + 1) % 4]] for n in range(4)], np.float64)


def carry(x: float = 0.0, y: float = 0.0, scale: float = 1.0, tilt: float = 0.0) -> Floats:
    return np.array([[scale, -tilt, x], [tilt, scale, y]], np.float64)


def went(lines: Floats, by: Floats) -> Floats:
    return np.asarray(lines @ by[:, :2].T + by[:, 2], np.float64)


def test_f3_edges_that_go_with_the_face_are_found_on_their_sides() -> None:
    by = carry(x=14, y=9)
    assert {Side.LEFT, Side.RIGHT, Side.TOP} <= moving(sheet(), went(sheet(), by), by, FACE)


def test_f3_edges_of_the_room_do_not_move_with_a_face() -> None:
    for by in (carry(x=14, y=9), carry(scale=1.2, x=-55, y=-40), carry(tilt=0.05)):
        assert moving(sheet(), sheet(), by, FACE) == frozenset()


def test_f3_slats_that_somebody_walks_past_are_no_sheet() -> None:
    """Of a wall of slats each lies where another would have gone, and those behind the walker are hidden."""
    slats = np.array([[[x, 60], [x, 380]] for x in range(60, 560, 24)], np.float64)
    by = carry(x=48)
    hidden = slats[np.abs(slats[:, 0, 0] - 348) > 75]
    assert moving(slats, hidden, by, FACE) == frozenset()
    with_sheet = np.concatenate([hidden, went(sheet(), by)])
    assert moving(np.concatenate([slats, sheet()]), with_sheet, by, FACE), "a sheet before slats is still one"


def test_a_face_that_hardly_moves_shows_nothing_of_the_edges() -> None:
    by = carry(x=0.8, y=0.5)
    assert moving(sheet(), went(sheet(), by), by, FACE) == frozenset()


def test_f3_clothes_below_the_chin_are_no_sheet() -> None:
    """Necklines, sleeves and shoulders are straight and go where the head goes."""
    worn = np.array(
        [[[230, 290], [300, 400]], [[370, 290], [300, 400]], [[190, 300], [185, 460]], [[405, 300], [412, 460]]]
    )
    by = carry(scale=1.15, x=-40, y=-30)
    assert moving(worn.astype(float), went(worn.astype(float), by), by, FACE) == frozenset()


def test_a_tilted_sheets_edge_is_found_though_it_misses_a_little() -> None:
    by = carry(x=20, y=12)
    after = went(sheet(), by)
    after[0, :, 1] += 2.5  # its top comes a little less far
    assert Side.TOP in moving(sheet(), after, by, FACE)


def test_edges_that_moved_once_may_be_chance_twice_raise_doubt_and_three_times_deny() -> None:
    both, one, none = frozenset({Side.LEFT, Side.TOP}), frozenset({Side.LEFT}), frozenset[Side]()
    assert judge_edge([]).finding is Finding.NO_EVIDENCE
    assert judge_edge([one, both]).finding is Finding.NO_EVIDENCE
    assert judge_edge([both, one, both]).finding is Finding.SUSPECT
    assert judge_edge([both, one, both, none, none, none, both]).finding is Finding.DENY


def test_one_edge_that_keeps_going_with_the_face_raises_doubt() -> None:
    top, left, none = frozenset({Side.TOP}), frozenset({Side.LEFT}), frozenset[Side]()
    assert judge_edge([top] * 3).finding is Finding.NO_EVIDENCE
    assert judge_edge([top, none] * 4).finding is Finding.SUSPECT
    assert judge_edge([top, none, none] * 4).finding is Finding.NO_EVIDENCE, "most of the time it did not"
    assert judge_edge([top, left] * 3).finding is Finding.NO_EVIDENCE, "not the same edge"


def test_a_frame_is_edges_on_three_sides_most_of_the_time() -> None:
    assert len(around(sheet(), FACE)) >= 3
    assert around(sheet() + 900, FACE) == frozenset()
    assert around(np.zeros((0, 2, 2)), FACE) == frozenset()
    full, open_ = frozenset({Side.LEFT, Side.RIGHT, Side.TOP}), frozenset({Side.LEFT, Side.RIGHT})
    assert judge_frame([full, full]).finding is Finding.NO_EVIDENCE
    assert judge_frame([full, full, open_]).finding is Finding.SUSPECT
    assert judge_frame([full, open_, open_]).finding is Finding.CLEAR


def test_many_lines_cost_no_more_than_so_many() -> None:
    crowd = np.repeat(sheet(), 2000, axis=0)
    assert moving(crowd, crowd, carry(x=20), FACE) == frozenset()
    assert edges.around(crowd, FACE) != frozenset()


def test_each_models_verdict_is_kept() -> None:
    sure, doubts = [9.0] * 8, [-0.1] * 6 + [9.0] * 2
    assert passive.judge({"one": sure, "other": sure}).finding is Finding.CLEAR
    assert passive.judge({"one": sure, "other": doubts}).finding is Finding.SUSPECT, "its mean is on the living side"
    assert passive.judge({"one": sure[:2], "other": sure}).finding is Finding.NO_EVIDENCE
    assert passive.judge({}).finding is Finding.NO_EVIDENCE
    assert passive.judge({"one": [float("nan")] * 8}).finding is Finding.SUSPECT


def test_one_model_may_waver_where_another_is_sure_but_not_both() -> None:
    sure, wavers = [1.0] * 8, [1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0]
    assert passive.judge({"one": sure, "other": wavers}).finding is Finding.CLEAR
    assert passive.judge({"one": wavers, "other": wavers}).finding is Finding.SUSPECT
    assert passive.judge({"one": sure, "other": [*wavers[:-2], -1.0, -1.0, -1.0, -1.0]}).finding is Finding.SUSPECT


def test_few_frames_tell_only_what_they_all_agree_on() -> None:
    for frames in range(8):
        agreed = passive.judge({"one": [1.0] * frames, "other": [1.0] * frames}).finding
        refused = passive.judge({"one": [1.0] * frames, "other": [-1.0] * frames}).finding
        mixed = passive.judge({"one": [1.0] * frames, "other": ([1.0, -1.0] * frames)[:frames]}).finding
        assert agreed is (Finding.CLEAR if frames >= 6 else Finding.NO_EVIDENCE)
        assert refused is (Finding.SUSPECT if frames >= 6 else Finding.NO_EVIDENCE)
        assert mixed is Finding.NO_EVIDENCE


def test_what_the_models_said_long_ago_does_not_count() -> None:
    assert passive.judge({"one": [1.0] * 40 + [-1.0] * 16}).finding is Finding.SUSPECT


def glimpses(pictures: list[NDArray[np.float32]], *, noise: float, seed: int = 4) -> list[Glimpse]:
    rng = np.random.default_rng(seed)
    return [
        Glimpse(small=np.asarray(each + rng.normal(0, noise, each.shape), np.float32), at_s=n * 0.1)
        for n, each in enumerate(pictures)
    ]


def pictures(count: int, seed: int = 9) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, 255, (24, 24)).astype(np.float32) for _ in range(count)]


def test_f3_a_picture_that_stands_still_to_the_last_bit_is_denied() -> None:
    still = pictures(1) * 12
    assert repeats.judge(glimpses(still, noise=0)).finding is Finding.DENY
    assert repeats.judge(glimpses(still, noise=0.3)).finding is Finding.CLEAR, "somebody who stands very still"
    assert repeats.judge(glimpses(still[:4], noise=0)).finding is Finding.NO_EVIDENCE


def test_f3_a_loop_is_denied_and_somebody_who_nods_is_not() -> None:
    film = pictures(12)
    assert repeats.judge(glimpses(film + film, noise=0)).finding is Finding.DENY
    assert repeats.judge(glimpses(film + film, noise=0.3)).finding is Finding.CLEAR
    assert repeats.judge(glimpses(pictures(24), noise=0)).finding is Finding.CLEAR


@pytest.mark.parametrize(
    ("face", "empty_before_s", "wanted"),
    [
        (Box(x=220, y=120, width=180, height=220), 0.1, Finding.SUSPECT),
        (Box(x=220, y=120, width=180, height=220), None, Finding.NO_EVIDENCE),
        (Box(x=220, y=120, width=180, height=220), 5.0, Finding.NO_EVIDENCE),
        (Box(x=300, y=200, width=50, height=60), 0.1, Finding.CLEAR),
        (Box(x=10, y=120, width=180, height=220), 0.1, Finding.CLEAR),
        (Box(x=220, y=300, width=180, height=220), 0.1, Finding.CLEAR),
    ],
)
def test_f3_a_face_that_appears_without_arriving(face: Box, empty_before_s: float | None, wanted: Finding) -> None:
    first = First(face=face, width_px=640, height_px=480, empty_before_s=empty_before_s)
    assert judge_arrival(first).finding is wanted


def test_f3_the_same_face_twice_in_view_is_refused() -> None:
    assert judge_twin(None, 0.4).finding is Finding.NO_EVIDENCE
    assert judge_twin(0.39, 0.4).finding is Finding.CLEAR
    assert judge_twin(0.4, 0.4).finding is Finding.DENY


def glance(at_s: float, **more: object) -> Glance:
    return Glance(at_s=at_s, face=FACE, **more)  # type: ignore[arg-type]


def finding(watch: object, reason: Reason) -> Finding:
    return next(cue.finding for cue in cues_of(watch, twin_threshold=0.4) if cue.reason is reason)  # type: ignore[arg-type]


def test_f3_a_living_face_never_vouches_for_another_track() -> None:
    """Track swap: what one track showed is gone with it, whether the photo stands beside or took its place."""
    watch = None
    for n in range(8):
        watch = watched(watch, 7, glance(n * 0.2, logits={"one": 8.0, "other": 8.0}))
    assert finding(watch, Reason.PASSIVE) is Finding.CLEAR
    swapped = watched(watch, 8, glance(1.6, logits={"one": -8.0, "other": -8.0}))
    assert finding(swapped, Reason.PASSIVE) is Finding.NO_EVIDENCE
    for n in range(7):
        swapped = watched(swapped, 8, glance(1.8 + n * 0.2, logits={"one": -8.0, "other": -8.0}))
    assert finding(swapped, Reason.PASSIVE) is Finding.SUSPECT


def test_a_track_keeps_a_bounded_number_of_each() -> None:
    watch = None
    for n in range(500):
        watch = watched(watch, 1, glance(n * 0.1, logits={"one": 1.0}, lines=sheet()))
    assert watch is not None
    assert len(watch.said["one"]) == len(watch.frames) == 60


def test_one_cue_of_each_reason_and_the_largest_likeness_counts() -> None:
    watch = beside(beside(watched(None, 1, glance(0.0)), 0.6), 0.1)
    cues = cues_of(watch, twin_threshold=0.4)
    assert [cue.reason for cue in cues] == list(Reason)
    assert finding(watch, Reason.TWIN) is Finding.DENY
    assert all(cue.finding is Finding.NO_EVIDENCE for cue in cues if cue.reason is not Reason.TWIN)
