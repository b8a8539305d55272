"""Error severity, where a section has one byte for it."""

from apeitool.wire.labels import Label


class ErrorSeverity(Label):
    """Error severity as HiSilicon and Jaguar Micro count it."""

    RECOVERABLE = 0
    FATAL = 1
    CORRECTED = 2
    NONE = 3
