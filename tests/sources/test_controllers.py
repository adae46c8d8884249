"""Which controller is in charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.controllers import LOOK_BACK, Controllers

if TYPE_CHECKING:
    from tests.conftest import ManualClock

FIRST, SECOND, THIRD = URLS = ("http://ctl1", "http://ctl2", "http://ctl3")


@pytest.fixture
def controllers(clock: ManualClock) -> Controllers:
    return Controllers(URLS, monotonic=clock)


def test_at_first_they_are_asked_as_the_config_names_them(controllers: Controllers) -> None:
    """And none is said to answer."""
    assert controllers.turns() == [FIRST, SECOND, THIRD]
    assert controllers.active() == dict.fromkeys(URLS, False)


def test_the_one_that_answered_last_is_asked_first(controllers: Controllers) -> None:
    """The others keep their order behind it."""
    controllers.answered(THIRD)

    assert controllers.turns() == [THIRD, FIRST, SECOND]
    assert controllers.active() == {FIRST: False, SECOND: False, THIRD: True}


def test_one_that_answers_no_longer_is_remembered_but_not_active(controllers: Controllers) -> None:
    """It will most likely be the one that answers again."""
    controllers.answered(SECOND)
    controllers.none_answered()

    assert controllers.turns()[0] == SECOND
    assert not any(controllers.active().values())


def test_each_change_counts_as_a_failover_and_finding_the_first_one_does_not(
    controllers: Controllers,
) -> None:
    """There and back are two."""
    counts = []
    for url in (SECOND, SECOND, FIRST, SECOND):
        controllers.answered(url)
        controllers.none_answered()
        counts.append(controllers.failovers)

    assert counts == [0, 0, 1, 2]


def test_the_first_is_looked_for_now_and_then_while_another_answers(
    controllers: Controllers, clock: ManualClock
) -> None:
    """By one of all that ask, and not at once after it was lost."""
    controllers.answered(FIRST)
    clock.advance(2 * LOOK_BACK)
    controllers.answered(SECOND)
    assert controllers.missed() is None

    clock.advance(LOOK_BACK)
    controllers.answered(SECOND)
    assert [controllers.missed(), controllers.missed()] == [FIRST, None]

    clock.advance(LOOK_BACK)
    assert controllers.missed() == FIRST


def test_the_first_is_not_looked_for_while_it_answers_or_nobody_does(
    controllers: Controllers, clock: ManualClock
) -> None:
    """It is asked first then anyway."""
    assert controllers.missed() is None
    controllers.answered(FIRST)
    clock.advance(2 * LOOK_BACK)
    assert controllers.missed() is None
