"""Layers on several threads: the same bits, and what a part raises is raised."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from embeddings import nn
from embeddings.nn.threads import in_parts


def test_any_number_of_threads_gives_the_same_bits():
    found = []
    x, grad = np.random.default_rng(0).normal(size=(2, 5, 21, 40)).astype(np.float32)
    for threads in (1, 2, 3):
        block = nn.TransformerBlock(40, 4, 70, norm="post", rng=np.random.default_rng(1))
        with threadpool_limits(threads):
            found.append([block(x), block.backward(grad), *(p.grad for p in block.parameters().values())])
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("begins_bad", [0, 4])
def test_a_part_that_fails_is_told(begins_bad):
    def function(begin, end):
        if begin == begins_bad:
            raise ValueError("a bad part")

    with threadpool_limits(2):
        for _ in range(2):
            with pytest.raises(ValueError, match="a bad part"):
                in_parts(8, function)
        seen = []
        in_parts(8, lambda begin, end: seen.append(end - begin))
    assert sum(seen) == 8


def test_parts_within_parts():
    seen = []
    with threadpool_limits(2):
        in_parts(4, lambda begin, end: in_parts(end - begin, lambda b, e: seen.append(e - b)))
    assert sum(seen) == 4
