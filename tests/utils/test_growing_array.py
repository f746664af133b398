"""Tests of `GrowingArray`."""

import torch

from ai_mixer.utils.growing_array import MIN_CAPACITY, GrowingArray


def test_read_returns_all_values_in_order():
    numbers = torch.randn(2, 3 * MIN_CAPACITY)
    array = GrowingArray()
    for part in numbers.split([0, 1, 7, MIN_CAPACITY, 2 * MIN_CAPACITY - 8], -1):
        array.push(part)
    assert array.read().equal(numbers)


def test_the_buffer_is_reallocated_rarely():
    array, addresses = GrowingArray(), set()
    for number in range(1000):
        array.push(torch.full((300,), float(number)))
        addresses.add(array.read().data_ptr())
    assert len(addresses) <= 4
    assert array.read().view(1000, 300)[:, 0].equal(torch.arange(1000.0))


def test_the_dtype_is_that_of_the_values():
    array = GrowingArray()
    assert array.read().shape == (0,)
    array.push(torch.ones(1, 2, dtype=torch.float64))
    assert array.read().dtype == torch.float64
