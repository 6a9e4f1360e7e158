"""A SavedModel is a program: one that does more than compute is refused before TensorFlow reads any of it."""

import shutil
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from pixelzoo.v1.catalog_service_pb2 import MODEL_STATE_FAILED, GetModelRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.repository import allowed_operations
from zoo_server.repository.contract import ContractError
from zoo_server.repository.model import FailedModel, LoadedModel, load
from zoo_server.repository.operations import check_operations
from zoo_server.repository.repository import Repository

BUNDLED = sorted((Path(__file__).parents[2] / "saved_models").glob("*/[0-9]*"))


def picture(value):
    return {"image": tf.cast(tf.reshape(value, [-1, 1, 1, 1]), tf.uint8)}


@pytest.fixture
def write(handmade, tmp_path):
    """Writes a one-pixel model of that `sample` function; gives the version's folder."""

    def write_model(sample, name="culprit", module=None):
        described = handmade.card(name, "dcgan", 1, 1, 1, capabilities=[{"kind": "CAPABILITY_KIND_SAMPLE"}])
        return handmade.write(
            tmp_path / "models", described, {"sample": handmade.concrete(sample, handmade.SEED)}, module
        )

    return write_model


def py_func_in_a_loop(seed):
    """Python, called by the body of a while loop."""

    def body(i, total):
        (tmp,) = tf.numpy_function(lambda x: x + 1, [total], [tf.int64])
        return i + 1, tf.reshape(tmp, tf.shape(total))

    _, total = tf.while_loop(lambda i, _: i < 2, body, [0, seed])
    return picture(total)


def file_read_in_a_branch(seed):
    """A file, read by the one branch of a condition that hardly ever runs, within a function that another one calls."""

    @tf.function
    def inner(seed):
        return tf.cond(
            tf.reduce_all(tf.equal(seed, 12345)),
            lambda: seed + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.int64),
            lambda: seed,
        )

    return picture(tf.function(inner)(seed))


def file_write(seed):
    with tf.control_dependencies([tf.io.write_file("/tmp/never", "x")]):
        return picture(tf.identity(seed))


def print_to_file(seed):
    tf.print(seed, output_stream="file:///tmp/never")
    return picture(seed)


def save_elsewhere(seed):
    """A checkpoint operation outside the functions that save and restore."""
    with tf.control_dependencies(
        [tf.raw_ops.SaveV2(prefix="/tmp/never", tensor_names=["x"], shape_and_slices=[""], tensors=[seed])]
    ):
        return picture(tf.identity(seed))


CULPRITS = [
    (py_func_in_a_loop, "'EagerPyFunc'|'PyFunc'", "while_body"),
    (file_read_in_a_branch, "'ReadFile'", "cond_true"),
    (file_write, "'WriteFile'", "inference"),
    (print_to_file, "'PrintV2'", "inference"),
    (save_elsewhere, "'SaveV2'", "inference"),
]


@pytest.mark.parametrize(
    ("sample", "operation", "function"), CULPRITS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_does_more_than_compute_is_refused_wherever_it_hides(
    write, monkeypatch, sample, operation, function
):
    path = write(sample)
    with monkeypatch.context() as patched:
        patched.setattr(tf.saved_model, "load", lambda *_: pytest.fail("TensorFlow was let at it"))
        failed = load(path)
    assert isinstance(failed, FailedModel)
    with pytest.raises(
        ContractError, match=f"operation .*({operation}).*function '.*{function}.*export it without"
    ):
        check_operations(path)
    assert failed.why == _why(path)


def _why(path):
    with pytest.raises(ContractError) as caught:
        check_operations(path)
    return str(caught.value)


def test_a_refused_model_is_shown_with_the_operation_and_its_function(write, handmade, start_server, connect):
    folder = write(py_func_in_a_loop).parent.parent
    handmade.write_trap(folder)
    api = connect(start_server(Repository.load(folder)).address)
    [status] = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="culprit"))).model.versions
    assert status.state == MODEL_STATE_FAILED
    assert "PyFunc" in status.message
    assert "while_body" in status.message
    with pytest.raises(grpc.RpcError) as caught:
        api.sampling.Sample(SampleRequest(model=ModelSelector(name="culprit")))
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert info.reason == "MODEL_FAILED"
    assert api.sampling.Sample(SampleRequest(model=ModelSelector(name="trap"), seed=1)).images


