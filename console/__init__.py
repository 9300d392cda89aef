"""The web: who is in, and which kiosks are alive."""
