"""The wizard run for one person before a camera: at the kiosk, or at a desk's webcam."""