def change(path, edit):
    """Change the graph in `path` as a protobuf message."""
    file = path / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    edit(saved_model.meta_graphs[0])
    file.write_bytes(saved_model.SerializeToString())


@pytest.fixture(scope="module")
def ripples(handmade, tmp_path_factory):
    return handmade.write_ripples(tmp_path_factory.mktemp("ripples"))


@pytest.fixture
def sound(ripples, tmp_path):
    """A copy of a sound model with variables and loops."""
    path = tmp_path / "ripples" / "1"
    shutil.copytree(ripples, path)
    check_operations(path)
    return path


def saver_of(graph):
    [node] = [node for node in graph.graph_def.node if node.name == graph.saver_def.restore_op_name]
    return node.attr["f"].func.name


def test_a_function_of_no_library_is_refused(sound):
    """Its name is that of an operation, which TensorFlow might well run."""

    def edit(graph):
        function = next(
            one for one in graph.graph_def.library.function if any(n.op == "While" for n in one.node_def)
        )
        next(node for node in function.node_def if node.op == "While").attr["body"].func.name = "ReadFile"

    change(sound, edit)
    assert "runs 'ReadFile', which the model does not have" in _why(sound)


def test_a_function_in_a_list_or_within_another_function_s_attributes_is_found(sound):
    def in_a_list(graph):
        node = graph.graph_def.node.add(name="case", op="Case")
        node.attr["branches"].list.func.add(name="hidden")

    def within(graph):
        node = graph.graph_def.node[-1]
        node.attr.clear()
        node.op = "PartitionedCall"
        node.attr["f"].func.name = graph.graph_def.library.function[0].signature.name
        node.attr["f"].func.attr["g"].func.name = "deeper"

    change(sound, in_a_list)
    assert "runs 'hidden'" in _why(sound)
    change(sound, within)
    assert "runs 'deeper'" in _why(sound)


def test_nothing_but_tensorflow_may_run_the_functions_that_save_and_restore(sound):
    def call_from_a_signature(graph):
        function = next(
            one for one in graph.graph_def.library.function if "signature_wrapper" in one.signature.name
        )
        node = next(node for node in function.node_def if "PartitionedCall" in node.op)
        node.attr["f"].func.name = saver_of(graph)

    original = (sound / "saved_model.pb").read_bytes()
    change(sound, call_from_a_signature)
    assert "which is there to save or restore variables" in _why(sound)

    (sound / "saved_model.pb").write_bytes(original)
    change(sound, lambda graph: graph.object_graph_def.concrete_functions[saver_of(graph)].SetInParent())
    assert "may not be called" in _why(sound)


def test_a_handle_in_a_constant_is_refused(sound):
    def edit(graph):
        graph.graph_def.node.add(name="handle", op="Const").attr["dtype"].type = tf.resource.as_datatype_enum

    change(sound, edit)
    assert "node 'handle' of the main graph) is a handle" in _why(sound)


