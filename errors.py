"""The root of every room's error tree."""


class HadirError(Exception):
    """One sentence for the person at the keyboard: what is wrong and what to do next.

    Rooms derive their own short trees from it and translate foreign errors at their rim, so that the command
    line can print any of them without a traceback.
    """
