"""new --preset and encode of a plan; decode --to toml."""

import tomllib

import captured
import pytest

import apeitool as apei
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.plan.build import PLANS, build
from apeitool.plan.preset import PRESETS

MATRIX = [(name, preset) for name in PLANS for preset in PRESETS]
every = pytest.mark.parametrize(("name", "preset"), MATRIX)


@every
def test_a_plan_becomes_its_table(apeitool, tmp_path, name, preset) -> None:
    plan, table, folder = tmp_path / "plan.toml", tmp_path / "table.bin", tmp_path / "deep/memory"
    done = apeitool("new", name, "--preset", preset, "-o", plan)
    assert (done.status, done.out, done.err) == (0, b"", "")
    built = build({"plan": name, "preset": preset})
    done = apeitool("encode", plan, "-o", table)
    assert (done.status, done.out) == (0, b"")
    assert done.err.splitlines() == [
        f"memory: {e.start:#x} to {e.stop - 1:#x}" for e in built.extents
    ]
    assert table.read_bytes() == built.table.to_bytes()
    done = apeitool("encode", plan, "--memory", folder)
    assert (done.status, done.out) == (0, table.read_bytes())
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files == {f"{address:#x}.bin": data for address, data in built.memory()}
    assert all(f"{folder}/{name}" in done.err for name in files)


@every
def test_its_forms_are_those_of_any_table(apeitool, name, preset) -> None:
    plan = apeitool("new", name, "--preset", preset).out
    data = build({"plan": name, "preset": preset}).table.to_bytes()
    for form in ("hex", "acpidump", "c"):
        text = apeitool("encode", "-", "--to", form, stdin=plan)
        assert text.status == 0
        if form != "c":
            assert apeitool("decode", "-", "--to", "jsonl", stdin=text.out).out == (
                apeitool("decode", "-", "--to", "jsonl", stdin=data).out
            )


# ---- settings


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("hest", ["memory=0x90000000"], "memory = 0x90000000"),
        ("hest", ["sources[0].count=3"], "count = 3"),
        ("hest", ["sources[0].notification=sei"], 'notification = "sei"'),
        ("hest", ["sources[0].notification.type=GSIV", "sources[0].notification.vector=0x21"],
         "notification.vector = 33"),
        ("hest", ["oem_id=1234"], 'oem_id = "1234"'),
        ("hest", ["oem_id=a=b"], 'oem_id = "a=b"'),
        ("hest", ["oem_id="], 'oem_id = ""'),
        ("hest", ["trailing=00"], 'trailing = "00"'),
        ("hest", ['oem_id=a"\\\x7f'], 'oem_id = "a\\"\\\\\\u007F"'),
        ("hest", ["sources[0].read_ack_register.register_bit_width=32"],
         "read_ack_register.register_bit_width = 32"),
        ("hest", ["sources[0].error_status_address=0xffffffffffffff00"],
         'error_status_address = "0xffffffffffffff00"'),
        ("hest", ["checksum=7"], "checksum = 7"),
        ("bert", ["boot_error_region_length=0x2000"], "boot_error_region_length = 0x2000"),
        ("einj", ["error_types=PCIE_CORRECTABLE"], 'error_types = "PCIE_CORRECTABLE"'),
        ("einj", ["actions.END_OPERATION=0x1000"], "actions.END_OPERATION = 0x1000"),
        ("einj", ["actions.END_OPERATION.value=2", "actions.END_OPERATION.mask=0xf"],
         "actions.END_OPERATION.mask = 15"),
        ("erst", ["record_length=0x8000"], "record_length = 0x8000"),
        ("erst", ["record_length=1", "record_length=2"], "record_length = 2"),
    ],
)  # fmt: skip
def test_a_setting(apeitool, name, settings, line) -> None:
    done = apeitool("new", name, "--preset", "bare", *settings)
    assert (done.status, done.err) == (0, "")
    assert line in [row.split("  # ")[0] for row in done.text.splitlines()]
    data = apeitool("encode", "-", stdin=done.out).out
    assert data == build(tomllib.loads(done.text)).table.to_bytes()
    if settings[0].partition("=")[0] not in ("error_types", "record_length"):
        assert data != build({"plan": name, "preset": "bare"}).table.to_bytes()


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("hest", "sorces=1", "did you mean sources?"),
        ("hest", "memory=here", "hest.memory"),
        ("hest", "memory.x=1", "memory.x"),
        ("hest", "sources=1", "hest.sources"),
        ("hest", "sources[2].count=2", "sources[2]"),
        ("hest", "sources.count=2", "sources.count"),
        ("hest", "sources[0].notification.tpye=SEA", "did you mean type?"),
        ("hest", "preset=nosuch", "hest.preset"),
        ("hest", "plan=nosuch", "none of"),
        ("einj", "actions.NOSUCH=1", "actions.NOSUCH"),
        ("einj", "error_types=NOSUCH", "MEMORY_CORRECTABLE"),
        ("erst", "[0]=1", "[0]"),
        ("erst", "=1", "=1"),
    ],
)
def test_a_setting_that_cannot_be(apeitool, name, setting, said) -> None:
    done = apeitool("new", name, "--preset", "qemu-q35", setting)
    assert done.status in (1, 2)
    assert done.out == b""
    assert said in done.err


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in PLANS])
def test_other_kinds_have_no_preset(apeitool, kind) -> None:
    done = apeitool("new", kind, "--preset", "bare")
    assert (done.status, done.out) == (2, b"")
    assert "hest, bert, einj, erst" in done.err
    assert apeitool("new", "hest", "--preset", "nosuch").status == 2


