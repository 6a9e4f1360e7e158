import dataclasses

import numpy as np
import pytest

from zoo.metrics.measurement import Measurement, ProtocolMismatch, mean_of, over_repeats

PROTOCOL = {"data": "digits", "samples": 10_000, "extractor": "digits classifier 55bb"}


def figure(value, error=None, name="distance", unit="", subject=None, **changes):
    return Measurement(name, value, error, unit, {**PROTOCOL, **changes}, subject or {})


def test_differences_and_ratios_carry_their_errors():
    difference = figure(5.0, 0.3) - figure(3.0, 0.4)
    assert (difference.value, difference.standard_error) == (2, pytest.approx(0.5))
    assert difference.name == "distance_difference"
    ratio = figure(6.0, 0.6).ratio(figure(3.0, 0.3))
    assert ratio.value == 2
    assert ratio.standard_error == pytest.approx(2 * np.hypot(0.1, 0.1))
    assert (figure(6.0) - figure(5.0, 0.1)).standard_error is None


def test_order():
    assert figure(1.0) < figure(2.0)
    assert figure(2.0) > figure(1.0)
    assert not figure(2.0) < figure(2.0)


@pytest.mark.parametrize(
    "compare",
    [
        lambda a, b: a - b,
        lambda a, b: a.ratio(b),
        lambda a, b: a < b,
        lambda a, b: a > b,
        lambda a, b: over_repeats([a, b]),
    ],
)
def test_figures_of_different_protocols_are_not_compared(compare):
    with pytest.raises(ProtocolMismatch) as caught:
        compare(figure(1.0), figure(2.0, samples=2000, split="test"))
    message = str(caught.value)
    for part in ("samples", "10000", "2000", "split None", "'test'"):
        assert part in message
    # What agrees is not named.
    assert "extractor" not in message


@pytest.mark.parametrize(("change", "part"), [({"name": "score"}, "name"), ({"unit": "dB"}, "unit 'dB'")])
def test_nor_are_different_figures(change, part):
    with pytest.raises(ProtocolMismatch, match=part):
        figure(1.0, **change) - figure(1.0)


def test_what_is_measured_may_differ():
    """The options of a sampler are what one compares."""
    assert figure(1.0, subject={"options": "steps 20"}) < figure(2.0, subject={"options": "steps 50"})


def test_over_repeats():
    mean = over_repeats([figure(value, 9.0) for value in (1.0, 2.0, 3.0)])
    assert mean.value == 2
    assert mean.standard_error == pytest.approx(1 / np.sqrt(3))
    assert mean.protocol["repeats"] == 3
    with pytest.raises(ProtocolMismatch, match="repeats 3 against None"):
        mean - figure(1.0)
    with pytest.raises(ValueError, match="two figures or more"):
        over_repeats([figure(1.0)])


def test_the_mean_over_images():
    mean = mean_of("bits_per_dim", np.array([1.0, 2.0, 3.0, 4.0]), "bits/dim", PROTOCOL)
    assert mean.value == 2.5
    assert mean.standard_error == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)
    share = mean_of("precision", np.array([True, False, True, True]), "", PROTOCOL)
    assert share.value == 0.75


def test_a_figure_cannot_be_changed_afterwards():
    protocol = dict(PROTOCOL)
    made = Measurement("distance", 1.0, protocol=protocol)
    protocol["samples"] = 5
    assert made.protocol["samples"] == 10_000
    with pytest.raises(TypeError):
        made.protocol["samples"] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.value = 2.0


def test_in_words():
    made = figure(2.71828, 0.05, unit="bits/dim", subject={"options": "steps 20"})
    assert str(made) == "distance 2.718 ± 0.05 bits/dim"
    assert made.protocol_text == (
        "data digits; samples 10000; extractor digits classifier 55bb; options steps 20"
    )
