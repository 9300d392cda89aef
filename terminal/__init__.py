"""The kiosk: from the camera's pixels to a punch that is on the card."""

import os

# Before numpy is imported by anybody here. An idle thread of OpenBLAS spins for some 25 ms after every product and
# takes a core from OpenCV meanwhile: on two cores a frame with an encoding takes 24 ms with one thread, 36 with two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
