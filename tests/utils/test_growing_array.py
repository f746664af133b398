"""Pieces come in and one tensor comes out, without a small tensor kept for each of them."""

import torch

from ai_mixer.utils.growing_array import MIN_CAPACITY, GrowingArray


def test_all_pieces_in_their_order():
    numbers = torch.randn(2, 3 * MIN_CAPACITY)
    gathered = GrowingArray()
    for piece in numbers.split([0, 1, 7, MIN_CAPACITY, 2 * MIN_CAPACITY - 8], -1):
        gathered.push(piece)
    assert gathered.read().equal(numbers)


def test_memory_is_asked_for_in_large_pieces_only():
    gathered, places = GrowingArray(), set()
    for number in range(1000):
        gathered.push(torch.full((300,), float(number)))
        places.add(gathered.read().data_ptr())
    assert len(places) <= 4
    assert gathered.read().view(1000, 300)[:, 0].equal(torch.arange(1000.0))


def test_its_kind_is_that_of_the_pieces():
    gathered = GrowingArray()
    assert gathered.read().shape == (0,)
    gathered.push(torch.ones(1, 2, dtype=torch.float64))
    assert gathered.read().dtype == torch.float64
