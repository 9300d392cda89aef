"""The kiosk: camera to recorded punch."""
