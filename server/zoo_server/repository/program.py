"""A program: one capability of a loaded model as functions over batches, checked against the card once, at load."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pixelzoo.v1 import capability_pb2, card_pb2, image_pb2
from zoo_server.repository.contract import ContractError, kind_name
from zoo_server.repository.function import Function, TensorSpec

_DTYPES = {
    image_pb2.DATA_TYPE_UINT8: "uint8",
    image_pb2.DATA_TYPE_INT32: "int32",
    image_pb2.DATA_TYPE_INT64: "int64",
    image_pb2.DATA_TYPE_FLOAT32: "float32",
}


@dataclass(frozen=True, eq=False)
class Program:
    """What the engine runs: `begin`, then `advance` until step == steps, then `finish`.

    A one-shot capability has no `begin` and no `advance`: its items are done as they come, and `finish` is all.
    """

    model: str
    capability: capability_pb2.Capability
    buckets: tuple[int, ...]
    begin: Function | None
    advance: Function | None
    preview: Function | None
    finish: Function

    @property
    def name(self) -> str:
        """The contract's name of the capability, such as "sample"."""
        return kind_name(self.capability.kind)

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """The tensors that an item brings, with their leading item axis."""
        return (self.begin or self.finish).inputs


def bind(
    card: card_pb2.ModelCard, capability: capability_pb2.Capability, signatures: Mapping[str, Any]
) -> Program:
    """The program of one capability of the card; raises ContractError where the signatures differ from the card.

    `signatures` are those of `tf.saved_model.load(path)`.
    """
    name = kind_name(capability.kind)

    def function(suffix: str) -> Function:
        if name + suffix not in signatures:
            raise ContractError(f"capability {name!r}: the SavedModel has no signature {name + suffix!r}")
        return Function(name + suffix, signatures[name + suffix])

    begin = advance = preview = None
    if capability.iterative:
        begin, advance, finish = function("_begin"), function("_advance"), function("_finish")
        preview = function("_preview") if capability.previews else None
        _check_state(begin, advance, finish, preview)
        if capability.kind == capability_pb2.CAPABILITY_KIND_SAMPLE:
            function("")  # The whole run in one call, for those who have no server.
    else:
        finish = function("")
    _check_inputs(begin or finish, card, capability)
    _check_outputs(finish, card, capability)
    if preview is not None:
        _expect(preview, preview.outputs, {"image": _image(card.image_shape)}, "give")
    buckets = tuple(card.batch_lane.buckets)
    return Program(card.model, capability, buckets, begin, advance, preview, finish)


def _check_state(begin: Function, advance: Function, finish: Function, preview: Function | None) -> None:
    state = begin.outputs
    for name in ("step", "steps"):
        if state.get(name) != TensorSpec("int32", (None,)):
            raise ContractError(
                f"signature {begin.name!r} must give {name!r} as int32[n]; it gives {state.get(name)}"
            )
    _expect(advance, advance.inputs, state, "take")
    _expect(advance, advance.outputs, state, "give")
    for function in (finish, preview):
        if function is not None:
            _expect(
                function,
                function.inputs,
                {name: state[name] for name in function.inputs if name in state},
                "take",
            )


def _check_inputs(first: Function, card: card_pb2.ModelCard, capability: capability_pb2.Capability) -> None:
    required: dict[str, TensorSpec] = {option.name: _option(option) for option in capability.options}
    optional: dict[str, TensorSpec] = {}
    seed, label = {"seed": TensorSpec("int64", (None,))}, {"label": TensorSpec("int32", (None,))}
    match capability.kind:
        case capability_pb2.CAPABILITY_KIND_SAMPLE:
            required |= seed
            (required if card.conditional else optional).update(label)
        case capability_pb2.CAPABILITY_KIND_TRANSLATE:
            required["image"] = _image(capability.translation.input_shape)
            optional |= seed | label
        case capability_pb2.CAPABILITY_KIND_SCORE:
            required["image"] = _image(card.image_shape)
            optional |= seed | label
        case capability_pb2.CAPABILITY_KIND_ENCODE:
            required["image"] = _image(card.image_shape)
        case capability_pb2.CAPABILITY_KIND_DECODE:
            required["latent"] = _latent(capability)
    present = {name: spec for name, spec in optional.items() if name in first.inputs}
    _expect(first, first.inputs, required | present, "take")


def _check_outputs(finish: Function, card: card_pb2.ModelCard, capability: capability_pb2.Capability) -> None:
    match capability.kind:
        case capability_pb2.CAPABILITY_KIND_SCORE:
            for score in capability.scores:
                spec = finish.outputs.get(score.name)
                if spec is None or spec.dtype != "float32" or len(spec.shape) not in (1, 2):
                    raise ContractError(
                        f"signature {finish.name!r} must give score {score.name!r} as float32[n] or float32[n, k]; "
                        f"it gives {spec}"
                    )
                if score.kind == capability_pb2.SCORE_KIND_CLASS_PROBABILITY:
                    _check_classes(finish, score.name, spec, card)
        case capability_pb2.CAPABILITY_KIND_ENCODE:
            _expect(finish, finish.outputs, {"latent": _latent(capability)}, "give")
        case capability_pb2.CAPABILITY_KIND_TRANSLATE:
            channels = card.image_shape.channels
            _expect(
                finish, finish.outputs, {"image": TensorSpec("uint8", (None, None, None, channels))}, "give"
            )
        case _:
            _expect(finish, finish.outputs, {"image": _image(card.image_shape)}, "give")


def _check_classes(finish: Function, score: str, spec: TensorSpec, card: card_pb2.ModelCard) -> None:
    classes = len(card.classes)
    if len(spec.shape) != 2 or spec.shape[1] not in (None, classes):
        raise ContractError(
            f"signature {finish.name!r} must give score {score!r} as float32[n, {classes}], an entry for each class of "
            f"the card; it gives {spec}"
        )


def _expect(
    function: Function, found: Mapping[str, TensorSpec], wanted: Mapping[str, TensorSpec], verb: str
) -> None:
    """Refuse unless `found` has the names of `wanted`, and each its type and a shape that allows the wanted one."""
    if found.keys() != wanted.keys():
        raise ContractError(
            f"signature {function.name!r} must {verb} the tensors {sorted(wanted)}; it has {sorted(found)}"
        )
    for name, want in wanted.items():
        have = found[name]
        if have.dtype != want.dtype or not _allows(have.shape, want.shape):
            raise ContractError(f"signature {function.name!r} must {verb} {name!r} as {want}; it has {have}")


def _allows(have: tuple[int | None, ...], want: tuple[int | None, ...]) -> bool:
    """Whether tensors of shape `want` can pass where `have` is declared; the leading item axis must stay open."""
    if len(have) != len(want) or have[:1] != (None,):
        return False
    return all(a is None or b is None or a == b for a, b in zip(have, want, strict=True))


def _image(shape: image_pb2.ImageShape) -> TensorSpec:
    return TensorSpec("uint8", (None, shape.height or None, shape.width or None, shape.channels))


def _latent(capability: capability_pb2.Capability) -> TensorSpec:
    dtype = _DTYPES.get(capability.latent.data_type)
    if dtype not in ("float32", "int32"):
        raise ContractError(
            f"capability {kind_name(capability.kind)!r}: its latents must be FLOAT32 or INT32"
        )
    return TensorSpec(dtype, (None, *capability.latent.shape))


def _option(option: capability_pb2.Option) -> TensorSpec:
    match option.WhichOneof("spec"):
        case "real":
            return TensorSpec("float32", (None,))
        case "image":
            return _image(option.image.shape)
        case _:
            return TensorSpec("int32", (None,))
