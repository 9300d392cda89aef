"""`hadir enroll evaluate`: how well engines tell people apart, on photographs as the desk and the kiosk see them."""
