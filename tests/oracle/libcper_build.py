"""libcper as it was built from its source, beside the older snapshot that its Python binding is."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("libcper_worker.py")

HOW = (
    "libcper's build is not here: clone openbmc/libcper, there run `meson setup build && ninja -C "
    "build` (meson 1.2, json-c), and give the folder: pytest --libcper .../build, or APEITOOL_LIBCPER"
)

CRASHED = object()
"""The answer to a question at which libcper's process ended."""

Question = tuple[str, list[Any], dict[str, Any]]


class Build:
    """Asks a build of libcper, many questions at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def to_json(self, records: Sequence[bytes], *, section: bool = False) -> list[Any]:
        """Its CPER-JSON of records, or of sections behind their descriptors; None if it has none."""
        return self.ask([("to_json", [data.hex()], {"section": section}) for data in records])

    def to_cper(self, documents: Sequence[Any], *, section: bool = False) -> list[Any]:
        """The bytes that it makes of CPER-JSON."""
        answers = self.ask([("to_cper", [plain], {"section": section}) for plain in documents])
        return [bytes.fromhex(a) if isinstance(a, str) else a for a in answers]

    def generate(self, kind: str, seeds: Sequence[int]) -> list[bytes]:
        """Records that its generator makes, each with one section of a kind that it names."""
        return [bytes.fromhex(a) for a in self.ask([("generate", [kind, s], {}) for s in seeds])]

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """The answers, in order; a crash answers one question."""
        answers: list[Any] = []
        while len(answers) < len(questions):
            answers += self._answered(questions[len(answers) :])
            if len(answers) < len(questions):
                answers.append(CRASHED)
        return answers

    def _answered(self, questions: Sequence[Question]) -> Iterator[Any]:
        """The answers up to a crash."""
        text = "".join(f"{json.dumps(question)}\n" for question in questions)
        read, write = os.pipe()
        with subprocess.Popen(
            [sys.executable, "-c", _START, str(write), str(WORKER), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[write],
            text=True,
        ) as process:
            os.close(write)
            feeding = _feed(process, text)
            with os.fdopen(read) as answers:
                yield from (json.loads(line) for line in answers)
            feeding.join()


_START = """
import os, runpy, sys
os.dup2(int(sys.argv[1]), 3)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _feed(process: subprocess.Popen[str], text: str) -> threading.Thread:
    """Give a process its input from a thread: it answers before it has read all."""

    def write() -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(text)
            process.stdin.close()
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread
