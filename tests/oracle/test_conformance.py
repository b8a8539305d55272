"""The quick set of `lab conformance`: model and real kernels agree on all of it, with a fresh seed."""

import random

import pytest

from apeitool.errors import MissingError
from apeitool.lab import images
from apeitool.lab.conformance.compare import (
    Agreement,
    compare_blocks,
    compare_panics,
    compare_tables,
)
from apeitool.lab.machines import ARM64, X86, Machine

pytestmark = pytest.mark.guest

BLOCKS, PANICS, OF_NEWER, TABLES, TABLES_OF_ARM64 = 150, 8, 40, 40, 24
NEWER = ("6.12", "7.2")
BOTH = pytest.mark.parametrize("machine", [X86, ARM64], ids=["x86", "arm64"])


def found(machine: Machine, release: str = images.OWN) -> images.Images:
    """What a guest is made of; skips with how to get it."""
    try:
        return images.find(machine=machine, release=release)
    except MissingError as missing:
        pytest.skip(str(missing))


def fresh_seed() -> int:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return seed


def agrees(result: Agreement, count: int) -> None:
    print(dict(result.given))
    told = [(d.kind, d.given.hex(), *d.lines) for d in result.differences]
    assert not told
    assert result.total == count


@BOTH
def test_blocks_of_6_1(machine: Machine) -> None:
    result = compare_blocks(found(machine), count=BLOCKS, seed=fresh_seed(), say=print)
    agrees(result, BLOCKS)
    assert len(result.given) > BLOCKS // 2


@pytest.mark.drifting
@pytest.mark.parametrize("release", NEWER)
@BOTH
def test_blocks_of_newer_kernels(machine: Machine, release: str) -> None:
    kernel = found(machine, release)
    agrees(compare_blocks(kernel, count=OF_NEWER, seed=fresh_seed(), say=print), OF_NEWER)


@BOTH
def test_panics_of_6_1(machine: Machine) -> None:
    agrees(compare_panics(found(machine), count=PANICS, seed=fresh_seed(), say=print), PANICS)


@pytest.mark.parametrize(
    ("machine", "count"), [(X86, TABLES), (ARM64, TABLES_OF_ARM64)], ids=["x86", "arm64"]
)
def test_tables_of_6_1(machine: Machine, count: int) -> None:
    agrees(compare_tables(found(machine), count=count, seed=fresh_seed(), say=print), count)
