"""The guest's root: busybox, one script, and modules, in the cpio form that Linux unpacks at boot.

Source:  Linux Documentation/driver-api/early-userspace/buffer-format.rst ("newc")
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

READY = "apeitool-lab: ready"
"""What the guest prints to its console when the command shell listens."""

START_OF_OUTPUT = b"\x02"
END_OF_OUTPUT = b"\x03"

# The shell on the second port: one line is a number and a command in base64; the answer is the
# number after START_OF_OUTPUT, the output, and number and exit status after END_OF_OUTPUT.
# A line without a command (an empty one too) is passed over.
INIT = rb"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
dmesg -n 8
stty -F /dev/%SHELL% raw -echo
exec 3<>/dev/%SHELL%
echo "%READY%" > /dev/kmsg
while read -r number command <&3; do
  [ "$command" ] || continue
  printf '\002%s\n' "$number" >&3
  sh -c "$(printf %s "$command" | base64 -d)" </dev/null >&3 2>&1
  printf '\003%s %s\n' "$number" "$?" >&3
done
""".replace(b"%READY%", READY.encode())


@dataclass(frozen=True)
class Entry:
    """One file or directory of an archive; ``mode`` carries its type as in ``st_mode``."""

    name: str
    mode: int
    content: bytes = b""


def directory(name: str) -> Entry:
    """A directory that only root writes to."""
    return Entry(name, stat.S_IFDIR | 0o755)


def program(name: str, content: bytes) -> Entry:
    """A regular file that everybody may run."""
    return Entry(name, stat.S_IFREG | 0o755, content)


def cpio(entries: Iterable[Entry]) -> bytes:
    """A cpio archive in the "newc" form.

    Shape:   per entry a 110-byte header in hexadecimal ASCII, the name with its NUL, the content,
             each padded to 4 bytes; the last entry is named TRAILER!!!.
    Source:  buffer-format.rst
    """
    output = bytearray()
    for inode, entry in enumerate((*entries, Entry("TRAILER!!!", 0)), start=1):
        name = entry.name.encode() + b"\0"
        links, owner, time, device, checksum = 1, 0, 0, 0, 0
        fields = [inode, entry.mode, owner, owner, links, time, len(entry.content)]
        fields += [device, device, device, device, len(name), checksum]
        output += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        output += bytes(-len(output) % 4)
        output += entry.content
        output += bytes(-len(output) % 4)
    return bytes(output)


def tables(content: Iterable[bytes]) -> bytes:
    """The archive that Linux takes ACPI tables out of, in front of that with the root.

    Source:  Linux Documentation/admin-guide/acpi/initrd_table_override.rst
    """
    places = ["kernel", "kernel/firmware", "kernel/firmware/acpi"]
    files = [program(f"{places[-1]}/{n}.aml", table) for n, table in enumerate(content)]
    return cpio([*map(directory, places), *files]) if files else b""


def root(
    busybox: bytes,
    modules: Mapping[str, bytes],
    programs: Mapping[str, bytes],
    *,
    port: str,
) -> bytes:
    """The archive that a guest boots into; it has its modules as files, and loads none by itself.

    ``programs`` are in its path; ``port`` is the device that the command shell listens on.
    """
    places = ["bin", "dev", "proc", "sys", "tmp", *(["modules"] if modules else ())]
    init = INIT.replace(b"%SHELL%", port.encode())
    files = [program("bin/busybox", busybox), program("init", init)]
    files += [program(f"bin/{name}", content) for name, content in programs.items()]
    files += [program(f"modules/{name}.ko", content) for name, content in modules.items()]
    return cpio([*map(directory, places), *files])
