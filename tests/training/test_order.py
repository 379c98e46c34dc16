import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.training.batches import Order

orders = st.builds(Order, st.integers(1, 40), st.integers(1, 12), st.integers(1, 3), st.integers(0, 5))


@pytest.mark.parametrize(
    ("samples", "batch", "expected"),
    [(8, 4, 2), (10, 4, 3), (9, 4, 2), (1, 4, 1), (1, 1, 1), (3, 1, 3), (3, 4, 1)],
)
def test_a_last_batch_of_one_sample_is_left_out(samples, batch, expected):
    order = Order(samples, batch, epochs=2, seed=0)
    assert order.steps_per_epoch == expected
    assert order.steps == 2 * expected == len(list(order.jobs()))


@given(orders)
def test_every_sample_comes_once_an_epoch(order):
    for epoch in range(order.epochs):
        seen = [index for job in order.jobs() if job.epoch == epoch for index in job.indices]
        left_out = int(order.samples > order.batch > 1 and order.samples % order.batch == 1)
        assert len(seen) == len(set(seen)) == order.samples - left_out
        assert set(seen) <= set(range(order.samples))


@given(orders, st.data())
def test_an_order_can_be_entered_anywhere(order, data):
    start = data.draw(st.integers(0, order.steps))
    assert list(order.jobs(start)) == list(order.jobs())[start:]


def test_epochs_and_seeds_have_orders_of_their_own():
    first, second = (job.indices for job in Order(50, 50, epochs=2, seed=0).jobs())
    (other,) = (job.indices for job in Order(50, 50, epochs=1, seed=1).jobs())
    assert len({first, second, other}) == 3
