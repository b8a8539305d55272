"""Milliseconds from call to end of the command line, beside Python alone and with click.

    python tests/benchmarks/startup.py [--rounds 15]

Rounds are interleaved; medians are printed, with the least and the greatest.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

HEST = Path(__file__).parents[2] / "fixtures/qemu-11-virt-ras/HEST.bin"
COMMANDS = {
    'python -c "pass"': ["-c", "pass"],
    'python -c "import click"': ["-c", "import click"],
    "apeitool --help": ["-m", "apeitool", "--help"],
    "apeitool decode HEST.bin": ["-m", "apeitool", "decode", str(HEST)],
    "apeitool demo": ["-m", "apeitool", "demo"],
}


def milliseconds(arguments: list[str]) -> float:
    """How long one process takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Print a row per command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    figures: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            figures[name].append(milliseconds(arguments))
    for name, values in figures.items():
        middle = statistics.median(values)
        print(f"{name:28} {middle:6.0f} ms  ({min(values):.0f} to {max(values):.0f})")


if __name__ == "__main__":
    main()
