"""Other programs for the same purpose, measured beside ours on the same frames. They never come onto a kiosk."""
