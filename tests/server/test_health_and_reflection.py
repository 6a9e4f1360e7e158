"""grpc.health.v1 and server reflection."""

import threading

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

SERVICES = [
    "inference.GRPCInferenceService",
    "pixelzoo.v1.CatalogService",
    "pixelzoo.v1.LatentService",
    "pixelzoo.v1.SamplingService",
    "pixelzoo.v1.ScoringService",
    "pixelzoo.v1.TranslationService",
]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(api):
    return health_pb2_grpc.HealthStub(api.channel)


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_every_service_is_serving(api, service):
    assert health(api).Check(health_pb2.HealthCheckRequest(service=service)).status == SERVING


def test_a_service_that_there_is_not(api):
    with pytest.raises(grpc.RpcError) as caught:
        health(api).Check(health_pb2.HealthCheckRequest(service="pixelzoo.v1.PaintingService"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_watch_hears_that_the_server_goes_and_does_not_hold_it_up(start_server, connect):
    live = start_server(grace_seconds=30)
    watch = health(connect(live.address)).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == SERVING
    stopped = threading.Thread(target=live.run, args=(live.app.stop(),))
    stopped.start()
    assert next(watch).status == NOT_SERVING
    stopped.join(5)
    assert not stopped.is_alive()


def reflect(api, **question):
    stub = reflection_pb2_grpc.ServerReflectionStub(api.channel)
    [answer] = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**question)]))
    return answer


def test_reflection_lists_the_services(api):
    names = [service.name for service in reflect(api, list_services="").list_services_response.service]
    assert sorted(names) == ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", *SERVICES]


@pytest.mark.parametrize("service", SERVICES)
def test_reflection_gives_the_descriptors(api, service):
    answer = reflect(api, file_containing_symbol=service).file_descriptor_response
    files = [descriptor_pb2.FileDescriptorProto.FromString(data) for data in answer.file_descriptor_proto]
    assert service in {f"{file.package}.{one.name}" for file in files for one in file.service}


def test_reflection_can_be_switched_off(start_server, connect):
    api = connect(start_server(reflection=False).address)
    with pytest.raises(grpc.RpcError) as caught:
        reflect(api, list_services="")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
