import numpy as np

from zoo.data.order import seed_base, shuffled_index


def test_every_epoch_holds_each_item_once_in_an_order_of_its_own():
    size = 1797
    index = shuffled_index(np.arange(3 * size), size, run_seed=5).numpy().reshape(3, size)
    for epoch in index:
        assert sorted(epoch) == list(range(size))
    # By chance, about one item in each pair of epochs keeps its place.
    assert np.sum(index[0] == index[1]) < 10
    assert np.sum(index[1] == index[2]) < 10
    assert np.sum(index[0] == np.arange(size)) < 10


def test_the_order_depends_on_the_runs_seed_and_on_nothing_else():
    positions = np.arange(100)
    first = shuffled_index(positions, 1000, run_seed=0).numpy()
    np.testing.assert_array_equal(first[40:], shuffled_index(positions[40:], 1000, run_seed=0).numpy())
    assert np.mean(first == shuffled_index(positions, 1000, run_seed=1).numpy()) < 0.1


def test_one_item_is_its_own_order():
    np.testing.assert_array_equal(shuffled_index(np.arange(4), 1, run_seed=9), [0, 0, 0, 0])


def test_seed_bases_leave_room_and_lie_far_apart():
    bases = np.array([seed_base(seed) for seed in range(1000)])
    assert bases.min() >= 0
    assert bases.max() < 2**62
    # No two of a thousand runs, of a billion items each, share an item's noise; nor do they use people's small seeds.
    assert np.diff(np.sort(np.append(bases, 0))).min() > 10**9
