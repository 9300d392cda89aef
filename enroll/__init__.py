"""The enrolment desk: from photographs and people to a signed encoding set."""