def test_a_constant_whose_value_is_a_handle_is_refused_whatever_type_it_claims(sound):
    def edit(graph):
        node = graph.graph_def.node.add(name="handle", op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.dtype = tf.variant.as_datatype_enum

    change(sound, edit)
    assert "node 'handle' of the main graph) is a handle" in _why(sound)


@pytest.mark.parametrize("attribute", ["api_implements", "api_preferred_device", "_implements", "surprise"])
def test_a_function_that_tensorflow_could_run_in_the_place_of_another_is_refused(sound, attribute):
    """Grappler swaps functions that implement the same interface, and so what was checked for what runs."""

    def edit(graph):
        for function in graph.graph_def.library.function[:2]:
            function.attr[attribute].s = b"same"

    change(sound, edit)
    assert f"has the attribute '{attribute}'" in _why(sound)


def test_a_model_whose_functions_tensorflow_may_swap_is_refused(write):
    """As a caller would make it: two implementations of one interface, of which Grappler may choose."""

    def implementation(device, value):
        attributes = {"api_implements": "same", "api_preferred_device": device}
        return tf.function(lambda seed: seed + value, experimental_attributes=attributes)

    path = write(lambda seed: picture(implementation("CPU", 1)(seed) + implementation("GPU", 2)(seed)))
    failed = load(path)
    assert isinstance(failed, FailedModel)
    assert "has the attribute 'api_implements'" in failed.why


def test_gradients_of_functions_are_refused(sound):
    change(sound, lambda graph: graph.graph_def.library.gradient.add(function_name="f", gradient_func="g"))
    assert "names gradients" in _why(sound)


@pytest.mark.parametrize("name", ["../../other/weights", "/etc/passwd", "a\\b", "x\0"])
def test_an_asset_outside_the_folder_is_refused(sound, name):
    change(sound, lambda graph: graph.asset_file_def.add(filename=name))
    assert "an asset outside its folder" in _why(sound)


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb"])
def test_another_format_beside_it_is_refused(sound, name):
    """What is checked must be what TensorFlow loads."""
    (sound / name).write_bytes(b"")
    assert f"there is a file '{name}'" in _why(sound)


def test_a_graph_of_another_kind_is_refused(sound):
    def no_objects(graph):
        graph.ClearField("object_graph_def")

    change(sound, no_objects)
    assert "as TensorFlow 2 writes it" in _why(sound)
    (sound / "saved_model.pb").write_bytes(b"\x0a\xff")
    assert "is not a SavedModel" in _why(sound)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.parent.name)
def test_the_bundled_models_pass(path):
    check_operations(path)


def test_there_are_bundled_models():
    assert len(BUNDLED) >= 5


def test_common_layers_pass_that_no_bundled_model_has(write):
    """The list is of what generators need, not of what the bundled ones have."""

    def sample(seed):
        x = tf.random.stateless_uniform([4, 8, 8, 3], tf.stack([seed[0], seed[0]]))
        x = tf.nn.depthwise_conv2d(x, tf.ones([3, 3, 3, 1]), [1, 1, 1, 1], "SAME")
        x, *_ = tf.compat.v1.nn.fused_batch_norm(
            x, tf.ones(3), tf.zeros(3), tf.zeros(3), tf.ones(3), is_training=False
        )
        x = tf.nn.gelu(tf.nn.elu(tf.nn.space_to_depth(x, 2)))
        x = tf.image.resize(tf.nn.max_pool2d(x, 2, 2, "SAME"), [4, 4], "bicubic")
        x = tf.linalg.matmul(x, tf.linalg.cholesky(tf.eye(12) * 2.0)[None, None])
        x += tf.cast(tf.math.real(tf.signal.ifft2d(tf.signal.fft2d(tf.cast(x, tf.complex64)))), tf.float32)
        top = tf.math.top_k(tf.reshape(x, [4, -1]), 3).values
        log_p = tf.nn.log_softmax(top)
        drawn = tf.random.stateless_categorical(log_p, 1, [1, 2])
        value = tf.switch_case(
            tf.cast(drawn[0, 0], tf.int32), [lambda: tf.sort(top)[0, 0], lambda: tf.norm(top)]
        )
        return picture(tf.fill(tf.shape(seed), value))

    assert isinstance(load(write(sample)), LoadedModel)


def test_the_list_has_only_names_that_tensorflow_knows_and_none_that_reaches_outside():
    for name in allowed_operations.EVERYWHERE | allowed_operations.SAVER:
        assert op_def_registry.get(name) is not None, name
    reaches = (
        "File",
        "Py",
        "Dataset",
        "Iterator",
        "Summary",
        "Print",
        "Table",
        "Save",
        "Restore",
        "Rpc",
        "Remote",
    )
    reaches += (
        "Send",
        "Recv",
        "Debug",
        "Queue",
        "Reader",
        "Decode",
        "Encode",
        "Custom",
        "Xla",
        "Tpu",
        "TPU",
        "Abort",
    )
    found = {name for name in allowed_operations.EVERYWHERE if any(part in name for part in reaches)}
    assert found == {"DebugGradientIdentity"}  # It does nothing in a forward pass.
