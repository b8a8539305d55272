"""``--dialect``: the caller says whose way of writing it is."""

import pytest

import apeitool as apei


@pytest.fixture
def block() -> bytes:
    """A status block whose entry says 2026-06-07 08:09:10 in BCD."""
    entry = apei.GenericErrorDataEntryV3(
        section=apei.MemoryErrorSection(), validation_bits=4, timestamp=0x2026060700080910
    )
    return apei.StatusBlock(entries=[entry]).to_bytes()


@pytest.mark.parametrize("verb", ["decode", "explain"])
def test_it_reads_otherwise(apeitool, verb, block) -> None:
    assert "2026-06-07 08:09:10" in apeitool(verb, "-", stdin=block).text
    shown = apeitool(verb, "--dialect", "timestamp=binary", "-", stdin=block).text
    assert shown
    assert "2026-06-07" not in shown


def test_one_that_there_is_not_is_wrong_usage(apeitool, block) -> None:
    done = apeitool("decode", "--dialect", "solaris", "-", stdin=block)
    assert done.status == 2
    assert "windows" in done.err
