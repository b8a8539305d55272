"""What the one who keeps a record writes into its header."""

from apeitool.wire.labels import Bits, Word


class PersistenceInformation(Word):
    """Persistence information; it belongs to the record store, and zero says nothing.

    Source:  Windows WHEA_PERSISTENCE_INFO; ACPI 6.5 18.5.1 leaves it to the platform
    """

    signature = Bits(0, 16, doc="0x5245, ER, where there is any")
    length = Bits(16, 24)
    identifier = Bits(40, 16)
    attributes = Bits(56, 2)
    do_not_log = Bits(58)

    @property
    def text(self) -> str | None:
        return None if self else "none"
