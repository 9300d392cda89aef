"""A small believable office: its people, the clip they walk in, and everything running on one machine."""
