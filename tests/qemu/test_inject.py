"""Errors for a running QEMU: what is sent, what is refused before it is, and who does not answer."""

import base64
from typing import Any

import pytest

import apeitool as apei
from apeitool.errors import EncodeError, QemuBusy, QemuError
from apeitool.qemu.command import INJECT, LARGEST, fitting, payload
from apeitool.qemu.inject import Injector, connected

BUSY = "GHES: OSPM does not acknowledge previous error, so can not record CPER"


class Monitor:
    """A monitor that answers as QEMU does; ``refusals`` are those of the injections, in turn."""

    def __init__(self, *, refusals: tuple[str, ...] = (), ras: bool | None = True) -> None:
        self.refusals, self.ras = list(refusals), ras
        self.commands = [INJECT]
        self.status = "running"
        self.sent: list[bytes] = []

    def execute(self, command: str, **arguments: Any) -> Any:
        match command:
            case "query-commands":
                return [{"name": name} for name in self.commands]
            case "query-version":
                return {"qemu": {"major": 10, "minor": 1, "micro": 0}}
            case "query-status":
                return {"status": self.status}
            case "qom-get" if self.ras is None:
                raise QemuError("QEMU, qom-get: Property 'pc-machine.ras' not found")
            case "qom-get":
                return self.ras
        assert command == INJECT
        if self.refusals and (refusal := self.refusals.pop(0)):
            raise QemuError(f"QEMU, {INJECT}: {refusal}")
        self.sent.append(base64.b64decode(arguments["cper"]))
        return {}


def entry(length: int = 80) -> apei.GenericErrorDataEntryV3:
    return apei.GenericErrorDataEntryV3(section=apei.OpaqueSection(data=bytes(length)))


def block(*lengths: int) -> apei.StatusBlock:
    return apei.StatusBlock(entries=[entry(length) for length in lengths or (80,)])


def test_what_is_sent_is_the_block() -> None:
    monitor = Monitor()
    assert Injector(monitor).inject(block()) < 1
    assert monitor.sent == [block().to_bytes()]


def test_it_waits_for_the_guest() -> None:
    monitor = Monitor(refusals=(BUSY, BUSY, ""))
    assert Injector(monitor).inject(block()) > 0
    assert len(monitor.sent) == 1


def test_a_guest_that_does_not_answer_is_not_one_that_qemu_refuses() -> None:
    with pytest.raises(QemuBusy, match=r"did not acknowledge the error before within 0\.05 s"):
        Injector(Monitor(refusals=(BUSY,) * 1000)).inject(block(), patience=0.05)
    with pytest.raises(QemuError, match="Source 1 not found") as refused:
        Injector(Monitor(refusals=("HEST: Source 1 not found.",))).inject(block())
    assert not isinstance(refused.value, QemuBusy)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (block(LARGEST), "but QEMU takes 1024"),
        (block().replace(block_status=0), "would never acknowledge"),
        (block().replace(data_length=300), "read on in the block before"),
        (block().replace(raw_data_offset=172, raw_data_length=9), "read on in the block before"),
    ],
)
def test_what_would_crash_or_wedge_is_not_sent(wrong: apei.StatusBlock, complaint: str) -> None:
    monitor = Monitor()
    with pytest.raises(EncodeError, match=complaint):
        Injector(monitor).inject(wrong)
    assert not monitor.sent


def test_a_qemu_that_cannot_is_told() -> None:
    monitor = Monitor()
    monitor.commands = ["query-status"]
    with pytest.raises(QemuError, match=r"QEMU 10\.1 has no inject-ghes-v2-error"):
        Injector(monitor)
    monitor = Monitor()
    monitor.status = "prelaunch"
    with pytest.raises(QemuError, match="has not started"):
        Injector(monitor)
    with pytest.raises(QemuError, match="without ras=on"):
        Injector(Monitor(ras=False))
    Injector(Monitor(ras=None))


def test_a_long_block_goes_in_parts() -> None:
    whole = block(*[200] * 9)
    parts = list(fitting(whole))
    assert [len(part.entries) for part in parts] == [3, 3, 3]
    assert [e for part in parts for e in part.entries] == list(whole.entries)
    assert all(payload(part) for part in parts)
    assert {part.error_severity for part in parts} == {whole.error_severity}


def test_what_cannot_be_taken_apart_stays_whole() -> None:
    assert [part.size for part in fitting(block(80, 2000, 80))][1] > LARGEST
    with_raw_data = apei.StatusBlock(entries=[entry()] * 9, raw_data=b"raw")
    assert list(fitting(with_raw_data)) == [with_raw_data]
    assert list(fitting(block(80, 80))) == [block(80, 80)]


@pytest.mark.parametrize("address", ["/nonexistent/socket", "localhost:1", "localhost:99999", ""])
def test_nobody_listens(address: str) -> None:
    with pytest.raises(QemuError, match="no monitor of QEMU at"):
        connected(address)
