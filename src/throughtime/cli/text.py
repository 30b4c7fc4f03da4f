"""Text from outside, made harmless before it is printed."""


def one_line(text: str) -> str:
    """The text on one line: what moves or colours a terminal is shown as its escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
