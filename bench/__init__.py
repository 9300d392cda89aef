"""Measurements: each prints a table and, with --json, one JSON object as its last line."""

import terminal  # noqa: F401 - first, before numpy: it decides how many threads numpy takes
