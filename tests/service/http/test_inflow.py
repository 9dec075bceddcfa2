import pytest

from service.errors import Overloaded
from service.http.inflow import Inflow


def test_as_much_as_eight_of_the_largest_bodies_may_be_there_at_once() -> None:
    inflow = Inflow(max_body_bytes=1000)
    for _ in range(80):
        inflow.take(100)
    with pytest.raises(Overloaded) as refused:
        inflow.take(1)
    assert refused.value.retry_after_s >= 1.0
    assert inflow.held_bytes == 8000
    inflow.give_back(100)
    inflow.take(100)
