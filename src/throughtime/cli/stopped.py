"""What Ctrl-C leaves to say."""


class Stopped(Exception):
    """Ctrl-C, with the one thing to do about it."""