# ---- encode


def test_a_plan_in_two_lines(apeitool) -> None:
    done = apeitool("encode", "-", stdin=b'plan = "erst"\nmemory = 0x1000\n')
    assert done.status == 0
    assert apei.decode(done.out).problems == ()
    assert done.err == "memory: 0x1000 to 0x1077\nmemory: 0x2000 to 0x3fff\n"


def test_sealing_a_plan(apeitool) -> None:
    plan = b'plan = "bert"\nmemory = 0\nchecksum = 1\nlength = 7\n'
    assert apei.decode(apeitool("encode", "-", stdin=plan).out, as_="bert").length == 7
    sealed = apeitool("encode", "-", "--sealed", stdin=plan).out
    assert apei.decode(sealed).problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('plan = "hest"', "hest.sources"),
        ('preset = "bare"', "plan"),
        ('plan = "hest"\npreset = "bare"\nfoo = 1', "hest.foo"),
        ("plan = 2024-01-01", "none of"),
        ('plan = "hest"\nmemory = 1.5\n[[sources]]\nnotification = "SEA"', "hest.memory"),
        ('plan = "erst"\nmemory = 0\nmemory = 0', "TOML"),
    ],
)
def test_a_wrong_plan_leaves_nothing(apeitool, tmp_path, text, said) -> None:
    target, folder = tmp_path / "table", tmp_path / "memory"
    done = apeitool("encode", "-", "-o", target, "--memory", folder, stdin=text.encode())
    assert (done.status, done.out) == (1, b"")
    assert said in done.err
    assert not list(tmp_path.iterdir())


def test_memory_that_cannot_be_filled_leaves_nothing(apeitool, tmp_path) -> None:
    for more, said in (("record_length = 0x10000000000", "more than"),
                       ("actions.END_OPERATION.instruction = 0", "WRITE_REGISTER_VALUE")):  # fmt: skip
        plan = f'plan = "erst"\nmemory = 0\n{more}\n'.encode()
        done = apeitool("encode", "-", "--memory", tmp_path / "memory", stdin=plan)
        assert (done.status, done.out) == (1, b"")
        assert said in done.err
        assert not list(tmp_path.iterdir())
        assert apeitool("encode", "-", stdin=plan).status == 0


def test_memory_is_of_a_plan(apeitool, tmp_path) -> None:
    for text in (apeitool("new", "hest").out, apei.dumps(example("hest")).encode()):
        done = apeitool("encode", "-", "--memory", tmp_path / "memory", stdin=text)
        assert (done.status, done.out) == (2, b"")
        assert "plan" in done.err
        assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(apeitool, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    plan = b'plan = "bert"\nmemory = 0\n'
    for folder in (tmp_path / "file", tmp_path / "file/below"):
        done = apeitool("encode", "-", "--memory", folder, stdin=plan)
        assert done.status in (1, 2)
        assert done.out == b""
        assert str(folder) in done.err


# ---- decode --to toml


EVERYTHING = captured.everything()


@pytest.mark.parametrize(
    ("cls", "name", "data"), EVERYTHING, ids=[name for _, name, _ in EVERYTHING]
)
def test_any_object_can_be_had_to_edit(apeitool, cls, name, data) -> None:
    found = apeitool("decode", "-", "--to", "toml", stdin=data)
    assert (found.status, found.err) == (0, "")
    assert found.text.startswith("# ")
    again = apeitool("encode", "-", stdin=found.out)
    assert (again.status, again.out, again.err) == (0, data, "")


@every
def test_a_built_table_can_be_had_to_edit(apeitool, name, preset) -> None:
    data = build({"plan": name, "preset": preset}).table.to_bytes()
    text = apeitool("decode", "-", "--to", "toml", stdin=data).text
    assert apeitool("encode", "-", stdin=text.encode()).out == data
    edited = text.replace("oem_revision = 0x1", "oem_revision = 0x7")
    table = apei.decode(apeitool("encode", "-", stdin=edited.encode()).out)
    assert (table.oem_revision, table.problems) == (7, ())


def test_several_objects(apeitool, tmp_path) -> None:
    things = [example(kind) for kind in ("hest", "block", "record", "erst")]
    for index, thing in enumerate(things):
        (tmp_path / f"{index}.bin").write_bytes(thing.to_bytes())
    found = apeitool("decode", tmp_path, "--to", "toml")
    assert (found.status, found.err) == (0, "")
    listed = tomllib.loads(found.text)["items"]
    assert [item["kind"] for item in listed] == ["Hest", "StatusBlock", "Record", "Erst"]
    again = apeitool("encode", "-", stdin=found.out)
    assert (again.status, again.err) == (0, "")
    assert again.out == b"".join(thing.to_bytes() for thing in things)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("items = 5", "kind is missing"),
        ("items = [5]", "items[0]"),
        ('[[items]]\nkind = "Hest"\n[[items]]\nkind = "Hest"\nnosuch = 1', "items[1].nosuch"),
    ],
)
def test_items_that_are_none(apeitool, text, said) -> None:
    done = apeitool("encode", "-", stdin=text.encode())
    assert (done.status, done.out) == (1, b"")
    assert said in done.err


def test_nothing_decoded_is_nothing_written(apeitool, tmp_path) -> None:
    done = apeitool("decode", "-", "--to", "toml", stdin=b"nonsense")
    assert (done.status, done.out) == (1, b"")
