"""What is measured of which model, and what comes out where the answer is known."""

import json
import shutil

import numpy as np
import pytest

from zoo import contract
from zoo.data.degradation import low_resolution
from zoo.evaluation import Bench, as_metric, measure, open_baseline, open_model, write_metrics
from zoo.metrics import extractor, fidelity
from zoo.metrics.measurement import Measurement, ProtocolMismatch

SAMPLE_MEASURES = {
    "frechet_classifier_distance", "classifier_score", "precision", "recall", "density", "coverage", "gan_test",
    "cas", "cas_of_real_images", "cas_ratio",
}  # fmt: skip


def figures(path, only=(), options=None, **settings):
    """The figures of an exported model, by name; the first where a name comes twice."""
    taken, left_out = measure(Bench(*open_model(path, options), **settings), only)
    assert not left_out
    return {figure.name: figure for figure in reversed(taken)}


@pytest.fixture(scope="module")
def of_means(noisy_means):
    """Everything that is measured of a model that draws noisy class means."""
    return figures(noisy_means, samples=200, images=60)


def test_a_model_that_draws_by_class_is_measured_by_all_that_it_can_do(of_means):
    assert set(of_means) == {"bits_per_dim", "class_probability_accuracy", *SAMPLE_MEASURES}


def test_means_are_of_the_right_class_and_teach_and_cover_little(of_means):
    assert of_means["gan_test"].value > 0.95
    assert of_means["cas_ratio"].value > 0.6
    assert of_means["coverage"].value < 0.4
    ratio = of_means["cas"].value / of_means["cas_of_real_images"].value
    assert of_means["cas_ratio"].value == pytest.approx(ratio)


def test_every_figure_says_how_it_was_measured(of_means):
    distance = of_means["frechet_classifier_distance"]
    digest = extractor.find("digits", (8, 8, 1)).digest
    assert dict(distance.protocol) == {
        "data": "digits 8x8x1",
        "reference": "447 test images",
        "samples": 200,
        "seeds": "0 .. 199",
        "extractor": f"digits classifier {digest[:12]}",
    }
    assert dict(distance.subject) == {
        "labels": "each class equally often",
        "options": "noise 20, style plain",
    }
    for figure in of_means.values():
        assert figure.protocol["data"] == "digits 8x8x1"
        assert figure.standard_error is not None
        assert len(figure.protocol_text) <= 1000


def test_scores_are_those_of_the_test_images_at_each_accuracy(noisy_means):
    taken, _ = measure(Bench(*open_model(noisy_means), images=50), ["scores"])
    bits = {figure.protocol["timesteps"]: figure for figure in taken if figure.name == "bits_per_dim"}
    # The default, and the most accurate; a discriminator's logit has no mean worth a row.
    assert {steps: figure.value for steps, figure in bits.items()} == {
        2: pytest.approx(3.5),
        10: pytest.approx(3.1),
    }
    assert bits[2].unit == "bits/dim"
    assert bits[2].protocol["images"] == "first 50 of the test split"
    with pytest.raises(ProtocolMismatch, match="timesteps 2 against 10"):
        bits[2] - bits[10]


def test_options_of_the_sampler_are_what_one_compares(noisy_means, of_means):
    quiet = figures(noisy_means, ["frechet"], {"noise": "0", "style": "fancy"}, samples=200)[
        "frechet_classifier_distance"
    ]
    assert quiet.subject["options"] == "noise 0, style fancy"
    assert of_means["frechet_classifier_distance"] < quiet  # without any noise there are ten images
    fewer = figures(noisy_means, ["frechet"], samples=100)["frechet_classifier_distance"]
    with pytest.raises(ProtocolMismatch, match="samples 200 against 100"):
        quiet.ratio(fewer)


def test_the_samples_are_those_of_their_seeds(noisy_means):
    subject, data = open_model(noisy_means)
    second = Bench(subject, data, samples=6, repeats=2).drawn(1)
    assert second.label.tolist() == [0, 1, 2, 3, 4, 5]
    alone = subject.model.ask("sample", {"seed": np.array([8]), "label": np.array([2])})["image"]
    assert np.array_equal(second.image[2], alone[0])


def test_several_seeds_give_a_mean_and_its_error():
    def frechet(repeats):
        bench = Bench(*open_baseline("pca_gaussian", "digits"), samples=100, repeats=repeats)
        (figure,), _ = measure(bench, ["frechet"])
        return figure

    one, three = frechet(1), frechet(3)
    assert three.value == pytest.approx(one.value, abs=6 * max(three.standard_error, one.standard_error))
    assert (three.protocol["seeds"], three.protocol["repeats"]) == ("0 .. 299", 3)
    with pytest.raises(ProtocolMismatch, match=r"seeds '0 \.\. 299' against '0 \.\. 99'"):
        three.ratio(one)


def test_baselines_stand_in_the_order_that_they_should():
    found = {}
    for name in ("real", "pca_gaussian", "class_mean", "constant"):
        bench = Bench(*open_baseline(name, "digits"), samples=400)
        taken, _ = measure(bench, ["frechet", "density_coverage", "gan_test"])
        found[name] = {figure.name: figure.value for figure in taken}
    distances = [figure["frechet_classifier_distance"] for figure in found.values()]
    assert distances == sorted(distances)
    assert found["real"]["coverage"] > found["pca_gaussian"]["coverage"] > found["constant"]["coverage"]
    # A class mean passes for its class, and covers nothing: one figure alone proves little.
    assert found["class_mean"]["gan_test"] > 0.9
    assert found["class_mean"]["coverage"] < 0.2


