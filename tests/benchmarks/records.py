"""Records per second, ours beside libcper's Python binding, in one interleaved run.

    python tests/benchmarks/records.py [--count 10000] [--rounds 10]

All records are distinct.  Each round takes a slice that no earlier round has seen: we decode it,
the peer decodes it, we build it back; what we keep by value (GUIDs, texts) is thrown away before.
The clock stops when every field of every section is a Python value.  A ratio is taken per round;
medians are printed, with the least and the greatest.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import apeitool as apei
from apeitool.cper.arm_context import AArch64El1Registers
from apeitool.cper.record import notification_guid
from apeitool.cper.sections.memory import MemoryErrorType
from apeitool.cper.sections.pcie import AerInformation, CapabilityStructure, PcieDeviceId
from apeitool.registers.pcie_capability import PortType
from apeitool.wire import compiled


def memory(rng: random.Random) -> apei.Section:
    """A memory section with every field valid."""
    return apei.MemoryErrorSection(
        validation_bits=(1 << 22) - 1, error_status=0x400,
        physical_address=rng.getrandbits(46) & ~63, physical_address_mask=0xFFFFFFFFFFFFFFC0,
        node=rng.randrange(4), card=rng.randrange(8), module=rng.randrange(4),
        bank=rng.randrange(1 << 16), device=rng.randrange(18), row=rng.randrange(1 << 16),
        column=rng.randrange(1 << 11), bit_position=rng.randrange(64),
        requestor_id=rng.getrandbits(16), responder_id=rng.getrandbits(16),
        target_id=rng.getrandbits(16), memory_error_type=MemoryErrorType(rng.randrange(16)),
        extended=rng.randrange(4), rank_number=rng.randrange(4),
        card_handle=rng.randrange(0x1000, 0x1100), module_handle=rng.randrange(0x1100, 0x1200),
    )  # fmt: skip


def arm(rng: random.Random) -> apei.Section:
    """An ARM section with one cache error and the EL1 context."""
    registers = AArch64El1Registers(
        **{f.name: rng.getrandbits(48) for f in AArch64El1Registers.fields if f.type is int}
    )
    error = apei.ErrorInformation(
        validation_bits=31, type=2, flags=1, error_information=0x0091000F | rng.getrandbits(2) << 22,
        virtual_fault_address=0xFFFF000000000000 | rng.getrandbits(40),
        physical_fault_address=rng.getrandbits(44),
    )  # fmt: skip
    return apei.ArmProcessorErrorSection(
        validation_bits=7, mpidr_el1=0x80000000 | rng.getrandbits(16), midr_el1=0x410FD0B1,
        running_state=1, error_information=(error,),
        context_information=(apei.ContextInformation(registers=registers),),
    )  # fmt: skip


def pcie(rng: random.Random) -> apei.Section:
    """A PCIe section with capability structure and AER."""
    return apei.PcieErrorSection(
        validation_bits=0xFF, port_type=PortType.ROOT_PORT, command=0x507, status=0x10,
        device_id=PcieDeviceId(
            vendor_id=0x8086, device_id=rng.getrandbits(16), class_code=b"\x00\x04\x06",
            bus_number=rng.getrandbits(8), device_number=rng.randrange(32),
        ),
        capability_structure=CapabilityStructure(
            capability_id=0x10, capabilities=0x42, link_status=rng.getrandbits(16)
        ),
        aer_information=AerInformation(
            capability_header=0x10001, correctable_error_status=1 << rng.choice((0, 6, 7, 8)),
            header_log=[rng.getrandbits(32) for _ in range(4)],
        ),
    )  # fmt: skip


SECTIONS: dict[str, Callable[[random.Random], apei.Section]] = {
    "memory": memory, "ARM": arm, "PCIe": pcie,
}  # fmt: skip


def records(kind: str, count: int, seed: int) -> list[bytes]:
    """So many distinct records of one kind: a fleet of 200 machines, 2000 parts in them."""
    rng = random.Random(seed)
    machines = [UUID(int=rng.getrandbits(128)) for _ in range(200)]
    parts = [UUID(int=rng.getrandbits(128)) for _ in range(2000)]
    start = datetime(2026, 11, 22, 3, 0, 0)  # noqa: DTZ001 - records have no zone
    made = []
    for number in range(count):
        draft = apei.Record(
            error_severity=apei.Severity.CORRECTED, validation_bits=7,
            timestamp=apei.Timestamp.of(start + timedelta(seconds=number), precise=True),
            platform_id=rng.choice(machines), partition_id=rng.choice(machines),
            creator_id=machines[0], notification_type=notification_guid("CMC"), record_id=number,
            body=(SECTIONS[kind](rng),),
        )  # fmt: skip
        descriptor = draft.section_descriptors[0].replace(
            validation_bits=3, fru_id=rng.choice(parts), fru_text=f"DIMM_{number % 64}"
        )
        made.append(draft.replace(section_descriptors=(descriptor,)).to_bytes())
    return made


def every_value(thing: apei.Structure) -> Iterator[Any]:
    """All values of a structure and of those in it."""
    for field in thing.fields:
        value = getattr(thing, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, apei.Structure):
                yield from every_value(item)
            else:
                yield item


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that some work takes, and what it gives."""
    compiled.guids.clear()
    compiled.texts.clear()
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(kind: str, count: int, rounds: int, seed: int) -> dict[str, list[float]]:
    """Seconds per record of each round: ours, the peer's, building."""
    import cper

    data = records(kind, count, seed)
    if len(set(data)) != count:
        raise SystemExit("the records are not distinct")
    apei.Record.from_bytes(data[0]).to_bytes()
    cper.parse(data[0])
    figures: dict[str, list[float]] = {"ours": [], "peer": [], "build": []}
    size = count // rounds
    for number in range(rounds):
        for name, seconds in one_round(data[number * size : (number + 1) * size]).items():
            figures[name].append(seconds / size)
    return figures


def one_round(part: list[bytes]) -> dict[str, float]:
    """Seconds that each of the three takes for the same records."""
    import cper

    seconds = {}
    seconds["ours"], decoded = timed(lambda: [apei.Record.from_bytes(one) for one in part])
    if any(value is None for thing in decoded for value in every_value(thing)):
        raise SystemExit("a field has no value")
    seconds["build"], built = timed(lambda: [thing.to_bytes() for thing in decoded])
    if built != part:
        raise SystemExit("what was built differs from what was decoded")
    seconds["peer"], _ = timed(lambda: [cper.parse(one) for one in part])
    return seconds


def spread(values: list[float]) -> str:
    """Median with the least and the greatest."""
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    """Print a row per kind of record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    if not 0 < options.rounds <= options.count:
        parser.error("a round needs a record")
    print(f"seed {options.seed}, {options.count} records of each kind, {options.rounds} rounds")
    print("           decode, records/s        times cper             build, times decode")
    for kind in SECTIONS:
        figures = measure(kind, options.count, options.rounds, options.seed)
        pairs = list(zip(figures["ours"], figures["peer"], figures["build"], strict=True))
        rate = 1 / statistics.median(figures["ours"])
        print(
            f"{kind:8} {rate:12,.0f}            {spread([p / o for o, p, _ in pairs]):22} "
            f"{spread([o / b for o, _, b in pairs])}"
        )


if __name__ == "__main__":
    main()
