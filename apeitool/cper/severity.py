"""How bad an error is; records, sections, status blocks and data entries count alike."""

from apeitool.wire.labels import Label
from apeitool.wire.shapes import Pair


class Severity(Label):
    """Error severity (UEFI 2.10 N.2.1; ACPI 6.5 18.3.2.7.1).

    ACPI before 5.1B called value 0 "correctable"; it means recoverable.
    """

    RECOVERABLE = 0
    FATAL = 1
    CORRECTED = 2
    INFORMATIONAL = 3

    @property
    def outlook(self) -> str:
        """What usually follows, in a sentence; "" for a severity that is not known."""
        return _OUTLOOK.get(int(self), "")


_OUTLOOK = {
    0: "Data was lost, the system can go on: the operating system takes the part out of use, and ends "
    "who needs what was in it.",
    1: "The system cannot be trusted to go on: an operating system that is told stops.",
    2: "It was corrected and nothing is lost; many of them in one part are a reason to replace it.",
    3: "For information: nothing has to be done at once.",
}

SEVERITY = Pair("code", unknown="Unknown")
"""How CPER-JSON shows a severity."""
