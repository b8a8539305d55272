"""A real process ran into synchronous external aborts: the model's comes to the same, step by step."""

import tomllib
from typing import Any

import captured
import pytest

import apeitool as apei
from apeitool.firmware.platform import Platform, State
from apeitool.linux.features import Architecture, kernel
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Fate, Outcome, Signal, SignalCode
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort

FOLDER = captured.FIXTURES / "linux-6.1-arm64-sea"
TOLD = tomllib.loads((FOLDER / "steps.toml").read_text())
HEST = (FOLDER / "HEST.bin").read_bytes()
RESERVED = range(0x8000_0000, 0x8800_0000)
RAM = range(0x4000_0000, 0x5000_0000)
PANIC = "Kernel panic - not syncing: "


class Modelled:
    """The modelled Linux and the process, as they were in the guest."""

    def __init__(self) -> None:
        self.memory = Regions(RESERVED)
        hest = apei.Hest.from_bytes(HEST)
        self.firmware = Platform(self.memory, hest)
        self.firmware.prepare(
            {s.source_id: RESERVED.start + 0x1000 * n for n, s in enumerate(hest.sources, 1)}
        )
        self.linux = Linux(
            self.memory, HEST, ram=(RAM,), features=kernel("6.1"),
            architecture=Architecture.ARM64, panic_timeout=-1, clock=lambda: 0.0,
        )  # fmt: skip
        self.linux.boot()
        process = TOLD["process"]
        self.nowhere = process["nowhere"]
        self.task = Task(
            process["physical"], process["virtual"], comm="toucher", pid=process["pid"]
        )

    def meets(self, step: dict[str, Any]) -> tuple[list[str], Outcome | None]:
        """A block is published and found: the lines, and what came of it to the process."""
        number = step["source_id"]
        event = self.firmware.publish(number, (FOLDER / step["block"]).read_bytes())
        if event.type == apei.NotificationType.POLLED:
            reply = self.linux.notified(event.type)
            return [line for did in reply.did for line in did.lines], reply.outcome
        lines: list[str] = []
        while True:
            reply = self.linux.synchronous_external_abort(Abort.of_load(self.nowhere), self.task)
            lines += [line for did in reply.did for line in did.lines]
            assert reply.outcome is not None
            if reply.outcome.fate is not Fate.RETRIES:
                return lines, reply.outcome


@pytest.fixture(scope="module")
def modelled() -> Modelled:
    return Modelled()


@pytest.mark.parametrize("step", TOLD["step"], ids=lambda step: step["block"])
def test_the_model_comes_to_the_same(modelled: Modelled, step: dict[str, Any]) -> None:
    """In the order of the capture: what the kernel knows of earlier ones counts."""
    lines, outcome = modelled.meets(step)
    heard = step["lines"]
    if step["panicked"]:
        # What follows are the registers and the stack of a real machine.
        heard = heard[: 1 + next(n for n, line in enumerate(heard) if line.startswith(PANIC))]
    assert lines == heard
    signal = step.get("signal")
    told = None if outcome is None else outcome.signal
    sent = signal and Signal("SIGBUS", SignalCode(signal["code"]), signal["address"], signal["lsb"])
    assert told == sent
    assert (outcome is not None and not outcome.is_survived) == step["panicked"]
    number = step["source_id"]
    modelled.firmware.poll_ack(number)
    is_free = modelled.firmware.state(number) is State.FREE
    assert is_free == step["acknowledged"]
    address = modelled.firmware.block_address(number)
    assert (not any(modelled.memory.read(address, 4))) == step["cleared"]
