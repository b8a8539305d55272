"""The error status word that several sections share."""

from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import Json, Pair


class ErrorType(Label):
    """Type of an error status; 4 to 9 detail 1, 17 to 26 detail 16."""

    ERR_INTERNAL = 1
    ERR_MEM = 4
    ERR_TLB = 5
    ERR_CACHE = 6
    ERR_FUNCTION = 7
    ERR_SELFTEST = 8
    ERR_FLOW = 9
    ERR_BUS = 16
    ERR_MAP = 17
    ERR_IMPROPER = 18
    ERR_UNIMPL = 19
    ERR_LOL = 20
    ERR_RESPONSE = 21
    ERR_PARITY = 22
    ERR_PROTOCOL = 23
    ERR_ERROR = 24
    ERR_TIMEOUT = 25
    ERR_POISONED = 26

    @property
    def text(self) -> str:
        """What the type means."""
        return _MEANING.get(int(self)) or f"unknown ({int(self)})"

    @property
    def json_name(self) -> str | None:
        """The specification's own name."""
        return self.name if self.is_known else None


_MEANING = {
    1: "error detected internal to the component",
    4: "storage error in memory (DRAM)",
    5: "storage error in TLB",
    6: "storage error in cache",
    7: "error in one or more functional units",
    8: "component failed self test",
    9: "overflow or underflow of internal queue",
    16: "error detected in the bus",
    17: "virtual address not found on IO-TLB or IO-PDIR",
    18: "improper access error",
    19: "access to a memory address which is not mapped to any component",
    20: "loss of lockstep",
    21: "response not associated with a request",
    22: "bus parity error (address, control or data)",
    23: "detection of a protocol error",
    24: "detection of a path error",
    25: "bus operation timed out",
    26: "read of data that was poisoned",
}


class ErrorStatus(Word):
    """Error status, 64 bits.

    Source:  UEFI 2.10 N.2.12
    """

    error_type = Bits(8, 8, ErrorType, json=Json(shape=Pair(text="description")))
    address = Bits(16, doc="seen on the address signals", json=Json("addressSignal"))
    control = Bits(17, doc="seen on the control signals", json=Json("controlSignal"))
    data = Bits(18, doc="seen on the data signals", json=Json("dataSignal"))
    responder = Bits(19, doc="detected by the responder", json=Json("detectedByResponder"))
    requester = Bits(20, doc="detected by the requester", json=Json("detectedByRequester"))
    first_error = Bits(21)
    overflow = Bits(22, doc="further errors were lost", json=Json("overflowDroppedLogs"))
