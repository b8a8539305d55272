"""Names of the GUIDs that records carry, other than those of section types that are decoded here."""

NOTIFICATION_TYPES = {
    "2dce8bb1-bdd7-450e-b9ad-9cf4ebd4f890": "CMC",
    "4e292f96-d843-4a55-a8c2-d481f27ebeee": "CPE",
    "e8f56ffe-919c-4cc5-ba88-65abe14913bb": "MCE",
    "cf93c01f-1a16-4dfc-b8bc-9c4daf67c104": "PCIe",
    "cc5263e8-9308-454a-89d0-340bd39bc98e": "INIT",
    "5bad89ff-b7e6-42c9-814a-cf2485d6e98a": "NMI",
    "3d61a466-ab40-409a-a698-f362d464b38f": "Boot",
    "667dd791-c6b3-4c27-8a6b-0f8e722deb41": "DMAr",
    "9a78788a-bbe8-11e4-809e-67611e5d46b0": "SEA",
    "5c284c81-b0ae-4e87-a322-b04c85624323": "SEI",
    "09a9d5ac-5204-4214-96e5-94992e752bcd": "PEI",
    "69293bc9-41df-49a3-b4bd-4fb0db3041f6": "CXL Component",
    "487565ba-6494-4367-95ca-4eff893522f6": "BMC (Microsoft)",
    "e9d59197-94ee-4a4f-8ad8-9b7d8bd93d2e": "SCI (Microsoft)",
    "fe84086e-b557-43cf-ac1b-17982e078470": "external interrupt (Microsoft)",
    "0033f803-2e70-4e88-992c-6f26daf3db7a": "device driver (Microsoft)",
    "919448b2-3739-4b7f-a8f1-e0062805c2a3": "CMCI (Microsoft)",
    "3e62a467-ab40-409a-a698-f362d464b38f": "generic (Microsoft)",
}

WINDOWS = "cf07c4bd-b789-4e18-b3c4-1f732cb57131"
WINDOWS_DRIVER = "57217c8d-5e66-44fb-8033-9b74cacedf5b"
LINUX_PSTORE = "75a574e3-5052-4b29-8a8e-be2c6490b89d"
AMDGPU = "67646d61-7570-0000-0000-000000000000"
"""The text ``amdgpu``, where others have a GUID."""

CREATORS = {
    WINDOWS: "Windows kernel",
    WINDOWS_DRIVER: "Windows device driver",
    LINUX_PSTORE: "Linux pstore",
    AMDGPU: "Linux amdgpu driver",
    "cd5c2993-f4b2-41b2-b5d4-f9c3a0330875": "Linux FRU memory poison manager",
}

SECTION_NAMES = {
    "c197e04e-d545-4a70-9c17-a5549419eb12": "Linux kernel log",
    "4f118707-04dd-4055-b5dd-956d34ddfac6": "Linux kernel log, compressed",
    "fe08ffbe-95e4-4be7-bc73-4096044a38fc": "Linux machine check",
    "990b31e9-541a-4db0-a42f-837d344f6923": "device error summary (Microsoft)",
    "6f3380d1-6eb0-497f-a578-4d4c65a71617": "IPF SAL record (Microsoft)",
    "e71254e8-c1b9-4940-ab76-909703a4320f": "generic hardware error (Microsoft)",
}
