"""Real Linux guests under QEMU: images, boot, snapshot, a window into guest memory, the console.

This room moves bytes and knows nothing of tables, blocks or records. QEMU's own emulation (TCG)
runs the guest, so neither KVM nor privileges are needed.
"""
