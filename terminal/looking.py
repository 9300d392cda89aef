"""What is seen in one frame after the other: who is there, who is served, how good their face is, and who that is."""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from config import Config
from sync.messages import PadVerdict
from terminal import agreement, hints, motion
from terminal.agreement import Evidence, Sample
from terminal.calibration import policy_for
from terminal.camera import Frame
from terminal.faces import Box, Engine, Picture
from terminal.gallery import Gallery
from terminal.guard import Guard, Judged
from terminal.liveness.arrival import Arrivals
from terminal.matching import Outcome
from terminal.quality import Quality, Reason, assess
from terminal.service import Service, Zone, crowded, serve, shorter_side
from terminal.sighting import Asked, Served, Sighting, since
from terminal.tracking import Scene, Track, broken, follow, visible

log = logging.getLogger("hadir.terminal.vision")

APPROACHING = 0.6
"""Part of the size at which a face is looked at, from which somebody is asked to come closer."""
_DOUBTFUL_GAP_S = 0.25
_PROVED_EVERY_S = 0.19
"""While somebody is in doubt their face is compared with who was identified so often: less than relief takes to show,
so that nobody's head turns for the photo that they hold up before and after."""
_UNPROVABLE = (Reason.TOO_FAR, Reason.OUT_OF_VIEW)
_NOTHING = Evidence()


