"""EINJv2 and the vendor's error types, from both ends; the structure's bytes are packed by hand."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_bytes import gas

from apeitool.acpi.einj import (
    CommandStatus,
    Einj,
    EinjAction,
    EinjInstructionEntry,
    Einjv2Component,
    Einjv2ErrorTypes,
    Einjv2Extension,
    ErrorTypes,
    InjectionFlags,
    SetErrorTypeWithAddress,
    VendorErrorTypeExtension,
)
from apeitool.cli.example import example
from apeitool.errors import ApeiError, FirmwareFault, GuestFault
from apeitool.firmware.action import execute
from apeitool.firmware.einj import Injector, Request, Triggered, inject
from apeitool.lab.window import RESERVED_BASE
from apeitool.memory import Regions

BASE = RESERVED_BASE + 0x14_0000
"""Where the example's page of registers is."""
READ, WRITE = 0, 2
STRUCTURE, TRIGGER = BASE + 0x38, BASE + 0x1000
COMPONENTS = STRUCTURE + 36
V2_SUPPORTED, VENDOR, V2_FLAG = 1 << 30, 1 << 31, 8
ROOM = 3
SBDF = 0x12 << 24 | 0x34 << 16 | 0x1F << 11 | 0x5 << 8
OURS = VendorErrorTypeExtension(
    sbdf=SBDF, vendor_id=0x8086, device_id=0x1234, revision_id=7, oem_data=b"at first"
)
VENDORS = struct.pack("<IIHHB3x8s", 24, SBDF, 0x8086, 0x1234, 7, b"at first")
VENDORS_AT = 36 + 8 + 32 * ROOM
FIRST = Einjv2Component(component_id=bytes(range(16)), component_syndrome=b"\xff" * 16)
SECOND = Einjv2Component(component_id=b"\x42".ljust(16, b"\0"))
PLACED = SetErrorTypeWithAddress(
    error_type=Einjv2ErrorTypes.MEMORY,
    flags=InjectionFlags.EINJV2_EXTENSION | InjectionFlags.MEMORY_ADDRESS,
    memory_address=0x12345000,
    memory_address_range=0xFFFFFFFFFFFFF000,
    einjv2=[Einjv2Extension(components=[FIRST, SECOND])],
)


def register(action: int, instruction: int) -> EinjInstructionEntry:
    head = struct.pack("<BBBB", action, instruction, 0, 0)
    mask = struct.pack("<QQ", 0, 0xFFFFFFFFFFFFFFFF)
    return EinjInstructionEntry.from_bytes(head + gas(BASE + 0x800 + 8 * action) + mask)


def table(*actions: EinjInstructionEntry) -> Einj:
    plain = example("einj")
    assert isinstance(plain, Einj)
    return Einj(entries=[*plain.entries, *actions])


EINJV2 = table(register(0x10, WRITE), register(0x11, READ))
WITHOUT_SET = table(register(0x11, READ))


class Ends:
    """Firmware that has it all, and the memory that it shares with the guest."""

    def __init__(self, table: Einj = EINJV2, **offers) -> None:
        self.table = table
        self.memory = Regions(range(BASE, BASE + 0x2000))
        offered = {
            "supported": ErrorTypes.MEMORY_CORRECTABLE | ErrorTypes.VENDOR_DEFINED,
            "einjv2": Einjv2ErrorTypes.MEMORY | Einjv2ErrorTypes.PCIE,
            "components": ROOM,
            "vendor": OURS,
        }
        self.injector = Injector(table, self.memory, trigger_table=TRIGGER, **offered | offers)
        self.seen: list[Request | Triggered] = []

    def turn(self) -> None:
        self.seen += self.injector.poll()

    def inject(self, error):
        outcome = inject(self.table, self.memory, error, turn=self.turn)
        self.turn()
        return outcome

    def run(self, action: int, operand: int = 0) -> int:
        return execute(self.table.entries, action, self.memory, operand=operand).value

    def ask(self) -> Request:
        """Execute, as a guest that has written into memory by itself."""
        self.run(EinjAction.EXECUTE_OPERATION)
        self.turn()
        request = self.seen[-1]
        assert isinstance(request, Request)
        assert self.run(EinjAction.GET_COMMAND_STATUS) == request.status
        return request

    def write(self, address: int, data: bytes) -> None:
        self.memory.write(address, data)


