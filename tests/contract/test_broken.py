"""A declaration that breaks a rule does not pass: each check is seen to fail."""

from types import ModuleType
from typing import Annotated, Any
from uuid import UUID

import broken
import declarations
import discovery
import pytest
import rules
from hypothesis import HealthCheck, Phase, given, settings
from strategies import encodings, instances

from apeitool.cper import discover, sections
from apeitool.cper.section import Section
from apeitool.errors import EncodeError
from apeitool.wire import record
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    NIL,
    U8,
    Bytes,
    Derived,
    Hex,
    Many,
    Rest,
    When,
    u8,
    u16,
    u32,
)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"rest": (Rest, b""), "number": U8}, "fixed fields come before parts"),
        ({"number": int}, "no wire kind"),
        ({"number": Annotated[int, "a number", Hex]}, "no wire kind"),
        ({"number": (U8, ...)}, "needs a default"),
        ({"number": Annotated[int, u8, u16]}, "more than one wire kind"),
        ({"number": Annotated[int, u8, 5]}, "no fact about a field"),
        ({"number": "U8"}, "no wire kind"),
        ({"size": U8}, "means something else"),
        ({"items": U8}, "means something else"),
    ],
)
def test_refused_at_once(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        broken.declare(**fields)


def declared_again(annotation: Any, default: Any) -> Any:
    space = {
        "__annotations__": {"number": annotation},
        "number": default,
        "__module__": __name__,
    }
    return type(Structure)("Again", (broken.Good,), space)


def test_a_base_keeps_its_fields() -> None:
    for other in (U8, Annotated[bytes, Bytes(4)], Rest):
        with pytest.raises(TypeError, match="declared by a base, as another kind"):
            declared_again(other, 0)


def test_a_subclass_may_name_the_values_of_a_field() -> None:
    again = declared_again(Annotated[broken.Values, u32], broken.Values(1))
    assert [f.name for f in again.fields] == [f.name for f in broken.Good.fields]
    assert again.fixed_size == broken.Good.fixed_size
    data = broken.Good(number=1).to_bytes()
    assert isinstance(again.from_bytes(data).number, broken.Values)
    assert again().to_bytes() == again.from_bytes(data).to_bytes() == data


def test_a_list_of_what_may_take_no_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="any number"):
        Many(broken.Open)


def test_a_part_is_not_nested() -> None:
    with pytest.raises(TypeError, match="no fixed size"):
        broken.declare(inner=(broken.Open, broken.Open()))


@pytest.mark.parametrize("cls", [broken.Good, broken.Pair, broken.Integers])
def test_a_good_one_passes(cls) -> None:
    for rule in declarations.DECLARING:
        rule(cls)
    for rule in (*rules.READING, rules.every_cut_has_an_answer):
        search(rule, cls)


@given(instances(broken.Integers))
def test_integers_of_every_width(item) -> None:
    for rule in rules.BUILDING:
        rule(item)
    data = item.to_bytes()
    assert item.three == int.from_bytes(data[3:6], "little")
    assert item.threes[2] == int.from_bytes(data[51:54], "little")
    assert item.pair.low == int.from_bytes(data[82:85], "little")


def test_one_array_does_not_lend_to_another() -> None:
    with pytest.raises(EncodeError) as caught:
        broken.Integers(ones=(1, 2), twos=(1, 2, 3, 4)).to_bytes()
    assert caught.value.path == "Integers.ones"


FAILS = (AssertionError, pytest.fail.Exception)


