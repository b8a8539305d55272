"""Text from outside, made harmless before it reaches a terminal."""


def printable(text: str) -> str:
    """The text with everything spelled out that a terminal could take for an order."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def harmless(text: str) -> str:
    """Text of a record up to its first NUL, in printable ASCII."""
    text = text.partition("\0")[0]
    return "".join(c if c.isprintable() and c.isascii() else f"\\x{ord(c):02x}" for c in text)
