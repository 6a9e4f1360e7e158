"""A refusal on its way to the client: an exception that becomes a google.rpc.Status. `errors` makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from pixelzoo.v1 import error_pb2

DOMAIN = "pixelzoo"


def reason_name(reason: error_pb2.ErrorReason.ValueType) -> str:
    """The reason as clients see it, without the prefix that the enum needs."""
    return error_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_")


@dataclass(eq=False)
class CallError(Exception):
    """A call that is answered with an error. Raised anywhere below a service, sent by the errors interceptor."""

    code: grpc.StatusCode
    reason: error_pb2.ErrorReason.ValueType
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: Sequence[Message] = ()

    def __str__(self) -> str:
        return self.message

    @property
    def reason_name(self) -> str:
        return reason_name(self.reason)

    def to_status(self, request_id: str = "") -> status_pb2.Status:
        """The google.rpc.Status that is sent: ErrorInfo first, and the caller's own name for the request last."""
        info = error_details_pb2.ErrorInfo(reason=self.reason_name, domain=DOMAIN, metadata=self.metadata)
        details: list[Message] = [info, *self.details]
        if request_id:
            details.append(error_details_pb2.RequestInfo(request_id=request_id))
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status