def test_what_firmware_lays_out() -> None:
    ends = Ends()
    assert ends.run(EinjAction.GET_ERROR_TYPE) == 1 << 3 | V2_SUPPORTED | VENDOR
    assert ends.run(EinjAction.EINJV2_GET_ERROR_TYPE) == 6
    laid = ends.memory.read(STRUCTURE, VENDORS_AT + len(VENDORS))
    head = struct.pack("<II28x", 0, VENDORS_AT)
    assert laid == head + struct.pack("<IHH96x", 8 + 32 * ROOM, 1, 0) + VENDORS


def test_without_extensions_nothing_is_offered_of_them() -> None:
    ends = Ends(einjv2=Einjv2ErrorTypes(0), vendor=None)
    assert ends.run(EinjAction.GET_ERROR_TYPE) == 1 << 3 | VENDOR
    assert not any(ends.memory.read(STRUCTURE, 256))
    # Whatever is read there: without its bit in the other register it says nothing.
    ends.write(BASE + 8 * EinjAction.EINJV2_GET_ERROR_TYPE, b"\xff")
    with pytest.raises(GuestFault, match="offers 0x0"):
        ends.inject(Einjv2ErrorTypes.MEMORY)


def test_components_reach_the_platform() -> None:
    ends = Ends()
    assert ends.inject(PLACED).status == CommandStatus.SUCCESS
    request, triggered = ends.seen
    assert isinstance(request, Request)
    assert triggered == Triggered(request)
    assert request.error_types is Einjv2ErrorTypes.MEMORY
    assert request.placed is not None
    assert request.placed.error_types is Einjv2ErrorTypes.MEMORY
    (extension,) = request.placed.einjv2
    assert tuple(extension.components) == (FIRST, SECOND)
    # Room and revision are firmware's; what is not filled in stays behind the components.
    assert (extension.length, extension.revision) == (8 + 32 * ROOM, 1)
    assert extension.rest == bytes(32)
    assert request.placed.replace(einjv2=(), vendor=(), vendor_extension_offset=0) == (
        PLACED.replace(einjv2=())
    )


def test_the_system_writes_what_linux_writes() -> None:
    """The count, the components, the head: not lengths, revision, offset, nor what is the vendor's."""
    ends = Ends()
    seen: list[bytes] = []

    def look() -> None:
        seen.append(ends.memory.read(STRUCTURE, VENDORS_AT + len(VENDORS)))
        ends.turn()

    inject(ends.table, ends.memory, PLACED, turn=look)
    head = struct.pack("<IIIIQQI", 2, VENDORS_AT, 0xA, 0, 0x12345000, 0xFFFFFFFFFFFFF000, 0)
    room = struct.pack("<IHH", 8 + 32 * ROOM, 1, 2)
    components = FIRST.component_id + b"\xff" * 16 + b"\x42" + bytes(31) + bytes(32)
    assert seen[0] == head + room + components + VENDORS


def test_nothing_of_a_request_is_left_but_the_oem_s_data() -> None:
    ends = Ends()
    laid = ends.memory.read(STRUCTURE, VENDORS_AT + len(VENDORS))
    ends.inject(PLACED)
    assert ends.memory.read(STRUCTURE, len(laid)) == laid
    ends.inject(VENDOR_ERROR)
    assert ends.memory.read(STRUCTURE, len(laid)) == laid.replace(b"at first", b"and then")
    assert ends.ask().status == CommandStatus.INVALID_ACCESS


VENDOR_ERROR = SetErrorTypeWithAddress(
    error_type=ErrorTypes.VENDOR_DEFINED, flags=InjectionFlags.PROCESSOR_ID,
    processor_identification=5, vendor=[OURS.replace(oem_data=b"and then")],
)  # fmt: skip


def test_a_vendor_s_error_reaches_the_platform() -> None:
    ends = Ends()
    assert ends.inject(VENDOR_ERROR).status == CommandStatus.SUCCESS
    request = ends.seen[0]
    assert isinstance(request, Request)
    assert request.placed is not None
    assert request.error_types is ErrorTypes.VENDOR_DEFINED
    assert request.placed.vendor == VENDOR_ERROR.vendor
    assert request.placed.processor_identification == 5


