"""HEST, hardware errors and the loader's script as QEMU lays them out: byte for byte those of its guests."""

import captured
import pytest
from click.testing import CliRunner

import apeitool as apei
from apeitool.acpi.header import checksum_of
from apeitool.cli.qemu import command
from apeitool.errors import EncodeError
from apeitool.qemu.layout import HARDWARE_ERRORS, OF_QEMU, TABLES, layout
from apeitool.qemu.loader import (
    LENGTH,
    LoaderAddChecksum,
    LoaderAddPointer,
    LoaderAllocate,
    LoaderUnknown,
    LoaderWritePointer,
    TableLoader,
    linked,
)

Kind = apei.NotificationType
BASES = {"qemu-7.2-virt-ras": (OF_QEMU[:1], False), "qemu-11-virt-ras": (OF_QEMU, True)}
FIRST_ADDRESS = 40 + 24


def test_a_command_takes_128_bytes() -> None:
    for kind in (
        LoaderAllocate, LoaderAddPointer, LoaderAddChecksum, LoaderWritePointer, LoaderUnknown
    ):  # fmt: skip
        assert kind.fixed_size == LENGTH


@pytest.mark.parametrize("machine", BASES)
def test_what_linux_found_on_qemu_is_what_we_lay_out(machine: str) -> None:
    kinds, reads_hest = BASES[machine]
    hest = (captured.FIXTURES / machine / "HEST.bin").read_bytes()
    errors = (captured.FIXTURES / machine / "hardware_errors.bin").read_bytes()
    base = int.from_bytes(hest[FIRST_ADDRESS : FIRST_ADDRESS + 8], "little")
    for offset in (0, 7339):
        made = layout(kinds, hest_offset=offset, reads_hest=reads_hest)
        assert made.placed(base) == (hest, errors)


def test_any_number_of_sources_of_any_kind() -> None:
    kinds = [Kind.GSIV, Kind.SEI, Kind.SDEI, Kind.SEA, Kind.POLLED]
    hest, errors = layout(kinds).placed(0x8000_0000)
    found = apei.Hest.from_bytes(hest)
    assert not found.problems
    assert [source.notification.type for source in found.sources] == kinds
    assert [source.source_id for source in found.sources] == [0, 1, 2, 3, 4]
    assert hest[9] == checksum_of(hest)
    assert len(errors) == 5 * (16 + 1024)
    for number, source in enumerate(found.sources):
        status = source.error_status_address.address - 0x8000_0000
        ack = source.read_ack_register.address - 0x8000_0000
        assert (status, ack) == (8 * number, 40 + 8 * number)
        block = int.from_bytes(errors[status : status + 8], "little")
        assert block == 0x8000_0000 + 80 + 1024 * number
        assert int.from_bytes(errors[ack : ack + 8], "little") == 1


def test_a_script_is_read_as_it_was_written() -> None:
    script = TableLoader(commands=layout().commands)
    data = script.to_bytes()
    assert TableLoader.from_bytes(data) == script
    assert len(data) == LENGTH * len(script.commands)
    assert script.about("etc/acpi_table_hest_addr") == script.commands[-1:]
    odd = TableLoader.from_bytes(data + (9).to_bytes(4, "little") + bytes(124) + b"rest")
    assert isinstance(odd.commands[-1], LoaderUnknown)
    assert odd.trailing == b"rest"
    assert odd.commands[-1].command == 9
    assert odd.to_bytes() == data + (9).to_bytes(4, "little") + bytes(124) + b"rest"


@pytest.mark.parametrize(
    "wrong",
    [
        LoaderAddPointer(destination_file=TABLES, source_file=HARDWARE_ERRORS, offset=220),
        LoaderAddPointer(destination_file="etc/none", source_file=HARDWARE_ERRORS),
        LoaderAddPointer(destination_file=TABLES, source_file="etc/none"),
        LoaderAddPointer(
            destination_file=TABLES, source_file=HARDWARE_ERRORS, pointer_size=1
        ),
        LoaderAddChecksum(file=TABLES, offset=9, start=0, length=1 << 20),
        LoaderAddChecksum(file=TABLES, offset=9, start=10, length=20),
    ],
)  # fmt: skip
def test_a_command_that_leads_nowhere_is_told(wrong: apei.Table) -> None:
    files = {TABLES: bytes(224), HARDWARE_ERRORS: bytes(2080)}
    with pytest.raises(EncodeError, match="cannot be carried out") as told:
        linked([wrong], files, {HARDWARE_ERRORS: 0x8000_0000})
    assert "commands[0]" in str(told.value)


def test_the_command_writes_what_the_guest_has(tmp_path) -> None:
    machine = captured.FIXTURES / "qemu-11-virt-ras"
    hest = (machine / "HEST.bin").read_bytes()
    base = int.from_bytes(hest[FIRST_ADDRESS : FIRST_ADDRESS + 8], "little")
    done = CliRunner().invoke(command, ["layout", "--at", hex(base), "-o", str(tmp_path)])
    assert done.exit_code == 0
    assert "source 1, GPIO signal: address at 0x8, Read Ack at 0x18, block at 0x420" in done.output
    assert (tmp_path / "HEST.bin").read_bytes() == hest
    errors = (machine / "hardware_errors.bin").read_bytes()
    assert (tmp_path / "hardware_errors.bin").read_bytes() == errors
    script = TableLoader.from_bytes((tmp_path / "table-loader.bin").read_bytes())
    assert script.commands == layout().commands
