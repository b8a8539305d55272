"""Logged PCI Express headers in words: PCI Express Base Specification, chapter 2."""

import pytest

from apeitool.registers.tlp import prefix_sentence, tlp_sentence

HEADERS = {
    (0x34000000, 0x06000010, 0, 0): "message LTR, requester 06:00.0",
    (0x30000000, 0x0B000033, 0, 0): "message ERR_FATAL, requester 0b:00.0",
    (0x00000000, 0x0100000F, 0xFEE00000, 0): "memory read, 1024 DW, requester 01:00.0, tag 0x0, "
    "address 0xfee00000",
    (0x60000001, 0x060000FF, 0x1, 0x80000000): "memory write, 1 DW, requester 06:00.0, tag 0x0, "
    "address 0x180000000",
    (0x04000001, 0x0000220F, 0x01070000, 0): "configuration read, type 0, requester 00:00.0, "
    "tag 0x22, to 01:00.7, register 0x0",
    (0x4A000001, 0x01008004, 0x00080500, 0): "completion with data, 1 DW, completer abort, "
    "completer 01:00.0, requester 00:01.0, tag 0x5",
    (0x1F000000, 0, 0, 0): "unknown packet, format 0, type 0x1f",
    (0x91000042, 0, 0, 0): "PASID prefix, PASID 0x42",
    (0, 0, 0, 0): "",
}


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: f"{header[0]:#x}")
def test_headers(header) -> None:
    assert tlp_sentence(header) == HEADERS[header]


PREFIXES = {
    0x90000000: "TPH prefix",
    0x9E000000: "vendor defined end-end prefix 0",
    0x81000000: "unknown prefix, type 0x1",
    0: "",
}


@pytest.mark.parametrize("prefix", PREFIXES, ids=hex)
def test_prefixes(prefix) -> None:
    assert prefix_sentence(prefix) == PREFIXES[prefix]
