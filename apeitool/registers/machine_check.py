"""What a machine check bank reported: its registers taken together.

Source:  Intel SDM volume 3B 17.3.2; AMD64 APM volume 2 9.3; Linux apei_smca_report_x86_error()
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from apeitool.registers.cpuid import CpuidVersion
from apeitool.registers.msr import msr
from apeitool.registers.smca import AmdMciStatus, McaIpid, bank_sentence
from apeitool.registers.x86 import (
    AddressMode,
    IntelMciStatus,
    IoMciMisc,
    McaErrorCode,
    MciMisc,
    MciStatus,
)

_AMD_ADDRESS = (1 << 56) - 1
"""Above it some processors keep how many low bits of the address are not valid."""


class MachineCheck(NamedTuple):
    """One bank: its status, and of its other registers those that are known."""

    bank: int
    status: MciStatus
    address: int | None = None
    misc: int | None = None
    ipid: McaIpid | None = None

    @property
    def stated_address(self) -> int | None:
        """The address, if the status says that it is one."""
        if self.address is None or not (self.status.valid and self.status.address_valid):
            return None
        return (
            self.address & _AMD_ADDRESS if isinstance(self.status, AmdMciStatus) else self.address
        )

    @property
    def physical_address(self) -> int | None:
        """The address, if the registers say that it is a physical one."""
        if isinstance(self.status, AmdMciStatus):
            is_physical = self.status.physical_address_valid
        else:
            mode = MciMisc(self.misc or 0).address_mode
            is_physical = self.status.misc_valid and mode == AddressMode.PHYSICAL_ADDRESS
        return self.stated_address if is_physical else None

    def sentence(self, processor: CpuidVersion | None = None) -> str:
        """What the bank reports, in words."""
        said = f"bank {self.bank}: {self._status(processor)}"
        if self.stated_address is not None:
            kind = "address" if self.physical_address is None else "physical address"
            said += f"; {kind} {self.stated_address:#x}"
        is_io = self.status.mca_error_code == McaErrorCode.IO_ERROR
        if isinstance(self.status, IntelMciStatus) and is_io and self.status.misc_valid:
            said += f"; reported by root port {IoMciMisc(self.misc or 0).address}"
        return said

    def _status(self, processor: CpuidVersion | None) -> str:
        if isinstance(self.status, AmdMciStatus) and self.ipid is not None:
            return bank_sentence(self.status, self.ipid, processor)
        return self.status.sentence()


def machine_checks(registers: Iterable[tuple[int, int]]) -> Iterator[MachineCheck]:
    """The banks that have a status among these registers: (address, value) of each."""
    banks: dict[tuple[str, int], dict[str, int]] = {}
    for address, value in registers:
        register = msr(address)
        if register is not None and register.bank is not None:
            family, _, name = register.name.rpartition("_")
            banks.setdefault((family, register.bank), {})[name] = value
    for (family, bank), named in banks.items():
        if "STATUS" not in named:
            continue
        if family == "MCA":
            ipid = McaIpid(named["IPID"]) if "IPID" in named else None
            status = AmdMciStatus(named["STATUS"])
            yield MachineCheck(bank, status, named.get("ADDR"), named.get("MISC0"), ipid)
        else:
            intel = IntelMciStatus(named["STATUS"])
            yield MachineCheck(bank, intel, named.get("ADDR"), named.get("MISC"))