def test_real_images_teach_as_much_as_real_images():
    taken, _ = measure(Bench(*open_baseline("real", "digits"), samples=400), ["cas"])
    score, ceiling, ratio = (figure.value for figure in taken)
    assert ratio == pytest.approx(1, abs=0.03)
    assert score == pytest.approx(ceiling, abs=0.03)
    assert ceiling > 0.8


def test_the_codes_of_the_test_images(coder):
    found = figures(coder)
    image = open_model(coder)[1].arrays("test")[0]
    codes = image.reshape(-1, 2, 4, 2, 4).mean(axis=(2, 4)) // 16
    _, counts = np.unique(codes, return_counts=True)
    share = counts / counts.sum()
    assert found["codebook_perplexity"].value == pytest.approx(np.exp(-(share * np.log(share)).sum()))
    assert found["codes_used"].value == len(counts)


def test_a_translator_that_does_nothing_comes_back_and_does_not_arrive(translators):
    found = figures(translators["idle"])
    assert found["target_class"].value < 0.1
    assert found["cycle_l1"].value < 0.01  # the noise alone: it was there twice, and rounded
    assert found["cycle_retrieval"].value > 0.95
    assert found["frechet_classifier_distance"].value == pytest.approx(
        found["frechet_classifier_distance_of_source"].value
    )


def test_a_constant_arrives_and_does_not_come_back(translators):
    found = figures(translators["constant"])
    assert found["target_class"].value == 1
    assert found["cycle_l1"].value > 0.03
    assert found["cycle_retrieval"].value < 0.1
    # It is the very constant that is measured beside it.
    assert found["frechet_classifier_distance_ratio"].value == pytest.approx(1, abs=1e-3)


def test_both_directions_are_measured(translators):
    taken, _ = measure(Bench(*open_model(translators["idle"])))
    ways = [figure.protocol["direction"] for figure in taken if figure.name == "cycle_l1"]
    assert ways == ["0 to 1", "1 to 0"]


def test_an_enlarger_is_measured_beside_bicubic(enlarger):
    subject, data = open_model(enlarger)
    taken, _ = measure(Bench(subject, data))
    found = {figure.name: figure for figure in taken}
    names = ("psnr_y", "psnr_rgb", "ssim_y", "ssim_rgb", "feature_distance")
    suffixes = ("", "_of_bicubic", "_over_bicubic")
    assert set(found) == {name + suffix for name in names for suffix in suffixes} | {
        f"frechet_classifier_distance{suffix}" for suffix in suffixes[:2]
    }
    # Repeated pixels lose to bicubic on waves, and the mean difference is the difference of the means.
    for name in ("psnr_y", "ssim_rgb"):
        gain = found[f"{name}_over_bicubic"].value
        assert gain < 0
        assert gain == pytest.approx(found[name].value - found[f"{name}_of_bicubic"].value)
    original = data.arrays("test")[0]
    low = low_resolution(original, 4).numpy()
    each = [
        fidelity.psnr(one.repeat(4, 0).repeat(4, 1), two, shave=4)
        for one, two in zip(low, original, strict=True)
    ]
    assert found["psnr_rgb"].value == pytest.approx(np.mean(each))
    assert found["psnr_rgb"].protocol["input"] == "antialiased bicubic at 1/4, rounded to uint8"


def test_an_enlarger_in_features(enlarger, tmp_path):
    """Repeated pixels are blocks, and a classifier of clothes sees them in the luma."""
    found = figures(enlarger)
    assert found["feature_distance"].value > found["feature_distance_of_bicubic"].value > 0
    assert found["frechet_classifier_distance"].value > found["frechet_classifier_distance_of_bicubic"].value
    assert found["feature_distance"].protocol["extractor"].endswith(" on Y")
    space = tmp_path / "turns.npz"
    extractor.save(extractor.build(3, seed=0), space, source="waves", class_names=(), accuracy=0.25)
    other = figures(enlarger, ["upscaling"], space=str(space))["feature_distance"]
    assert other.protocol["extractor"].startswith("waves classifier ")
    with pytest.raises(ProtocolMismatch, match="extractor"):
        other - found["feature_distance"]


def test_without_a_feature_space_the_rest_is_measured_and_the_gap_is_named(noisy_means):
    taken, left_out = measure(Bench(*open_model(noisy_means), samples=4, images=4, space="/no/such.npz"))
    assert "bits_per_dim" in {figure.name for figure in taken}
    assert any(line.startswith("frechet was left out: /no/such.npz is not") for line in left_out)


def test_figures_in_a_card_take_the_place_of_their_own_kind(coder, tmp_path):
    model = shutil.copytree(coder, tmp_path / "coder" / "1")

    def metric(value, command, **protocol):
        return as_metric(Measurement("distance", value, 0.1, "", {"data": "digits", **protocol}), command)

    write_metrics(
        model, [metric(1.0, "first"), metric(2.0, "first", samples=5), metric(3.0, "second", samples=6)]
    )
    write_metrics(model, [metric(4.0, "first", samples=7)])
    assert [m.value for m in contract.read_card(model).metrics] == [3, 4]
    write_metrics(model, [metric(5.0, "third", samples=6)])
    assert [m.value for m in contract.read_card(model).metrics] == [4, 5]
    card = json.loads((model / contract.CARD).read_text())
    assert card["metrics"][0]["standardError"] == 0.1
