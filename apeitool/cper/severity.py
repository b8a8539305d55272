"""How bad an error is; records, sections, status blocks and data entries count alike."""

from apeitool.wire.labels import Label


class Severity(Label):
    """Error severity (UEFI 2.10 N.2.1; ACPI 6.5 18.3.2.7.1).

    ACPI before 5.1B called value 0 "correctable"; it means recoverable.
    """

    RECOVERABLE = 0
    FATAL = 1
    CORRECTED = 2
    INFORMATIONAL = 3
