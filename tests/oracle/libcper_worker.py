"""libcper from a folder where it was built, asked in a process of its own: it may crash.

``python libcper_worker.py DIR`` reads questions from standard input, one JSON object a line, and writes
answers likewise to file descriptor 3: libcper itself prints to the other two.
"""

import ctypes
import json
import os
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint, c_uint16, c_void_p, string_at
from pathlib import Path
from typing import Any

RANDOM_VALID = 1
PLAIN = 1 << 4
"""As json-c writes without spaces, and without escaping slashes."""


class Library:
    """The functions that libcper exports, on Python's values."""

    def __init__(self, folder: Path) -> None:
        self.libc = ctypes.CDLL(None)
        self.libc.open_memstream.restype = c_void_p
        self.json = ctypes.CDLL(self._json_c(folder), ctypes.RTLD_GLOBAL)
        self.parse = ctypes.CDLL(str(folder / "libcper-parse.so"), ctypes.RTLD_GLOBAL)
        self.generator = ctypes.CDLL(str(folder / "libcper-generate.so"))
        for function in (
            self.parse.cper_buf_to_ir,
            self.parse.cper_buf_single_section_to_ir,
            self.json.json_tokener_parse,
        ):
            function.restype = c_void_p
        self.json.json_object_to_json_string_ext.restype = c_char_p

    @staticmethod
    def _json_c(folder: Path) -> str:
        own = sorted(folder.glob("subprojects/json-c*/libjson-c.so*"))
        return str(own[0]) if own else "libjson-c.so.5"

    def to_json(self, data: str, *, section: bool) -> Any:
        raw = bytes.fromhex(data)
        read = self.parse.cper_buf_single_section_to_ir if section else self.parse.cper_buf_to_ir
        found = read(raw, c_size_t(len(raw)))
        if not found:
            return None
        text = self.json.json_object_to_json_string_ext(c_void_p(found), c_int(PLAIN))
        answer = json.loads(text)
        self.json.json_object_put(c_void_p(found))
        return answer

    def to_cper(self, document: Any, *, section: bool) -> str:
        found = c_void_p(self.json.json_tokener_parse(json.dumps(document).encode()))
        write = self.parse.ir_single_section_to_cper if section else self.parse.ir_to_cper
        written = self._written(lambda stream: write(found, stream))
        self.json.json_object_put(found)
        return written

    def generate(self, kind: str, seed: int) -> str:
        self.libc.srand(c_uint(seed))
        self.generator.cper_rand_seed(c_uint(seed))
        types = (c_char_p * 1)(kind.encode())
        make = self.generator.generate_cper_record
        return self._written(lambda stream: make(types, c_uint16(1), stream, c_int(RANDOM_VALID)))

    def _written(self, write: Any) -> str:
        """What a function writes to the stream that it is given, as hex."""
        where, size = c_void_p(), c_size_t()
        stream = c_void_p(self.libc.open_memstream(byref(where), byref(size)))
        write(stream)
        self.libc.fclose(stream)
        data = string_at(where, size.value)
        self.libc.free(where)
        return data.hex()


def main() -> None:
    library = Library(Path(sys.argv[1]))
    with os.fdopen(3, "w") as answers:
        for line in sys.stdin:
            name, arguments, more = json.loads(line)
            print(json.dumps(getattr(library, name)(*arguments, **more)), file=answers, flush=True)


if __name__ == "__main__":
    main()
