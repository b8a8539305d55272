"""BERT and EINJ on a real arm64 Linux: the boot error region is read, an error goes all the way round."""

import pytest
from test_real_bert import block, boot
from test_real_einj import OFFERED, PAGE, SEVERITIES, Machine, values
from test_real_interrupts import source

import apeitool as apei
from apeitool.acpi.einj import CommandStatus, Einj, ErrorTypes
from apeitool.errors import MissingError
from apeitool.firmware.einj import Request, Triggered
from apeitool.lab.images import Images
from apeitool.lab.machines import ARM64
from apeitool.lab.session import Session
from apeitool.plan.build import build
from apeitool.render.plain import to_plain

pytestmark = pytest.mark.guest

BASE = ARM64.reserved.start
EINJ, TRIGGER = BASE + 0x14_0000, BASE + 0x20_0000
GSIV = int(apei.NotificationType.GSIV)
ADDRESS = 0x4800_0000
"""RAM that Linux has."""


def test_a_boot_error_region(arm64_images: Images) -> None:
    severities = {apei.Severity.CORRECTED: "corrected", apei.Severity.FATAL: "fatal"}
    blocks = [block(0x1000 * severity, severity=severity) for severity in severities]
    plan = {"plan": "bert", "preset": "qemu-virt", "memory": BASE}
    built = build({**plan, "blocks": [to_plain(each) for each in blocks]})
    ((_, room),) = built.memory()
    seen = boot(arm64_images, built.table.to_bytes(), room)
    assert seen.values("event severity") == [*severities.values()]
    assert seen.table == built.table.to_bytes()
    assert seen.shown == seen.left
    assert apei.decode(seen.shown, as_="region").blocks == tuple(
        each.replace(block_status=0) for each in blocks
    )


@pytest.mark.parametrize("kind", SEVERITIES)
def test_a_memory_error_goes_all_the_way_round(arm64_images: Images, kind: ErrorTypes) -> None:
    try:
        arm64_images.module("einj")
    except MissingError as missing:
        pytest.skip(str(missing))
    einj = build({"plan": "einj", "preset": "qemu-virt", "memory": EINJ}).table
    assert isinstance(einj, Einj)
    hest = apei.Hest(sources=[source(ARM64, GSIV, apei.NotificationType.GSIV)])
    with Session(
        arm64_images, hest, tables=[einj.to_bytes()], modules=["einj"], limit=120
    ) as session:
        machine = Machine(
            session, OFFERED, einj=einj, trigger_table=TRIGGER, source_id=GSIV
        )  # fmt: skip
        machine.load()
        assert machine.inject(error_type=kind, param1=ADDRESS, param2=PAGE) == ("", 0)
        request, triggered = machine.seen
        assert isinstance(request, Request)
        assert triggered == Triggered(request)
        assert (request.error_types, request.status) == (kind, CommandStatus.SUCCESS)
        (report,) = machine.reports
        assert report.acknowledged
        assert values(report, "event severity") == [SEVERITIES[kind][1]]
        assert [int(text, 16) for text in values(report, "physical_address")] == [ADDRESS]
        # Of a page that failed Linux makes an end, of a corrected error it does not.
        failed = any("Memory failure" in line for line in report.lines)
        assert failed == (kind != ErrorTypes.MEMORY_CORRECTABLE)
