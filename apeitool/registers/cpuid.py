"""CPUID: which processor an x86 record is about.

Source:  Intel SDM volume 2A CPUID; AMD CPUID Specification; Linux asm/intel-family.h and cpu/amd.c for names
"""

from apeitool.wire.labels import Bits, Word


class CpuidVersion(Word):
    """EAX of CPUID leaf 1: family, model and stepping.

    Source:  Intel SDM volume 2A CPUID, figure 3-6
    """

    stepping_id = Bits(0, 4)
    base_model = Bits(4, 4)
    base_family = Bits(8, 4)
    processor_type = Bits(12, 2)
    extended_model = Bits(16, 4)
    extended_family = Bits(20, 8)

    @property
    def family(self) -> int:
        """The family as Linux and the vendors count it."""
        extended = self.extended_family if self.base_family == 0xF else 0
        return self.base_family + extended

    @property
    def model(self) -> int:
        """The model as Linux and the vendors count it."""
        has_extended = self.base_family in (0x6, 0xF)
        return self.base_model | (self.extended_model << 4 if has_extended else 0)

    @property
    def name(self) -> str:
        """Vendor and microarchitecture or platform; empty where the number alone cannot tell."""
        for models, name in _NAMES.get(self.family, ()):
            if self.model in models:
                return name
        return ""

    def sentence(self) -> str:
        """What the number says, in words."""
        said = f"family {self.family:#x}, model {self.model:#x}, stepping {self.stepping_id:#x}"
        return f"{self.name} ({said})" if self.name else said


class CpuidFeatures(Word):
    """EBX of CPUID leaf 1.

    Source:  Intel SDM volume 2A CPUID
    """

    brand_index = Bits(0, 8)
    clflush_line_size = Bits(8, 8, doc="in units of 8 bytes")
    logical_processor_count = Bits(16, 8)
    initial_apic_id = Bits(24, 8)


_Names = tuple[tuple[tuple[int, ...] | range, str], ...]

_NAMES: dict[int, _Names] = {
    0x06: (
        ((0x0F, 0x16), "Intel Core 2 Merom"),
        ((0x17, 0x1D), "Intel Core 2 Penryn"),
        ((0x1E, 0x1F, 0x1A, 0x2E), "Intel Nehalem"),
        ((0x25, 0x2C, 0x2F), "Intel Westmere"),
        ((0x2A,), "Intel Sandy Bridge"),
        ((0x2D,), "Intel Sandy Bridge server"),
        ((0x3A,), "Intel Ivy Bridge"),
        ((0x3E,), "Intel Ivy Bridge server"),
        ((0x3C, 0x45, 0x46), "Intel Haswell"),
        ((0x3F,), "Intel Haswell server"),
        ((0x3D, 0x47), "Intel Broadwell"),
        ((0x4F, 0x56), "Intel Broadwell server"),
        ((0x4E, 0x5E), "Intel Skylake"),
        ((0x55,), "Intel Skylake, Cascade Lake or Cooper Lake server"),
        ((0x8E, 0x9E), "Intel Kaby Lake or Coffee Lake"),
        ((0xA5, 0xA6), "Intel Comet Lake"),
        ((0x66,), "Intel Cannon Lake"),
        ((0x7D, 0x7E, 0x9D), "Intel Ice Lake"),
        ((0x6A, 0x6C), "Intel Ice Lake server"),
        ((0xA7,), "Intel Rocket Lake"),
        ((0x8C, 0x8D), "Intel Tiger Lake"),
        ((0x8F,), "Intel Sapphire Rapids"),
        ((0xCF,), "Intel Emerald Rapids"),
        ((0xAD, 0xAE), "Intel Granite Rapids"),
        ((0xD7,), "Intel Bartlett Lake"),
        ((0x8A,), "Intel Lakefield"),
        ((0x97, 0x9A), "Intel Alder Lake"),
        ((0xBE,), "Intel Alder Lake N"),
        ((0xB7, 0xBA, 0xBF), "Intel Raptor Lake"),
        ((0xAA, 0xAC), "Intel Meteor Lake"),
        ((0xB5, 0xC5, 0xC6), "Intel Arrow Lake"),
        ((0xBD,), "Intel Lunar Lake"),
        ((0xCC, 0xE5), "Intel Panther Lake"),
        ((0xD5,), "Intel Wildcat Lake"),
        ((0x1C, 0x26), "Intel Atom Bonnell"),
        ((0x27, 0x35, 0x36), "Intel Atom Saltwell"),
        ((0x37, 0x4A, 0x4D, 0x5A), "Intel Atom Silvermont"),
        ((0x4C, 0x75), "Intel Atom Airmont"),
        ((0x5C,), "Intel Atom Apollo Lake"),
        ((0x5F,), "Intel Atom Denverton"),
        ((0x7A,), "Intel Atom Gemini Lake"),
        ((0x86, 0x96, 0x9C), "Intel Atom Tremont"),
        ((0xAF,), "Intel Sierra Forest"),
        ((0xB6,), "Intel Grand Ridge"),
        ((0xDD,), "Intel Clearwater Forest"),
        ((0x57,), "Intel Xeon Phi Knights Landing"),
        ((0x85,), "Intel Xeon Phi Knights Mill"),
    ),
    0x10: ((range(0x100), "AMD family 10h"),),
    0x11: ((range(0x100), "AMD family 11h"),),
    0x12: (((0x01, 0x03), "Intel Nova Lake or AMD family 12h"),),
    0x13: (((0x01,), "Intel Diamond Rapids"),),
    0x14: ((range(0x100), "AMD family 14h"),),
    0x15: ((range(0x100), "AMD family 15h"),),
    0x16: ((range(0x100), "AMD family 16h"),),
    0x17: (
        ((*range(0x30), *range(0x50, 0x60)), "AMD Zen"),
        ((*range(0x30, 0x50), *range(0x60, 0x80), *range(0x90, 0x92), *range(0xA0, 0xB0)), "AMD Zen 2"),
    ),
    0x18: ((range(0x100), "Hygon Dhyana"),),
    0x19: (
        ((*range(0x10), *range(0x20, 0x60)), "AMD Zen 3"),
        ((*range(0x10, 0x20), *range(0x60, 0xB0)), "AMD Zen 4"),
    ),
    0x1A: (((*range(0x30), *range(0x40, 0x50), *range(0x60, 0x80)), "AMD Zen 5"),),
}  # fmt: skip
"""Names by family and models.  Families of two vendors that share numbers are left out."""
