"""HR's list of who works where and from when to when, taken over whole after its changes were shown."""
