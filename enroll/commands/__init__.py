"""What is typed after `hadir enroll`, a page for each of what it is about."""
