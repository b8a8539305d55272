"""Every exception that bad input, a broken peer or a missing program can cause.

No other exception type, and no traceback, reaches a user of the command line or of the library
because of what the bytes were.
"""


class ApeiError(Exception):
    """Base of everything this package raises on purpose."""


class DecodeError(ApeiError):
    """Bytes that cannot be what they were said to be.

    Units:   ``offset`` is in bytes from the start of the input, ``path`` names the field
             (``Hest.sources[2].notification``), ``spec`` the text that sets the rule.
    """

    def __init__(self, message: str, *, offset: int = 0, path: str = "", spec: str = "") -> None:
        self.message = message
        self.offset = offset
        self.path = path
        self.spec = spec
        super().__init__(message)

    def __str__(self) -> str:
        rule = f" [{self.spec}]" if self.spec else ""
        if not self.path and not self.offset:
            return f"{self.message}{rule}"
        place = f"offset {self.offset:#x}" + (f", {self.path}" if self.path else "")
        return f"{self.message} ({place}){rule}"


class Truncated(DecodeError):
    """The bytes end before the shortest legal length of the structure."""


class BadChecksum(DecodeError):
    """The bytes of a table do not add up to zero."""


class BadSignature(DecodeError):
    """The signature is not that of the structure asked for."""


class BadLength(DecodeError):
    """A length or a count contradicts the bytes that are there."""


class BadValue(DecodeError):
    """A field holds what the specification forbids there."""


class Ambiguous(DecodeError):
    """The bytes fit more than one kind of object."""

    def __init__(self, message: str, *, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class EncodeError(ApeiError):
    """A value that its field cannot hold; ``path`` names the field."""

    def __init__(self, message: str, *, path: str = "") -> None:
        self.message = message
        self.path = path
        super().__init__(f"{message} ({path})" if path else message)


class CaptureError(ApeiError):
    """A file or a log that does not carry what its form promises."""

    def __init__(self, message: str, *, origin: str = "", line: int = 0) -> None:
        self.message = message
        self.origin = origin
        self.line = line
        where = origin + (f":{line}" if line else "")
        super().__init__(f"{where}: {message}" if where else message)


class DialectError(ApeiError):
    """There is no such dialect, or no such reading of a topic."""


class QueryError(ApeiError):
    """A question in SQL that cannot be answered."""


class AccessError(ApeiError):
    """An address where there is no memory, or a register that cannot be read or written."""


class StoreError(ApeiError):
    """A store that cannot be read, or that does not take what it is given."""


class StoreFull(StoreError):
    """A store that has no room for a record."""


class ProtocolError(ApeiError):
    """An event that the state of the firmware and guest dialogue does not allow."""

    def __init__(self, message: str, *, state: str = "", event: str = "") -> None:
        self.state = state
        self.event = event
        super().__init__(f"{message} (event {event} in state {state})" if event else message)


class FirmwareFault(ProtocolError):
    """The firmware side broke the protocol."""


class GuestFault(ProtocolError):
    """The guest side broke the protocol."""


class MissingError(ApeiError):
    """Something needed is not on this machine; ``remedy`` says how to get it."""

    def __init__(self, message: str, *, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(f"{message}: {remedy}")


class QemuError(ApeiError):
    """QEMU refused, failed or fell silent."""


class QemuBusy(QemuError):
    """QEMU has no room for an error: the guest has not acknowledged the one before."""


class LabError(ApeiError):
    """A real guest did not come up, or did not do what the lab asked."""