def test_less_oem_data_than_there_is_room() -> None:
    ends = Ends()
    ends.inject(VENDOR_ERROR.replace(vendor=[OURS.replace(oem_data=b"AND")]))
    request = ends.seen[0]
    assert isinstance(request, Request)
    assert request.placed is not None
    assert request.placed.vendor[0].oem_data == b"ANDfirst"


def test_a_vendor_s_type_need_not_be_offered_but_must_be_supported() -> None:
    """Linux looks up no vendor's type among those that are offered; firmware says no."""
    ends = Ends(supported=ErrorTypes.MEMORY_CORRECTABLE)
    assert ends.inject(VENDOR_ERROR).status == CommandStatus.INVALID_ACCESS
    for kind in (ErrorTypes.VENDOR_DEFINED, ErrorTypes(VENDOR | 8)):
        assert ends.inject(kind).status == CommandStatus.INVALID_ACCESS
    assert [type(event) for event in ends.seen] == [Request] * 3


def test_a_vendor_s_type_may_have_a_bit_of_its_own() -> None:
    ends = Ends()
    assert ends.inject(ErrorTypes(VENDOR | 4)).status == CommandStatus.SUCCESS
    assert ends.seen[0].error_types == VENDOR | 4


def test_an_einjv2_type_without_an_address() -> None:
    ends = Ends()
    ends.inject(Einjv2ErrorTypes.PCIE)
    request = Request(Einjv2ErrorTypes.PCIE, None, CommandStatus.SUCCESS)
    assert ends.seen == [request, Triggered(request)]
    assert ends.run(EinjAction.GET_ERROR_TYPE)
    with pytest.raises(FirmwareFault, match="0x10"):
        Ends(WITHOUT_SET).inject(Einjv2ErrorTypes.PCIE)
    assert Ends(WITHOUT_SET).inject(PLACED).status == CommandStatus.SUCCESS


def test_the_type_that_einjv2_sets_comes_first_then_that_of_the_structure() -> None:
    ends = Ends()
    ends.run(EinjAction.EINJV2_SET_ERROR_TYPE, Einjv2ErrorTypes.PCIE)
    ends.write(STRUCTURE, struct.pack("<IIII", 8, VENDORS_AT, 1, 77))
    ends.run(EinjAction.SET_ERROR_TYPE, 1)
    request = ends.ask()
    assert request.error_types is Einjv2ErrorTypes.PCIE
    assert request.placed is not None
    assert request.placed.processor_identification == 77
    ends.write(STRUCTURE, struct.pack("<I", 8))
    ends.run(EinjAction.SET_ERROR_TYPE, 1)
    assert ends.ask().error_types is ErrorTypes.MEMORY_CORRECTABLE
    ends.run(EinjAction.SET_ERROR_TYPE, 1)
    refused = ends.ask()
    assert (refused.error_types, refused.placed, refused.status) == (1, None, 2)


@pytest.mark.parametrize("types", [1, 6, 1 << 5, 0x80000000], ids=hex)
def test_other_types_of_einjv2_are_an_invalid_access(types: int) -> None:
    ends = Ends()
    ends.write(STRUCTURE, struct.pack("<III", types, VENDORS_AT, V2_FLAG))
    request = ends.ask()
    assert request.error_types == Einjv2ErrorTypes(types)
    assert request.status == CommandStatus.INVALID_ACCESS
    with pytest.raises(GuestFault, match="offers"):
        Ends(einjv2=Einjv2ErrorTypes.PROCESSOR).inject(Einjv2ErrorTypes(types & 0x7FFFFFFE | 2))


