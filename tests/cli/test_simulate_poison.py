"""simulate touched-poison, matrix and choose: what they say, and that it is what the parties did."""

import json

import pytest

from apeitool.acpi.status import StatusBlock
from apeitool.cli.simulations import touched_poison as verb
from apeitool.host.vmm import POLICIES
from apeitool.registers.arm_syndrome import AsynchronousErrorType
from apeitool.scenarios.touched_poison import (
    PAGE_SIZES,
    SEVERITIES,
    HardwareException,
    HostTelling,
)


def test_the_choices_are_those_that_there_are() -> None:
    assert set(verb.POLICIES) == set(POLICIES)
    assert tuple(each.value for each in HardwareException) == verb.EXCEPTIONS
    assert tuple(each.value for each in HostTelling) == verb.HOSTS
    assert tuple(each.name.lower() for each in SEVERITIES) == verb.SEVERITIES
    assert set(verb.PAGES) == set(PAGE_SIZES)
    assert {aet.upper() for aet in verb.AETS} == {each.name for each in AsynchronousErrorType}


def test_a_story_as_text_json_and_diagram(apeitool) -> None:
    said = apeitool("simulate", "touched-poison", "--vmm", "required-by-sei").text
    assert "Outcome:  guest panics" in said
    assert "Wrong:    the guest is told by SEI of what is action required." in said
    (item,) = json.loads(apeitool("simulate", "touched-poison", "--json").text)["items"]
    assert (item["outcome"], item["objections"], item["vmm"]) == ("SIGBUS", [], "discussion-polled")
    assert any(step["to"] == "vmm" and "BUS_MCEERR_AO" in step["what"] for step in item["steps"])
    drawn = apeitool("simulate", "touched-poison", "--mermaid").text.splitlines()
    assert drawn[0] == "sequenceDiagram"
    actors = [line.split()[1] for line in drawn if "participant" in line]
    assert actors == ["hardware", "firmware", "host", "kvm", "vmm", "guest"]
    assert not any(";" in line for line in drawn)


def test_the_matrix_as_grid_reasons_and_json(apeitool) -> None:
    only = ("--exception", "sea", "--severity", "recoverable", "--vmm", "qemu", "--vmm", "silent")
    grid = apeitool("simulate", "matrix", *only).text
    assert "sea        recoverable  sea         S   L\n" in grid
    assert "L  lost" in grid
    assert "H  host panics" not in grid
    reasons = apeitool("simulate", "matrix", *only, "--guest", "mainline", "--why").text
    assert reasons.count("[") == 12
    items = json.loads(apeitool("simulate", "matrix", "--json").text)["items"]
    assert len(items) == 720
    assert all(item["outcome"] and item["reason"] and item["source"] for item in items)


def test_a_choice_comes_with_the_bytes(apeitool) -> None:
    said = apeitool("simulate", "choose", "--signal", "ar", "--address", "0x40001234").text
    assert "Use:      SEA (notification type 8)" in said
    assert "Not:      SEI (notification type 9)" in said
    (item,) = json.loads(apeitool("simulate", "choose", "--signal", "ao", "--json").text)["items"]
    assert item["use"]["notification"]["type"] == 7
    block = StatusBlock.from_bytes(bytes.fromhex(item["block"]))
    assert block.sections[0].physical_address == 0x5BF6_1000
    assert item["qmp"]["execute"] == "inject-ghes-v2-error"


@pytest.mark.parametrize("verb_name", ["touched-poison", "matrix"])
def test_an_address_that_is_no_memory_of_the_guest(apeitool, verb_name) -> None:
    done = apeitool("simulate", verb_name, "--address", "0x1000")
    assert done.status == 2
    assert "the guest has memory from 0x40000000 to 0x7fffffff" in done.err
