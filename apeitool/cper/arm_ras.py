"""Parts of the Arm RAS node section: error records, and auxiliary data."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self
from uuid import UUID

from apeitool.cper.severity import Severity
from apeitool.registers import arm_ras
from apeitool.registers.arm_ras import (
    ErrAddr,
    ErrStatus,
    ExtensionRevision,
    UncorrectedErrorType,
    status_sentence,
)
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import HEX64, HIDDEN, NUMBER, Choice, Json, Members, Slice, Slices
from apeitool.wire.types import (
    AUTO,
    GUID,
    NIL,
    U8,
    U16,
    U32,
    U64,
    Address,
    Bytes,
    Derived,
    Hex,
    Many,
    Named,
    Raw,
    Unit,
)

_FITTING = {
    UncorrectedErrorType.UNCONTAINABLE: (Severity.FATAL,),
    UncorrectedErrorType.UNRECOVERABLE: (Severity.FATAL, Severity.RECOVERABLE),
    UncorrectedErrorType.LATENT_OR_RESTARTABLE: (Severity.RECOVERABLE, Severity.CORRECTED),
    UncorrectedErrorType.SIGNALED_OR_RECOVERABLE: (Severity.RECOVERABLE,),
}


def fitting(status: ErrStatus) -> tuple[Severity, ...]:
    """How bad an error of that status can be, the likeliest first; nothing where there is none."""
    if not status.valid:
        return ()
    if status.uncorrected_error:
        return _FITTING[UncorrectedErrorType(status.uncorrected_error_type)]
    if status.deferred_error:
        return (Severity.RECOVERABLE, Severity.CORRECTED)
    return (Severity.CORRECTED,) if status.corrected_error else ()


class ErrorSyndrome(Structure):
    """Error record descriptor: the registers of one error record.

    Shape:   72 bytes, little-endian.
    Source:  Arm DEN0085 table 21
    """

    error_record_index: U32 = 0
    extension_revision: Annotated[U8, Hex, ExtensionRevision, Json(shape=Members(inline=True))] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    err_fr: Annotated[U64, Hex, arm_ras.ErrFr, Json("errorRecordFeatureRegister", HEX64)] = 0
    err_ctlr: Annotated[U64, Hex, arm_ras.ErrCtlr, Json("errorRecordControlRegister", HEX64)] = 0
    err_status: Annotated[U64, Hex, ErrStatus, Json("errorRecordPrimaryStatusRegister", HEX64)] = 0
    err_addr: Annotated[
        U64, Hex, ErrAddr, Json("errorRecordAddressRegister", HEX64, required=True)
    ] = 0
    err_misc0: Annotated[
        U64,
        Hex,
        Named(arm_ras.misc0_word),
        Json("errorRecordMiscRegister0", HEX64, required=True),
    ] = 0
    err_misc1: Annotated[U64, Hex, Json("errorRecordMiscRegister1", HEX64, required=True)] = 0
    err_misc2: Annotated[U64, Hex, Json("errorRecordMiscRegister2", HEX64)] = 0
    err_misc3: Annotated[U64, Hex, Json("errorRecordMiscRegister3", HEX64)] = 0

    def is_valid(self, name: str) -> bool:
        status = ErrStatus(self.err_status)
        if name == "err_addr":
            return bool(status.address_valid)
        if name in ("err_misc2", "err_misc3") and not self.extension_revision:
            return False
        if name.startswith("err_misc"):
            return bool(status.miscellaneous_registers_valid)
        return super().is_valid(name)

    @property
    def physical_address(self) -> int | None:
        """Where the error was, if the record says so and all of it."""
        word = ErrAddr(self.err_addr)
        if not self.is_valid("err_addr") or word.virtual_address or word.address_incomplete:
            return None
        return word.address

    @property
    def what(self) -> str:
        """What kind of error it was."""
        return status_sentence(ErrStatus(self.err_status)) or "no error"

    def at(self, address: int) -> Self:
        """The same error at another physical address, if it has one."""
        if self.physical_address is None:
            return self
        kept = self.err_addr & ~ErrAddr.address.mask
        return self.replace(err_addr=kept | address)

    def sentence(self) -> str:
        """What the record holds."""
        status, what = ErrStatus(self.err_status), self.what
        if not status.valid:
            return f"record {self.error_record_index}: {what}"
        if self.is_valid("err_addr"):
            kind = "physical address" if self.physical_address is not None else "address"
            what += f", at {kind} {ErrAddr(self.err_addr).address:#x}"
        lost = ", others were not recorded" if status.overflow else ""
        return f"record {self.error_record_index}: {what}{lost}"


class ScopeFlags(Word):
    """Flags of an auxiliary context."""

    local = Bits(
        0,
        doc="addresses are of a local space, which has an identifier",
        json=Json(
            "addressSpaceIdentifierScope",
            Choice("SystemPhysicalAddressSpace", "LocalAddressSpace"),
        ),
    )


class NodeRegister(Structure):
    """A register by its address.

    Shape:   16 bytes, little-endian.
    Source:  Arm DEN0085 table 24
    """

    address: Annotated[Address, Json(shape=HEX64)] = 0
    value: Annotated[U64, Hex, Json(shape=HEX64)] = 0


class AuxiliaryContext(Structure):
    """Auxiliary context: registers of one address space.

    Shape:   16 bytes, little-endian, and 16 for each register.
    Units:   length in bytes.
    Source:  Arm DEN0085 table 23
    """

    length: Annotated[U32, Unit("bytes"), Derived(lambda c: c.size), HIDDEN] = AUTO
    flags: Annotated[U8, Hex, ScopeFlags] = 0
    reserved: Annotated[U8, Hex] = 0
    register_count: Annotated[U16, Derived(lambda c: len(c.registers)), HIDDEN] = AUTO
    address_space_identifier: Annotated[U16, Hex] = 0
    reserved_2: Annotated[bytes, Bytes(6)] = bytes(6)
    registers: Annotated[
        Sequence[NodeRegister],
        Many(NodeRegister, count="register_count", until="length"),
    ] = ()
    rest: Annotated[bytes, Raw(until="length")] = b""

    def is_valid(self, name: str) -> bool:
        is_local = bool(ScopeFlags(self.flags).local)
        return super().is_valid(name) and (is_local or name != "address_space_identifier")

    def check(self) -> Iterator[Problem]:
        yield from self._compare("context-length", "length", self.size)
        yield from self._compare("register-count", "register_count", len(self.registers))

    def _compare(self, id: str, name: str, there: int) -> Iterator[Problem]:
        said = getattr(self, name)
        if said != there:
            yield self.trouble(id, name, f"{said} said, {there} found")


MPAM_PARTID = UUID("ebb45182-fb03-4bf9-9aca-8613709fd789")


_VALUES: dict[UUID | None, dict[str, Slice]] = {
    MPAM_PARTID: {"mpamPartId": Slice(0, 16, NUMBER)},
    None: {"value": Slice(0, 64)},
}


class KeyValuePair(Structure):
    """A value by the UUID of what it means.

    Shape:   24 bytes, little-endian.
    Source:  Arm DEN0085 tables 25 and 26
    """

    key: GUID = NIL
    value: Annotated[
        U64,
        Hex,
        Named(lambda p: arm_ras.MpamPartId if p.key == MPAM_PARTID else None),
        Json(shape=Slices("key", _VALUES, inline=True)),
    ] = 0

    def shown(self, name: str) -> str | None:
        if name == "key" and self.key == MPAM_PARTID:
            return f"{self.key} (MPAM PARTID)"
        return None


AUXILIARY_HEADER = 16


def _pairs_place(data: Any) -> int:
    """Where the key and value pairs must begin."""
    contexts: int = sum(c.size for c in data.contexts)
    return AUXILIARY_HEADER + contexts + len(data.gap)


def _pairs(data: Any) -> int:
    """How many there are; none where they cannot begin."""
    count: int = data.key_value_count
    return count if data.key_value_offset == _pairs_place(data) else 0


class AuxiliaryData(Structure):
    """Auxiliary data of a node: registers of address spaces, and values by UUID.

    Shape:   16 bytes, little-endian; the contexts; 24 for each pair of key and value.
    Units:   size and offset in bytes, from the start of this structure.
    Source:  Arm DEN0085 table 22
    """

    version: U8 = 1
    reserved: Annotated[U8, Hex] = 0
    context_count: Annotated[U16, Derived(lambda d: len(d.contexts)), HIDDEN] = AUTO
    auxiliary_data_size: Annotated[U32, Unit("bytes"), Derived(lambda d: d.size), HIDDEN] = AUTO
    key_value_offset: Annotated[U32, Unit("bytes"), Derived(_pairs_place), HIDDEN] = AUTO
    key_value_count: Annotated[U16, Derived(lambda d: len(d.key_values)), HIDDEN] = AUTO
    reserved_2: Annotated[U16, Hex] = 0
    contexts: Annotated[
        Sequence[AuxiliaryContext],
        Many(
            AuxiliaryContext,
            count="context_count",
            until=lambda d: min(d.key_value_offset, d.auxiliary_data_size),
        ),
    ] = ()
    gap: Annotated[bytes, Raw(until=lambda d: min(d.key_value_offset, d.auxiliary_data_size))] = b""
    key_values: Annotated[
        Sequence[KeyValuePair],
        Many(KeyValuePair, count=_pairs, until="auxiliary_data_size"),
        Json("keyValuePairs"),
    ] = ()
    rest: Annotated[bytes, Raw(until="auxiliary_data_size")] = b""

    def check(self) -> Iterator[Problem]:
        for id, name, there in (
            ("context-count", "context_count", len(self.contexts)),
            ("auxiliary-size", "auxiliary_data_size", self.size),
            ("key-value-offset", "key_value_offset", _pairs_place(self)),
            ("key-value-count", "key_value_count", len(self.key_values)),
        ):
            said = getattr(self, name)
            if said != there:
                yield self.trouble(id, name, f"{said} said, {there} found")


_COMPONENTS = (
    "ProcessorErrorNode",
    "MemoryErrorNode",
    "SMMUErrorNode",
    "VendorDefinedErrorNode",
    "GICErrorNode",
    "PciExpressErrorNode",
    "ProxyErrorNode",
)


class ComponentType(Label, json=dict(enumerate(_COMPONENTS))):
    """What a node is."""

    PROCESSOR = 0
    MEMORY = 1
    SMMU = 2
    VENDOR_DEFINED = 3
    GIC = 4
    PCI_EXPRESS = 5
    PROXY = 6


_INSTANCE_FORMATS = (
    "PE",
    "SystemPhysicalAddress",
    "LocalAddressIdentifier",
    "SocSpecificIpIdentifier",
)


class IpInstanceFormat(Label, json=dict(enumerate(_INSTANCE_FORMATS))):
    """How the instance of a node is written."""

    PE = 0
    SYSTEM_PHYSICAL_ADDRESS = 1
    LOCAL_ADDRESS_IDENTIFIER = 2
    SOC_SPECIFIC_IDENTIFIER = 3


_TYPE_FORMATS = {0: "PE", 1: "SMMU_IIDR", 2: "GIC_IIDR", 3: "PIDR"}


class IpTypeFormat(Label, json=_TYPE_FORMATS):
    """How the type of a node is written."""

    PE = 0
    SMMU_IIDR = 1
    GIC_IIDR = 2
    PIDR = 3
    INVALID = 0xFF
