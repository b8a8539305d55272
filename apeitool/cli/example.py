"""A plausible object of each kind that ``new`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apeitool.acpi.hest.table import Hest
    from apeitool.acpi.status import StatusBlock
    from apeitool.cper.section import Section
    from apeitool.wire.record import Structure

PLANS: dict[str, dict[str, str]] = {
    "hest": {"plan": "hest", "preset": "qemu-q35"},
    "ghes": {"plan": "hest", "preset": "bare"},
    "bert": {"plan": "bert", "preset": "qemu-q35"},
    "einj": {"plan": "einj", "preset": "qemu-q35"},
    "erst": {"plan": "erst", "preset": "qemu-q35"},
}
"""The plans of the tables."""


def lab_hest(machine: str = "x86") -> Hest:
    """A HEST for the lab's guest: source 1 is polled, source 2 told by NMI, on arm64 by SEA."""
    import apeitool as apei
    from apeitool.acpi.hest.table import Hest

    plan: dict[str, Any] = dict(PLANS["hest"])
    if machine == "arm64":
        polled = {"kind": "Ghes", "notification": {"type": "POLLED", "poll_interval": 1000}}
        sea = {"kind": "GhesV2", "notification": {"type": "SEA"}}
        plan |= {"preset": "qemu-virt", "sources": [polled, sea]}
    found = apei.build(plan).table
    assert isinstance(found, Hest)
    return found


def example(kind: str) -> Structure:
    """A plausible object of each kind."""
    import apeitool as apei

    if kind in PLANS:
        return apei.build(PLANS[kind]).table
    if kind == "region":
        return _region()
    section = _section("memory" if kind in ("block", "record") else kind)
    if kind == "record":
        return apei.Record(error_severity=apei.Severity.CORRECTED, body=(section,))
    return _block("DIMM_A1", 0x12345000) if kind == "block" else section


def _block(part: str, address: int) -> StatusBlock:
    """A corrected memory error."""
    import apeitool as apei

    corrected = apei.Severity.CORRECTED
    entry = apei.GenericErrorDataEntryV3(
        error_severity=corrected, validation_bits=2, fru_text=part, section=_memory(address)
    )
    return apei.StatusBlock(error_severity=corrected, entries=(entry,))


def _memory(address: int) -> Section:
    import apeitool as apei
    from apeitool.cper.memory_error import MemoryErrorType

    return apei.MemoryErrorSection(
        validation_bits=0xC7FF, error_status=0x400, physical_address=address,
        physical_address_mask=0xFFFFFFFFFFFFF000, card=1, module=2, bank=3, device=4, row=5,
        column=6, bit_position=7, memory_error_type=MemoryErrorType.SINGLE_BIT_ECC, rank_number=1,
    )  # fmt: skip


def _section(kind: str) -> Section:
    import apeitool as apei
    from apeitool.cper.sections.pcie import AerInformation, PcieDeviceId, PcieVersion
    from apeitool.registers.pcie_capability import PortType

    if kind == "memory":
        return _memory(0x12345000)
    if kind == "arm_processor":
        cache = apei.ErrorInformation(
            validation_bits=0x14, type=2, error_information=0x0091000F,
            physical_fault_address=0x12345000,
        )  # fmt: skip
        return apei.ArmProcessorErrorSection(
            validation_bits=5, mpidr_el1=0x80000001, midr_el1=0x410FD0B1, running_state=1,
            error_information=(cache,),
        )  # fmt: skip
    if kind != "pcie":
        return _plausible(kind)
    return apei.PcieErrorSection(
        validation_bits=0x8B, port_type=PortType.ROOT_PORT, version=PcieVersion(major=1, minor=1),
        device_id=PcieDeviceId(
            vendor_id=0x8086, device_id=0x1234, class_code=bytes.fromhex("000406"), device_number=1,
        ),
        aer_information=AerInformation(capability_header=0x00010001, correctable_error_status=1),
    )  # fmt: skip


def _plausible(kind: str) -> Section:
    """A section of any type, with values that are likely: the same ones each time."""
    from random import Random

    from apeitool.capture.kind import section_kinds
    from apeitool.cper.place import Installation
    from apeitool.cper.sample import sample
    from apeitool.cper.section import section_named

    found = section_named(section_kinds()[kind])
    assert found is not None
    random = Random(kind)  # noqa: S311 - nothing is secret
    return sample(found, random).at(Installation(random).place())


def _region() -> Structure:
    import apeitool as apei

    return apei.BootErrorRegion(
        blocks=[_block("DIMM_A1", 0x12345000), _block("DIMM_B1", 0x12346000)]
    )
