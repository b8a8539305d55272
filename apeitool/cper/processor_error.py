"""What the check words of Arm and x86 processors have in common.

Source:  UEFI 2.10 N.2.4.2.1, N.2.4.4.1
"""

from apeitool.wire.labels import Label


class TransactionType(Label):
    """Whose access it was."""

    INSTRUCTION = 0
    DATA_ACCESS = 1
    GENERIC = 2


class BusOperation(Label):
    """What the bus was doing."""

    GENERIC_ERROR = 0
    GENERIC_READ = 1
    GENERIC_WRITE = 2
    DATA_READ = 3
    DATA_WRITE = 4
    INSTRUCTION_FETCH = 5
    PREFETCH = 6


class Participation(
    Label, json={0: "Local Processor Originated Request", 1: "Local Processor Responded to Request"}
):
    """The processor's part in a bus error."""

    LOCAL_PROCESSOR_ORIGINATED = 0
    LOCAL_PROCESSOR_RESPONDED = 1
    LOCAL_PROCESSOR_OBSERVED = 2
    GENERIC = 3
