"""What the error codes of NVIDIA's GPU driver mean, in few words.

Source:  NVIDIA Xid catalog (docs.nvidia.com/deploy/xid-errors); open-gpu-kernel-modules nverror.h
"""

_NAMES = {
    8: "GPU stopped processing", 11: "invalid or corrupted push buffer stream",
    13: "graphics engine exception", 14: "injected error",
    25: "invalid or illegal push buffer stream", 31: "GPU memory page fault",
    32: "invalid or corrupted push buffer stream", 37: "driver firmware error",
    38: "driver firmware watchdog timeout", 43: "GPU stopped processing",
    44: "graphics engine fault during context switch",
    45: "preemptive cleanup after previous errors", 46: "GPU stopped processing",
    48: "double-bit ECC error", 54: "auxiliary power not connected", 56: "display engine error",
    57: "video memory link training failure", 58: "video memory error",
    59: "internal micro-controller error", 60: "video processor exception",
    61: "internal micro-controller breakpoint", 62: "internal micro-controller halt",
    63: "GPU memory remapping event", 64: "GPU memory remapping failure",
    66: "illegal access by driver", 67: "illegal access by driver",
    69: "graphics engine class error", 74: "NVLink error", 78: "vGPU start error",
    79: "GPU has fallen off the bus", 80: "corrupted data sent to GPU", 86: "OFA exception",
    92: "high single-bit ECC error rate", 93: "InfoROM wear limit violated",
    94: "contained memory error", 95: "uncontained memory error", 106: "SMBPBI test message",
    107: "silent SMBPBI test message", 109: "context switch timeout", 110: "security fault",
    119: "GSP RPC timeout", 120: "GSP error", 121: "C2C link error",
    122: "SPI read failure", 123: "SPI write failure", 124: "SPI erase failure",
    125: "InfoROM file system error", 136: "link training failed", 137: "NVLink privilege error",
    139: "OFA1 error", 140: "unrecovered ECC error", 141: "CUDA fast path error",
    143: "GPU initialization error", 144: "NVLink SAW error", 145: "NVLink RLW error",
    146: "NVLink TLW error", 147: "NVLink TREX error", 148: "NVLink NVLPW_CTRL error",
    149: "NVLink NETIR error", 150: "NVLink MSE error", 151: "key rotation error",
    152: "DLA SMMU error", 153: "DLA timeout", 154: "GPU recovery action changed",
    155: "NVLink error defined by software", 156: "resource retirement event",
    157: "resource retirement failure", 158: "GPU fatal timeout", 159: "CHI non-data error",
    160: "channel retirement event", 161: "channel retirement failure",
    162: "power smoothing engaged again", 163: "power smoothing disengaged",
    164: "power smoothing lifetime low", 165: "power smoothing lifetime exhausted",
    166: "unencrypted NVLink traffic", 167: "PCIe fatal timeout",
    168: "GPU memory capacity reduced", 169: "SEC2 micro-controller halt",
    170: "NVLink interrupt in confidential computing mode", 171: "uncorrectable DRAM error",
    172: "uncorrectable SRAM error",
}  # fmt: skip

_ENGINES = (
    ("copy engine", (39, 40, 41, 70, 71, 72, 75, 76, 77, 85, *range(126, 136))),
    ("NVDEC", (68, 83, 84, 88, 89, 96, 97, 98)),
    ("NVENC", (47, 65, 73, 142)),
    ("NVJPG", (82, *range(99, 106))),
)
"""Engines of which there are several: the codes of each, by its number."""

XIDS = _NAMES | {
    code: f"{engine} {number} error"
    for engine, codes in _ENGINES
    for number, code in enumerate(codes)
}
"""Names of the codes; many that are not here are no longer used."""
