"""A door into a guest that somebody else has open: who holds the guest listens, others bring errors.

It is a unix socket in the cache, which no other user can enter, named by the process that holds the
guest.  A visitor says one line of JSON and is answered with one.

Shape:   {"block": BASE64, "source_id": NUMBER or null} -> {"text": ..., "cleared": ...} or {"error": ...}
"""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from apeitool.errors import ApeiError, LabError
from apeitool.lab import cache

_FOLDER = "guests"
_LONGEST = 1 << 20
_PATIENCE = 120.0

Taken = Callable[[bytes, int | None], "Told"]


class Told(NamedTuple):
    """What is said of an error that was brought: a text, and whether the kernel took it."""

    text: str
    cleared: bool


@contextmanager
def opened(take: Taken, cache_directory: Path | None = None) -> Iterator[None]:
    """Listen, and have ``take`` do what visitors ask, one at a time.

    Raises:  LabError when there can be no socket.
    """
    place = cache.made(cache.directory(cache_directory) / _FOLDER)
    name = str(os.getpid())
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            (place / name).unlink(missing_ok=True)
            with _short(place, name) as address:
                listener.bind(address)
            listener.listen()
        except OSError as error:
            raise LabError(f"no socket can be in {place}: {error.strerror}") from error
        threading.Thread(target=_serve, args=(listener, take), name="lab door", daemon=True).start()
        try:
            yield
        finally:
            (place / name).unlink(missing_ok=True)
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def guests(cache_directory: Path | None = None) -> list[int]:
    """The processes that hold a guest that one can bring errors to."""
    place = cache.directory(cache_directory) / _FOLDER
    try:
        names = [path.name for path in place.iterdir() if path.name.isdecimal()]
    except OSError:
        return []
    return sorted(int(name) for name in names if _is_open(place, name))


def bring(
    holder: int, block: bytes, source_id: int | None, cache_directory: Path | None = None
) -> Told:
    """Bring an error to the guest that a process holds.

    Raises:  LabError when that is none, or refuses.
    """
    place = cache.directory(cache_directory) / _FOLDER
    request = {"block": base64.b64encode(block).decode(), "source_id": source_id}
    try:
        with socket.socket(socket.AF_UNIX) as visitor, _short(place, str(holder)) as address:
            visitor.settimeout(_PATIENCE)
            visitor.connect(address)
            visitor.sendall(json.dumps(request).encode() + b"\n")
            answer = _line(visitor)
    except OSError as error:
        raise LabError(f"process {holder} holds no guest: {error.strerror or error}") from error
    told = json.loads(answer or b'{"error": "the guest is gone"}')
    if "error" in told:
        raise LabError(told["error"])
    return Told(**told)


@contextmanager
def _short(place: Path, name: str) -> Iterator[str]:
    """An address in a folder whose path may be longer than the address of a socket."""
    folder = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{name}"
    finally:
        os.close(folder)


def _is_open(place: Path, name: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as visitor, _short(place, name) as address:
            visitor.connect(address)
            return True
    except OSError:
        # Who held it has been killed.
        (place / name).unlink(missing_ok=True)
        return False


def _serve(listener: socket.socket, take: Taken) -> None:
    while True:
        try:
            visitor, _ = listener.accept()
        except OSError:
            return
        with visitor, suppress(OSError):
            visitor.settimeout(_PATIENCE)
            request = _line(visitor)
            if request:
                visitor.sendall(json.dumps(_answer(request, take)).encode() + b"\n")


def _answer(request: bytes, take: Taken) -> dict[str, Any]:
    try:
        asked = json.loads(request)
        block, number = base64.b64decode(asked["block"], validate=True), asked["source_id"]
    except (ValueError, TypeError, KeyError):
        return {"error": "that is no request"}
    try:
        return take(block, number)._asdict()
    except ApeiError as error:
        return {"error": str(error)}


def _line(connection: socket.socket) -> bytes:
    """What comes up to the end of a line; nothing if that does not come."""
    received = bytearray()
    while b"\n" not in received and len(received) < _LONGEST:
        data = connection.recv(0x10000)
        if not data:
            return b""
        received += data
    return bytes(received.partition(b"\n")[0])
