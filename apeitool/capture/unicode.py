"""Text that begins with a byte order mark: PowerShell and the UEFI shell write UTF-16 into files."""

from __future__ import annotations

import codecs

from apeitool.capture.capture import SAMPLE

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def plain(data: bytes) -> bytes:
    """Text as UTF-8 without a mark; bytes that are no marked text as they are."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                return data
            return text.encode() if _is_written(text[:SAMPLE]) else data
    return data


def _is_written(text: str) -> bool:
    """Whether it is text that a person could read."""
    return all(letter.isprintable() or letter in "\t\r\n" for letter in text)
