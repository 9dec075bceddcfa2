import pytest

from service.inference.costs import Costs


def test_the_first_observation_is_taken_as_it_is_and_later_ones_by_a_fifth() -> None:
    costs = Costs()
    assert costs.each_s("a") == 0.0
    costs.observe("a", 1.0)
    assert costs.each_s("a") == 1.0
    costs.observe("a", 2.0)
    assert costs.each_s("a") == pytest.approx(1.2)


def test_what_is_pending_adds_up_over_groups_and_goes_with_its_end() -> None:
    costs = Costs()
    costs.observe("slow", 3.0)
    costs.observe("fast", 0.5)
    for group in ("slow", "fast", "fast"):
        costs.add(group)
    assert costs.pending_s == pytest.approx(4.0)
    costs.remove("fast", 2)
    assert costs.pending_s == pytest.approx(3.0)
    costs.remove("slow")
    assert costs.pending_s == 0.0


def test_requests_that_came_before_their_group_was_known_count_for_what_it_turns_out_to_cost() -> None:
    costs = Costs()
    for _ in range(5):
        costs.add("new")
    assert costs.pending_s == 0.0
    costs.remove("new")
    costs.observe("new", 0.3)
    assert costs.pending_s == pytest.approx(1.2)
    costs.remove("new", 4)
    assert costs.pending_s == 0.0


def test_requests_count_by_what_their_cost_goes_by() -> None:
    costs = Costs()
    costs.observe("pixels", 0.5)
    costs.add("pixels", 6)
    costs.add("pixels", 2)
    assert costs.pending_s == pytest.approx(4.0)
    costs.observe("pixels", 1.0)
    assert costs.pending_s == pytest.approx(8 * 0.6)
    costs.remove("pixels", 6)
    assert costs.pending_s == pytest.approx(1.2)
    costs.remove("pixels", 2)
    assert costs.pending_s == 0.0


def test_a_million_small_sums_leave_nothing_behind() -> None:
    costs = Costs()
    for index in range(100_000):
        costs.observe("a", 0.1 + index % 7 * 0.013)
        costs.add("a")
        costs.add("a")
        costs.remove("a")
        costs.observe("a", 0.2)
        costs.remove("a")
        assert costs.pending_s >= 0.0
    assert costs.pending_s == 0.0
