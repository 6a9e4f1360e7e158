"""Bearer tokens and quotas: who may call what, and how much of it."""

import hashlib
import queue
import re
import subprocess
import sys

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from pixelzoo.v1.catalog_service_pb2 import GetModelRequest, ListModelsRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from pixelzoo.v1.scoring_service_pb2 import StreamScoreRequest
from zoo_server.call_error import CallError
from zoo_server.config import ServerConfig
from zoo_server.interceptors.callers import address_of
from zoo_server.quota import Meter, Quota
from zoo_server.repository.repository import Repository
from zoo_server.tokens import Tokens, line_for, new_token

SECRET = new_token()


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tokens.toml"


@pytest.fixture
def guarded(start_server, connect, file):
    """The stubs of a server without models, with a file of these lines."""

    def start(*lines, **settings):
        file.write_text("\n".join(lines))
        live = start_server(Repository(), token_file=file, **settings)
        api = connect(live.address)
        api.app = live.app
        return api

    return start


def list_models(api, metadata=None):
    return api.catalog.ListModels(ListModelsRequest(), metadata=metadata, timeout=30)


def refusal(call, code):
    """The details of the error that `call` ends with, by type; the message is there as "message"."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == code
    found = {"message": caught.value.details()}
    for packed in rpc_status.from_call(caught.value).details:
        name = packed.TypeName().rpartition(".")[2]
        found[name] = getattr(error_details_pb2, name)()
        packed.Unpack(found[name])
    return found


def unauthenticated(call):
    found = refusal(call, grpc.StatusCode.UNAUTHENTICATED)
    assert (found["ErrorInfo"].reason, dict(found["ErrorInfo"].metadata)) == ("UNAUTHENTICATED", {})
    return found["message"]


def test_the_right_token_gets_in(guarded):
    api = guarded(line_for("other", new_token()), line_for("studio", SECRET))
    assert not list_models(api, bearer(SECRET)).models
    assert not list_models(api, (("authorization", f"bearer  {SECRET}"),)).models


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", SECRET),),
        (("authorization", f"Basic {SECRET}"),),
        (("authorization", "Bearer "),),
        bearer(SECRET) + bearer(SECRET),
        (("x-token", SECRET),),
    ],
)
def test_a_missing_token_is_named(guarded, metadata):
    api = guarded(line_for("studio", SECRET))
    said = unauthenticated(lambda: list_models(api, metadata))
    assert SECRET not in said


@pytest.mark.parametrize("wrong", [SECRET[:-1], SECRET + "x", SECRET.swapcase(), new_token(), "x" * 4000])
def test_a_wrong_token_is_refused(guarded, wrong):
    api = guarded(line_for("studio", SECRET))
    assert "none of this server's" in unauthenticated(lambda: list_models(api, bearer(wrong)))


def test_the_digest_is_no_token(guarded):
    """Who has read the file can call nothing."""
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    api = guarded(line_for("studio", SECRET))
    unauthenticated(lambda: list_models(api, bearer(digest)))


def test_every_method_asks_for_it_but_health(guarded):
    api = guarded(line_for("studio", SECRET))
    sample = SampleRequest(model=ModelSelector(name="x"))
    for call in (
        lambda: api.sampling.Sample(sample),
        lambda: list(api.sampling.StreamSample(StreamSampleRequest(sample=sample))),
        lambda: list(
            reflections(api.channel, iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        ),
    ):
        unauthenticated(call)
    health = health_pb2_grpc.HealthStub(api.channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
    assert (
        next(iter(health.Watch(health_pb2.HealthCheckRequest()))).status
        == health_pb2.HealthCheckResponse.SERVING
    )


def test_the_request_of_a_stranger_is_not_read(guarded):
    """A body that no message could be read from is refused for its missing token all the same."""
    api = guarded(line_for("studio", SECRET))
    raw = api.channel.unary_unary("/pixelzoo.v1.SamplingService/Sample")
    unauthenticated(lambda: raw(b"\xff" * 1000))


def reflections(channel, requests, metadata=None):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    return stub.ServerReflectionInfo(requests, metadata=metadata, timeout=60)


def test_a_token_may_be_for_some_services_and_models_only(guarded):
    api = guarded(line_for("kiosk", SECRET, services=["CatalogService", "SamplingService"], models=["vae"]))
    metadata = bearer(SECRET)
    list_models(api, metadata)
    denied = refusal(
        lambda: list(api.scoring.StreamScore(StreamScoreRequest(), metadata=metadata)),
        grpc.StatusCode.PERMISSION_DENIED,
    )
    assert dict(denied["ErrorInfo"].metadata) == {"permission": "service:ScoringService"}
    ddpm, vae = (SampleRequest(model=ModelSelector(name=name)) for name in ("ddpm", "vae"))
    for call in (
        lambda: api.sampling.Sample(ddpm, metadata=metadata),
        lambda: list(api.sampling.StreamSample(StreamSampleRequest(sample=ddpm), metadata=metadata)),
        lambda: api.catalog.GetModel(GetModelRequest(model=ddpm.model), metadata=metadata),
    ):
        denied = refusal(call, grpc.StatusCode.PERMISSION_DENIED)
        assert denied["ErrorInfo"].reason == "PERMISSION_DENIED"
        assert dict(denied["ErrorInfo"].metadata) == {"permission": "model:ddpm"}
        assert "'kiosk'" in denied["message"]
    # The server has no models at all, but this is known only to those who may ask.
    refusal(lambda: api.sampling.Sample(vae, metadata=metadata), grpc.StatusCode.NOT_FOUND)


def quota_exceeded(call):
    found = refusal(call, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert found["ErrorInfo"].reason == "QUOTA_EXCEEDED"
    [violation] = found["QuotaFailure"].violations
    assert violation.subject == found["ErrorInfo"].metadata["subject"]
    return found


class HeldOpen:
    """A call that goes on until it is told to end: a stream of questions to reflection."""

    def __init__(self, channel, metadata=None):
        self._questions = queue.SimpleQueue()
        self._questions.put(reflection_pb2.ServerReflectionRequest(list_services=""))
        self._answers = reflections(channel, iter(self._questions.get, None), metadata)
        next(self._answers)

    def end(self):
        self._questions.put(None)
        assert list(self._answers) == []


def test_calls_at_once_are_limited_by_token(guarded, wait_until):
    other = new_token()
    api = guarded(line_for("studio", SECRET, concurrent_calls=2), line_for("other", other))
    first, second = (HeldOpen(api.channel, bearer(SECRET)) for _ in range(2))
    found = quota_exceeded(lambda: list_models(api, bearer(SECRET)))
    assert dict(found["ErrorInfo"].metadata) == {"subject": "token:studio", "limit": "2 calls at once"}
    list_models(api, bearer(other))
    first.end()
    wait_until(lambda: succeeds(api, bearer(SECRET)))
    second.end()


def succeeds(api, metadata=None):
    try:
        list_models(api, metadata)
    except grpc.RpcError:
        return False
    return True


def test_calls_a_second_are_limited_by_token_and_the_count_survives_a_reload(guarded, file):
    other = new_token()
    line = line_for("studio", SECRET, requests_per_second=0.001, burst=3)
    api = guarded(line, line_for("other", other))
    for _ in range(3):
        list_models(api, bearer(SECRET))
    found = quota_exceeded(lambda: list_models(api, bearer(SECRET)))
    assert 900 < found["RetryInfo"].retry_delay.seconds <= 1000
    list_models(api, bearer(other))
    file.write_text(line)
    api.app._tokens.reload_if_changed()
    quota_exceeded(lambda: list_models(api, bearer(SECRET)))


def test_addresses_are_limited_where_there_are_no_tokens(start_server, connect):
    live = start_server(Repository(), peer_concurrent_calls=1, peer_requests_per_second=0.001, peer_burst=2)
    api, again = connect(live.address), connect(live.address)
    held = HeldOpen(api.channel)
    found = quota_exceeded(lambda: list_models(again))
    assert dict(found["ErrorInfo"].metadata) == {"subject": "peer:127.0.0.1", "limit": "1 calls at once"}
    held.end()


def test_an_unforeseen_error_does_not_end_the_watch_of_the_file(
    guarded, file, wait_until, caplog, monkeypatch
):
    api = guarded(line_for("studio", SECRET))
    assert not list_models(api, bearer(SECRET)).models
    reading = Tokens._read
    failures = iter([RuntimeError("unforeseen"), MemoryError("unforeseen")])

    def failing_twice(tokens):
        for failure in failures:
            raise failure
        return reading(tokens)

    monkeypatch.setattr(Tokens, "_read", failing_twice)
    file.write_text("")
    wait_until(lambda: not api.app._tokens._tokens, seconds=60)
    unauthenticated(lambda: list_models(api, bearer(SECRET)))
    assert len([one for one in caplog.messages if "the look at the file of tokens failed" in one]) == 2


def test_a_new_file_is_read_while_the_server_runs_and_a_wrong_one_is_not(guarded, file, wait_until, caplog):
    new = new_token()
    api = guarded(line_for("studio", SECRET))
    file.write_text("studio = 3")
    wait_until(lambda: "the tokens stay as they were" in caplog.text)
    assert succeeds(api, bearer(SECRET))
    file.write_text(line_for("next", new))
    wait_until(lambda: succeeds(api, bearer(new)))
    assert not succeeds(api, bearer(SECRET))
    file.unlink()
    wait_until(lambda: "cannot be read: No such file" in caplog.text)
    assert succeeds(api, bearer(new))


def test_the_log_never_has_a_token(guarded, caplog):
    caplog.set_level("DEBUG")
    api = guarded(line_for("studio", SECRET))
    list_models(api, bearer(SECRET))
    assert not succeeds(api, bearer(SECRET + "x"))
    assert SECRET not in caplog.text


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = ", "cannot be read as TOML"),
        ("a = 1", "a must be a table"),
        ("a = {}", "a.sha256 must be the 64 hexadecimal digits"),
        (f'a = {{ sha256 = "{SECRET}" }}', "a.sha256 must be"),
        (f'a = {{ sha256 = "{DIGEST}", rate = 1 }}', "a has no 'rate'; there are sha256, concurrent_calls"),
        (f'a = {{ sha256 = "{DIGEST}", burst = -1 }}', "a.burst must be a number of at least 0"),
        (f'a = {{ sha256 = "{DIGEST}", burst = 1.5 }}', "a.burst must be"),
        (f'a = {{ sha256 = "{DIGEST}", requests_per_second = nan }}', "a.requests_per_second must be"),
        (f'a = {{ sha256 = "{DIGEST}", services = ["Sampling"] }}', "there is no 'Sampling'; there are Cat"),
        (f'a = {{ sha256 = "{DIGEST}", models = "vae" }}', "a.models must be a list of names"),
        (f'"ä b" = {{ sha256 = "{DIGEST}" }}', "must be 1 to 64 letters"),
    ],
)
def test_a_wrong_line_is_named_and_never_shows_a_token(file, text, says):
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        Tokens(file)
    assert SECRET not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "zoo.example", "192.168.1.2"])
def test_tokens_do_not_travel_in_the_clear_unless_that_is_said(file, host):
    with pytest.raises(ValueError, match=f"token_file with host {host} would let tokens be read"):
        ServerConfig(host=host, token_file=file)
    ServerConfig(host=host, token_file=file, tokens_in_clear=True)
    ServerConfig(host=host, token_file=file, tls_certificate=file, tls_key=file)
    ServerConfig(host=host)
    for own in ("127.0.0.1", "::1", "localhost"):
        ServerConfig(host=own, token_file=file)


def test_the_command_prints_a_token_once_and_its_line(guarded):
    words = ["token", "kiosk", "--concurrent-calls", "4", "--requests-per-second", "2.5", "--burst", "9"]
    words += ["--service", "CatalogService", "--model", "vae", "--model", "ddpm"]
    done = subprocess.run(
        [sys.executable, "-m", "zoo_client", *words], capture_output=True, text=True, check=True
    )
    token = re.search(r"pxz_[\w-]{43}\b", done.stderr)[0]
    assert token not in done.stdout
    assert done.stdout.count("\n") == 1
    api = guarded(done.stdout)
    list_models(api, bearer(token))
    [known] = api.app._tokens._tokens
    assert (known.name, known.quota) == ("kiosk", Quota(4, 2.5, 9))
    assert (known.services, known.models) == ({"CatalogService"}, {"vae", "ddpm"})


def test_the_command_refuses_what_the_server_would():
    done = subprocess.run(
        [sys.executable, "-m", "zoo_client", "token", "kiosk", "--service", "Painting"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no 'Painting'" in " ".join(done.stderr.split())
    assert done.stdout == ""


# The arithmetic of quotas, by a clock made by hand.


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def may_call(meter, quota, caller="a"):
    try:
        with meter.call(caller, quota):
            return True
    except CallError:
        return False


def test_calls_are_saved_up_to_the_burst_at_the_rate():
    clock = Clock()
    meter, quota = Meter(clock), Quota(requests_per_second=2.0, burst=3)
    assert [may_call(meter, quota) for _ in range(4)] == [True, True, True, False]
    assert may_call(meter, quota, "b")
    clock.now += 0.5
    assert [may_call(meter, quota) for _ in range(2)] == [True, False]
    clock.now += 1000
    assert [may_call(meter, quota) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("quota", "calls"), [(Quota(requests_per_second=5.0), 5), (Quota(requests_per_second=0.1), 1)]
)
def test_without_a_burst_it_is_what_a_second_allows_and_at_least_one(quota, calls):
    meter = Meter(Clock())
    assert [may_call(meter, quota) for _ in range(calls + 1)] == [True] * calls + [False]


def test_refused_calls_count_nothing_and_failed_ones_no_longer():
    meter, quota = Meter(Clock()), Quota(concurrent_calls=1)

    def failing_call():
        with meter.call("a", quota):
            assert not may_call(meter, quota)
            raise KeyError

    with pytest.raises(KeyError):
        failing_call()
    assert may_call(meter, quota)


def test_callers_at_ever_new_addresses_do_not_fill_the_memory():
    clock = Clock()
    meter, quota = Meter(clock), Quota(requests_per_second=1.0)
    for number in range(30_000):
        clock.now += 0.01
        assert may_call(meter, quota, str(number))
    assert len(meter._accounts) <= 10_000
    # Those who have spent what they had are not met as strangers.
    assert not may_call(meter, quota, "29999")


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:41234", "10.0.0.7"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:41234", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:10.0.0.7]:41234", "10.0.0.7"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5", "fe80::/64"),
        ("unix:/run/zoo.sock", "unix:/run/zoo.sock"),
        ("unix:", "unix:"),
        ("ipv4:nonsense", ""),
    ],
)
def test_an_address_has_no_port_and_ipv6_counts_by_network(peer, address):
    assert address_of(peer) == address
