"""What the kiosks of an office get, and who in it needs looking after."""