class Looker:
    """What has been seen so far, and what one more frame adds to it. Belongs to one thread, as its engine does.

    At most one face is encoded a frame, and only that of the person served: bystanders are never identified. With a
    guard, one other face is encoded once for each pair in view, and compared with the served one only.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Config,
        *,
        first_track_id: int = 1,
        idle_look_s: float = 0.0,
        guard: Guard | None = None,
    ) -> None:
        """With nobody in view, faces are looked for when something moved and every `idle_look_s`; 0: in each frame.

        Without a `guard` nobody is checked for being there in person.

        Raises NotCalibrated.
        """
        self._engine = engine
        self._idle_look_s = idle_look_s
        self._room = motion.Room()
        self._quality = settings.quality
        self._zone = settings.zone
        self._match = settings.match
        self._policy = policy_for(engine.engine_id, settings.match)
        self._scene = Scene(next_id=first_track_id)
        self._service = Service()
        self._evidence: dict[int, Evidence] = {}
        self._trouble = hints.fresh(0.0)
        self._unlike: str | None = None
        self._guard, self._settling = guard, False
        self._in_doubt, self._proved_s = True, 0.0
        self._arrivals = Arrivals()
        self._compared: set[tuple[int, int]] = set()

    def restart(self) -> None:
        """Nobody is in view: the camera was away, and no track reaches across that."""
        self._scene = Scene(next_id=self._scene.next_id)
        self._service = Service()
        self._evidence = {}
        self._room = motion.Room()
        self._arrivals.forget()
        self._compared = set()
        if self._guard is not None:
            self._guard.forget()

    def faces(self, picture: Picture) -> list[Box]:
        """Return where faces are, and follow none."""
        return [face.box for face in self._engine.detect(picture)]

    def follows(self, track_id: int) -> bool:
        """Return whether that track is unbroken and somebody's still."""
        return self._scene.find(track_id) is not None

    def look(
        self,
        frame: Frame,
        gallery: Gallery,
        *,
        answered: Collection[int] | None = None,
        asked: Asked | None = None,
        settling: bool = False,
    ) -> Sighting:
        """Return what `frame` shows, and who that is by `gallery`.

        `answered` has the tracks that the visit is through with, which make room for the next person; None means that
        whoever is identified is. `asked` is what the screen asks of whoever is in doubt.
        While the camera is `settling` to other light, nobody is judged by what it shows.
        """
        gallery = self._comparable(gallery)
        at, now_s = frame.taken_at, frame.monotonic_ns / 1e9
        height, width = frame.picture.shape[:2]
        if self._guard is not None:
            self._guard.hear(asked, now_s=now_s)
        self._settling = settling
        near_px = max(float(self._quality.min_face_px), self._quality.min_face_share * max(width, height))
        if self._worth_a_search(frame, now_s):
            self._scene = follow(self._scene, self._engine.detect(frame.picture), at=at, now_s=now_s)
            self._note_firsts(width, height, now_s)
        zone = self._zone_in(width, near_px, max(width, height))
        self._choose(now_s, zone, answered)
        served = self._scene.find(self._service.track_id)
        hint = None
        if served is not None:
            quality = self._judged(frame, served, near_px, now_s)
            if quality is not None:
                hint = self._hint(served, quality, zone, now_s)
                served = self._encoded(frame, served, quality, gallery, at, now_s)
                self._guarded(frame, served, quality, now_s)
        return Sighting(
            picture=frame.picture,
            taken_at=at,
            monotonic_ns=frame.monotonic_ns,
            served=self._told(served, hint, at, now_s) if served is not None and visible(served, now_s) else None,
            others=tuple(
                track.box
                for track in self._scene.tracks
                if track.id != self._service.track_id and track.last_seen_s == now_s
            ),
            engine_id=self._engine.engine_id,
            gallery_version=gallery.version,
        )

    def _worth_a_search(self, frame: Frame, now_s: float) -> bool:
        """Return whether faces are to be looked for: always, but for an empty room in which nothing moved."""
        if not self._idle_look_s:
            return True
        if self._scene.tracks:
            self._room = motion.somebody(self._room)
            return True
        self._room, worth = motion.look_round(self._room, frame.picture, now_s=now_s, every_s=self._idle_look_s)
        return worth

    def _comparable(self, gallery: Gallery) -> Gallery:
        """Encodings of two engines are never compared: with another engine's gallery nobody is known."""
        if gallery.engine_id == self._engine.engine_id:
            return gallery
        if self._unlike != gallery.engine_id:
            self._unlike = gallery.engine_id
            log.error("the set is of engine %s, not %s: nobody is known", gallery.engine_id, self._engine.engine_id)
        return replace(Gallery.empty(self._engine.engine_id), version=gallery.version)

    def _zone_in(self, width: int, near_px: float, longer_px: int) -> Zone:
        return Zone(
            left_px=self._zone.left * width,
            right_px=self._zone.right * width,
            least_px=max(APPROACHING * near_px, self._zone.min_face_share * longer_px),
        )

    def _choose(self, now_s: float, zone: Zone, answered: Collection[int] | None) -> None:
        before = self._service.track_id
        self._service = serve(
            self._service,
            self._scene,
            now_s=now_s,
            zone=zone,
            known=before is not None and self._known_of(before).answered,
            answered=answered,
        )
        self._evidence = {track.id: self._known_of(track.id) for track in self._scene.tracks}
        if self._service.track_id != before:
            self._trouble = hints.fresh(now_s)

    def _known_of(self, track_id: int) -> Evidence:
        return self._evidence.get(track_id, _NOTHING)

    def _judged(self, frame: Frame, served: Track, near_px: float, now_s: float) -> Quality | None:
        """Return how good the served face is in this frame, None where it was not found in it."""
        if served.last_seen_s != now_s:
            return None
        if shorter_side(served.box) < near_px:
            return Quality(value=0.0, reason=Reason.TOO_FAR)
        return assess(frame.picture, served.face, self._quality)

    def _hint(self, served: Track, quality: Quality, zone: Zone, now_s: float) -> Reason | None:
        """Return what to say: only what has been wrong for a while."""
        if quality.advice is None and crowded(self._service, self._scene, now_s=now_s, zone=zone):
            quality = replace(quality, advice=Reason.ONE_AT_A_TIME)
        self._trouble = hints.noticed(self._trouble, quality, now_s)
        return None if self._known_of(served.id).answered else hints.hint(self._trouble)

    def _encoded(
        self, frame: Frame, served: Track, quality: Quality, gallery: Gallery, at: datetime, now_s: float
    ) -> Track:
        """Encode the served face if that helps, and return its track: a new one if it turned out to be another face."""
        known = self._known_of(served.id)
        passing = served.slow_since_s is None
        if (
            passing
            or quality.reason is not None
            or not agreement.worth_encoding(
                known,
                quality.value,
                now_s=now_s,
                settings=self._match,
                doubtful=served.gap_s >= _DOUBTFUL_GAP_S,
            )
        ):
            return served
        vector = self._engine.encode(frame.picture, served.face).vector
        sample = Sample(vector=vector, quality=quality.value, at_s=now_s)
        known = agreement.add(known, sample, gallery, self._match, self._policy)
        if not known.exchanged:
            self._evidence[served.id] = known
            if self._guard is not None and (known.doubts or (known.reference is None and len(known.samples) == 1)):
                self._guard.begin_anew(served.id)  # nobody knows whose face it was before
            return served
        log.info("track %d changed its face; a new one begins", served.id)
        new_id = self._scene.next_id
        self._scene = broken(self._scene, served.id, at=at, now_s=now_s)
        self._service = Service(track_id=new_id, done=self._service.done)
        self._evidence[new_id] = agreement.add(_NOTHING, sample, gallery, self._match, self._policy)
        return replace(served, id=new_id, first_seen_at=at, first_seen_s=now_s)

    def _note_firsts(self, width: int, height: int, now_s: float) -> None:
        """Note how each track began that is new in this frame."""
        self._arrivals.note(self._scene.tracks, width_px=width, height_px=height, now_s=now_s)
        there = {track.id for track in self._scene.tracks}
        self._compared = {pair for pair in self._compared if there.issuperset(pair)}

    def _guarded(self, frame: Frame, served: Track, quality: Quality, now_s: float) -> None:
        """The frame tells about `served` whether it is a person, as long as the face is that of who was identified. One
        other face is compared with it, and with nobody else: somebody and their own picture are not both there."""
        if self._guard is None:
            return
        if self._settling:
            self._guard.begin_anew(served.id)
            return
        self._guard.look(
            frame.picture,
            served.face,
            track_id=served.id,
            at_s=now_s,
            first=self._arrivals.of(served.id),
            masked=quality.advice is Reason.MASK,
        )
        known, other = self._known_of(served.id), next(iter(self._uncompared(served, now_s)), None)
        probe = known.probe
        if probe is None:
            return
        if self._in_doubt and now_s - max(known.encoded_s or 0.0, self._proved_s) >= _PROVED_EVERY_S:
            self._proved_s = now_s
            if quality.reason in _UNPROVABLE or agreement.unlike(
                self._engine.encode(frame.picture, served.face).vector, probe, self._policy
            ):
                self._guard.begin_anew(served.id)
        elif other is not None:
            alike = float(self._engine.encode(frame.picture, other.face).vector @ probe)
            self._compared.add((served.id, other.id))
            self._guard.found_beside(served.id, alike)

    def _uncompared(self, served: Track, now_s: float) -> list[Track]:
        return [
            track
            for track in self._scene.tracks
            if track.id != served.id and track.last_seen_s == now_s and (served.id, track.id) not in self._compared
        ]

    def _judgement(self, served: Track, now_s: float) -> Judged:
        if self._guard is None:
            return Judged()
        if self._settling:
            return Judged(pad=PadVerdict.UNDECIDED)
        found = self._known_of(served.id).identification
        known = found is not None and found.outcome is Outcome.MATCH and not self._uncompared(served, now_s)
        alike = self._policy.threshold_for(1)  # of two faces: no gallery's size is in it
        masked = hints.hint(self._trouble) is Reason.MASK
        judged = self._guard.judge(served.id, known=known, now_s=now_s, twin_threshold=alike, masked=masked)
        self._in_doubt = judged.pad is PadVerdict.UNDECIDED and not judged.pin_left
        return judged

    def _told(self, served: Track, hint: Reason | None, at: datetime, now_s: float) -> Served:
        known, judged = self._known_of(served.id), self._judgement(served, now_s)
        return Served(
            track_id=served.id,
            box=served.box,
            first_seen_at=since(served.first_seen_at, now=at, passed_s=now_s - served.first_seen_s),
            identification=known.identification,
            misses=known.misses,
            hint=judged.hint or hint,
            probe=known.probe,
            pad=judged.pad,
            challenge=judged.challenge,
            pin_left=judged.pin_left,
            cues=judged.cues,
        )