def test_two_types_at_once_are_refused_by_both_sides() -> None:
    both = ErrorTypes.MEMORY_CORRECTABLE | ErrorTypes.MEMORY_UNCORRECTABLE_FATAL
    ends = Ends(supported=both)
    ends.run(EinjAction.SET_ERROR_TYPE, both)
    assert ends.ask().status == CommandStatus.INVALID_ACCESS
    for error in (both, Einjv2ErrorTypes.MEMORY | Einjv2ErrorTypes.PCIE):
        with pytest.raises(GuestFault, match="offers"):
            ends.inject(error)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ((104, 1, 3), CommandStatus.SUCCESS),
        ((104, 1, 0), CommandStatus.SUCCESS),
        ((104, 1, 4), CommandStatus.INVALID_ACCESS),
        ((136, 1, 3), CommandStatus.INVALID_ACCESS),
        ((4, 1, 0), CommandStatus.INVALID_ACCESS),
        ((0xFFFFFFFF, 1, 0xFFFF), CommandStatus.INVALID_ACCESS),
    ],
)
def test_an_extension_that_contradicts_itself_is_an_invalid_access(head, status) -> None:
    ends = Ends(vendor=None)
    ends.write(STRUCTURE, struct.pack("<III", Einjv2ErrorTypes.MEMORY, 0, V2_FLAG))
    ends.write(COMPONENTS, struct.pack("<IHH", *head))
    assert ends.ask().status == status


def test_what_the_platform_cannot_prepare_is_not_triggered() -> None:
    asked: list[Request] = []

    def prepare(request: Request) -> CommandStatus:
        asked.append(request)
        known = request.placed is not None and request.placed.memory_address < 0x1000
        return CommandStatus.SUCCESS if known else CommandStatus.UNKNOWN_FAILURE

    ends = Ends(prepare=prepare)
    outcome = ends.inject(PLACED)
    assert (outcome.status, outcome.trigger) == (CommandStatus.UNKNOWN_FAILURE, None)
    assert [event.status for event in ends.seen] == [CommandStatus.UNKNOWN_FAILURE]
    assert ends.inject(PLACED.replace(memory_address=0)).trigger is not None
    assert ends.inject(ErrorTypes.VENDOR_DEFINED).status == CommandStatus.UNKNOWN_FAILURE
    ends.run(EinjAction.SET_ERROR_TYPE, 1)
    assert ends.ask().status == CommandStatus.INVALID_ACCESS
    assert len(asked) == 3  # what is not supported is not asked for


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (PLACED.replace(einjv2=[Einjv2Extension(components=[FIRST] * 4)]), "room for 3"),
        (VENDOR_ERROR.replace(vendor=[OURS.replace(oem_data=bytes(9))]), "room for 8"),
        (VENDOR_ERROR.replace(vendor=[OURS.replace(device_id=1)]), "another platform"),
        (VENDOR_ERROR.replace(vendor=[OURS.replace(sbdf=1)]), "another platform"),
    ],
)
def test_what_firmware_has_no_room_for_is_not_asked(error, complaint) -> None:
    ends = Ends()
    with pytest.raises(GuestFault, match=complaint):
        ends.inject(error)
    assert ends.seen == []


def test_a_vendor_s_data_without_a_place_for_them() -> None:
    with pytest.raises(GuestFault, match="no vendor"):
        Ends(vendor=None).inject(VENDOR_ERROR)


@pytest.mark.parametrize("head", [(104, 2, 0), (4, 1, 0), (8 + 33, 1, 0), (4096 + 8, 1, 0)])
def test_room_that_linux_does_not_take_for_room(head) -> None:
    ends = Ends()
    ends.write(COMPONENTS, struct.pack("<IHH", *head))
    with pytest.raises(FirmwareFault, match="EINJv2 extension"):
        ends.inject(PLACED)


@pytest.mark.parametrize("offers", [{"components": 1}, {"vendor": OURS}])
def test_a_table_without_a_place_for_the_extensions_is_refused(offers) -> None:
    entries = [e for e in EINJV2.entries if e.action != EinjAction.SET_ERROR_TYPE_WITH_ADDRESS]
    with pytest.raises(FirmwareFault, match="with an address"):
        Ends(Einj(entries=entries), **offers)


def test_a_table_that_cannot_tell_einjv2_types_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="0x11"):
        Ends(table())


@given(st.lists(st.tuples(st.integers(0, 0x840), st.binary(max_size=48)), max_size=8))
def test_a_guest_may_write_anything(writes) -> None:
    ends = Ends()
    for offset, data in writes:
        ends.write(BASE + offset, data)
        ends.write(STRUCTURE, struct.pack("<III", 2, VENDORS_AT, V2_FLAG))
        try:
            ends.turn()
            ends.inject(PLACED)
        except ApeiError:
            continue
    assert all(isinstance(event, Request | Triggered) for event in ends.seen)