def search(rule, cls: type[Structure]) -> None:
    """Run a rule as `test_structures` does."""

    @given(encodings(cls))
    @settings(
        max_examples=200,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(data: bytes) -> None:
        rule(cls, data)

    run()


@pytest.mark.parametrize(
    ("rule", "cls", "expected"),
    [
        (rules.what_is_read_is_written, broken.with_part(broken.Loses()), FAILS),
        (rules.what_is_read_is_written, broken.WrongSize, FAILS),
        (rules.the_fast_path_is_construct, broken.with_part(broken.Twofold()), FAILS),
        (rules.what_lies_around_is_not_seen, broken.with_part(broken.Peeks()), FAILS),
        (rules.every_byte_has_one_owner, broken.Overlaps, FAILS),
        (rules.every_cut_has_an_answer, broken.with_part(broken.Trips()), IndexError),
        (rules.problems_point_inside, broken.Raises, ZeroDivisionError),
        (rules.problems_point_inside, broken.Elsewhere, FAILS),
        (rules.problems_point_inside, broken.Nowhere, FAILS),
        (rules.problems_point_inside, broken.Groundless, FAILS),
        (rules.it_is_a_value, broken.Open2, FAILS),
        (rules.it_is_a_value, broken.Unequal, FAILS),
        (rules.looking_is_harmless, broken.Mute, KeyError),
        (rules.sealing_settles, broken.Drifts, FAILS),
        (rules.sealing_settles, broken.Unsettled, FAILS),
        (rules.sealing_settles, broken.Unread, FAILS),
    ],
)
def test_bytes_show_it(rule, cls, expected) -> None:
    with pytest.raises(expected):
        search(rule, cls)


@pytest.mark.parametrize(
    ("rule", "cls", "expected"),
    [
        (declarations.it_says_what_it_is, broken.Silent, FAILS),
        (declarations.it_says_what_it_is, broken.Sourceless, FAILS),
        (declarations.its_shape_is_true, broken.Misshapen, FAILS),
        (declarations.its_shape_is_true, broken.Misraised, FAILS),
        (declarations.what_is_derived_is_left_out, broken.declare(number=(U8, AUTO)), FAILS),
        (
            declarations.what_is_derived_is_left_out,
            broken.declare(number=(Annotated[U8, Derived(lambda s: 1)], 0)),
            FAILS,
        ),
        (declarations.what_is_derived_is_left_out, broken.declare(number=(U8, 256)), EncodeError),
        (
            declarations.validity_has_a_governor,
            broken.declare(number=Annotated[U8, When(broken.Flags.FIRST)]),
            FAILS,
        ),
        (
            declarations.names_fit_their_numbers,
            broken.declare(number=Annotated[broken.Values, u8]),
            FAILS,
        ),
        (
            declarations.names_fit_their_numbers,
            broken.declare(number=Annotated[U8, broken.Overlapping]),
            FAILS,
        ),
        (
            declarations.names_fit_their_numbers,
            broken.declare(number=Annotated[U8, broken.Wide]),
            FAILS,
        ),
        (
            declarations.names_fit_their_numbers,
            broken.declare(number=(Annotated[bytes, Bytes(1), broken.Wide], b"\0")),
            FAILS,
        ),
        (declarations.a_section_takes_the_rest, broken.Headless, FAILS),
        (declarations.a_section_takes_the_rest, broken.Bounded, FAILS),
        (declarations.a_field_owns_its_bytes, broken.Shared, FAILS),
        (declarations.what_does_not_fit_is_refused, broken.Truncates, FAILS),
    ],
)
def test_the_declaration_shows_it(rule, cls, expected) -> None:
    with pytest.raises(expected):
        rule(cls)


def test_discovery_finds_what_a_module_declares() -> None:
    module = ModuleType(broken.__name__)
    module.Good, module.Open, module.Section = broken.Good, broken.Open, Section
    module.Structure, module.number = Structure, 5
    assert discovery.declared(Structure, [module]) == [broken.Good, broken.Open]


MODULE = """
from typing import ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.types import Rest

class {name}(Section):
    guid: ClassVar[UUID] = UUID("{guid}")
    data: Rest = b""
"""


def test_two_sections_do_not_share_a_guid(tmp_path, monkeypatch) -> None:
    guid = UUID(int=0x5EC7104)
    (tmp_path / "first_section.py").write_text(MODULE.format(name="First", guid=guid))
    monkeypatch.setattr(sections, "__path__", [str(tmp_path)])
    monkeypatch.setattr(record, "_NAMED", dict(record._NAMED))
    assert discover.discover() == {str(guid): "sections.first_section:First"}
    (tmp_path / "second_section.py").write_text(MODULE.format(name="Second", guid=guid))
    with pytest.raises(TypeError, match="share"):
        discover.discover()


def test_no_section_type_is_nil() -> None:
    assert str(NIL) not in discover.discover()
