"""Records one after the other, as fast as a real kernel takes them: none is lost, and the print limit stays on."""

import pytest

import apeitool as apei
from apeitool.lab.bench import Result, measure
from apeitool.lab.images import Images

pytestmark = pytest.mark.guest

Kind = apei.NotificationType
RECORDS = 500
WINDOW, BURST = 5.0, 2


def is_whole(result: Result, records: int) -> None:
    assert (result.sent, result.acknowledged, result.traced) == (records, records, records)
    assert (result.lost, result.twice) == (0, 0)
    # Of one severity two are printed in five seconds.
    assert result.printed <= BURST * (1 + result.seconds // WINDOW)
    print(f"{result.notification.text}: {result.rate:.0f} a second, {result.first_line:.2f} s")


@pytest.mark.parametrize("kind", [Kind.NMI, Kind.EXTERNAL_INTERRUPT, Kind.GSIV], ids=str)
def test_none_is_lost_on_x86(lab_images: Images, kind) -> None:
    is_whole(measure(lab_images, kind, records=RECORDS, seconds=60), RECORDS)


def test_none_is_lost_on_arm64(arm64_images: Images) -> None:
    is_whole(measure(arm64_images, Kind.GSIV, records=RECORDS, seconds=60), RECORDS)


def test_none_is_lost_that_is_polled_for(lab_images: Images) -> None:
    result = measure(lab_images, Kind.POLLED, records=4, seconds=60)
    assert (result.sent, result.traced, result.lost) == (4, 4, 0)
