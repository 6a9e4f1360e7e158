"""What can go wrong, as exceptions: one class for each reason that the server gives, and some of our own.

The server answers every error with `google.rpc` details (ErrorInfo, BadRequest, RetryInfo ...); `from_rpc`
unpacks them. Importing this module is cheap: gRPC is imported when there is an error to unpack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import grpc


@dataclass(frozen=True)
class Violation:
    """One field of a request that breaks a rule.

    Attributes:
        field: path of the field in the request, such as `options.diffusion.steps`.
        description: what is wrong, the rule, and what is allowed.
        reason: the rule's name, UPPER_SNAKE; empty if the server gives none.
    """

    field: str
    description: str
    reason: str = ""


class ZooError(Exception):
    """Any failure of a call.

    Attributes:
        reason: UPPER_SNAKE name from the server's catalogue (`pixelzoo.v1.ErrorReason`), or the client's own.
        code: name of the gRPC status code; of a mistake that the client found itself, before it called, that which a
            server gives it. None where no server would.
        metadata: the parts of the message that vary, by name.
        retry_after: seconds after which the same call may succeed, or None if repeating it is of no use.
    """

    default_reason: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        code: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason or self.default_reason
        self.code = code
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.violations = tuple(violations)


class InvalidField(ZooError, ValueError):
    """Fields of the request break a rule. `violations` lists them all; `field` and `rule` are the first's."""

    default_reason = "INVALID_FIELD"

    @classmethod
    def of(cls, field: str, description: str) -> InvalidField:
        """An error that the client finds before it calls."""
        return cls(
            f"{field}: {description}",
            code="INVALID_ARGUMENT",
            violations=[Violation(field, description, cls.default_reason)],
        )

    @property
    def field(self) -> str:
        return self.violations[0].field if self.violations else ""

    @property
    def rule(self) -> str:
        return self.violations[0].description if self.violations else ""


class TooManyImages(InvalidField):
    """More images than the model makes or takes in one request."""

    default_reason = "TOO_MANY_IMAGES"


class ImageTooLarge(InvalidField):
    """An image has more pixels than the model's limit."""

    default_reason = "IMAGE_TOO_LARGE"


class ImageUnreadable(InvalidField):
    """An image's bytes are not what its MIME type, or its shape, says."""

    default_reason = "IMAGE_UNREADABLE"


class ModelNotFound(ZooError, LookupError):
    """The server has no model of this name."""

    default_reason = "MODEL_NOT_FOUND"


class VersionNotFound(ZooError, LookupError):
    """The server has the model, but not this version of it."""

    default_reason = "VERSION_NOT_FOUND"


class CapabilityNotSupported(ZooError):
    """The model's family does not do this: a GAN has no likelihood, a diffusion model has no `decode`."""

    default_reason = "CAPABILITY_NOT_SUPPORTED"


class ModelFailed(ZooError):
    """The model's folder on the server is damaged, and the server left it out."""

    default_reason = "MODEL_FAILED"


class QueueFull(ZooError):
    """The server has as much work as it takes on: try again after `retry_after` seconds."""

    default_reason = "QUEUE_FULL"


class QuotaExceeded(ZooError):
    """The caller has used up its share."""

    default_reason = "QUOTA_EXCEEDED"


class ModelLoading(ZooError):
    """The model is being loaded: try again after `retry_after` seconds."""

    default_reason = "MODEL_LOADING"


class ShuttingDown(ZooError):
    """The server is finishing its work and takes on no more: call another."""

    default_reason = "SHUTTING_DOWN"


class DeadlineTooShort(ZooError, TimeoutError):
    """The server saw at once that it would not finish before the call's deadline."""

    default_reason = "DEADLINE_TOO_SHORT"


class DeadlineExceeded(ZooError, TimeoutError):
    """The call's `timeout` passed. The server has stopped working on it."""

    default_reason = "DEADLINE_EXCEEDED"


class Unauthenticated(ZooError, PermissionError):
    """The server wants to know who calls."""

    default_reason = "UNAUTHENTICATED"


class PermissionDenied(ZooError, PermissionError):
    """The server knows who calls, and does not allow this."""

    default_reason = "PERMISSION_DENIED"


class InternalError(ZooError):
    """A mistake in the server. `metadata["error_id"]` is what to look for in its log."""

    default_reason = "INTERNAL_ERROR"


class ServerUnreachable(ZooError, ConnectionError):
    """No server answers at the address."""

    default_reason = "SERVER_UNREACHABLE"


class ClientClosed(ZooError, ValueError):
    """The client was closed, before the call or in its midst."""

    default_reason = "CLIENT_CLOSED"

    def __init__(self) -> None:
        super().__init__(
            "the client is closed: make a new one, and close it after its last call", code="CANCELLED"
        )


class LocalServerFailed(ZooError):
    """The server that was to be started for this call did not become ready."""

    default_reason = "LOCAL_SERVER_FAILED"


class MissingExtra(ZooError, ImportError):
    """What was asked for needs packages that the base install does not bring."""

    default_reason = "MISSING_EXTRA"

    def __init__(self, what: str, extra: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{what} needs {', '.join(missing)}: pip install 'pixelzoo[{extra}]'",
            metadata={"extra": extra},
        )


class InvalidSetting(ZooError, ValueError):
    """An argument of the client, or a variable of the environment, is not as it must be; nothing was sent."""

    default_reason = "INVALID_SETTING"

    def __init__(self, setting: str, rule: str) -> None:
        super().__init__(f"{setting}: {rule}", code="INVALID_ARGUMENT", metadata={"setting": setting})
        self.setting = setting
        self.rule = rule


class DifferentWeights(ZooError):
    """The server's version of the model is not the one that a recipe names: it would make another result."""

    default_reason = "DIFFERENT_WEIGHTS"


class InsecureToken(ZooError, ValueError):
    """A token was given for a connection on which strangers could read it; nothing was sent."""

    default_reason = "INSECURE_TOKEN"

    def __init__(self, target: str) -> None:
        super().__init__(
            f"the token would go to {target} unencrypted: use TLS, such as by PIXELZOO_TLS_CA",
            code="UNAUTHENTICATED",
        )


BY_REASON: dict[str, type[ZooError]] = {
    kind.default_reason: kind
    for kind in (
        InvalidField,
        TooManyImages,
        ImageTooLarge,
        ImageUnreadable,
        ModelNotFound,
        VersionNotFound,
        CapabilityNotSupported,
        ModelFailed,
        QueueFull,
        QuotaExceeded,
        ModelLoading,
        ShuttingDown,
        DeadlineTooShort,
        DeadlineExceeded,
        Unauthenticated,
        PermissionDenied,
        InternalError,
    )
}


def from_rpc(error: grpc.RpcError, target: str) -> ZooError:
    """The exception for a failed call, with the details that the server sent along.

    Args:
        error: what gRPC raised, from the sync or the asyncio stack.
        target: the address that was called, for the message.
    """
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    call: grpc.Call = error  # type: ignore[assignment]  # every RpcError that a call raises is that call
    code, message = call.code().name, call.details() or ""
    info, bad_request, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    status = rpc_status.from_call(call)
    for packed in status.details if status is not None else ():
        for detail in (info, bad_request, retry):
            packed.Unpack(detail)

    if not info.reason:
        return _without_details(code, message, target)
    kind = BY_REASON.get(info.reason, ZooError)
    return kind(
        message,
        reason=info.reason,
        code=code,
        metadata=info.metadata,
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None,
        violations=[Violation(v.field, v.description, v.reason) for v in bad_request.field_violations],
    )


def _without_details(code: str, message: str, target: str) -> ZooError:
    """The error of a call that never reached a pixelzoo handler: gRPC itself answered."""
    if code == "UNAVAILABLE":
        return ServerUnreachable(
            f"no server answers at {target}: start one with `pixelzoo serve`, name another with --target or "
            f"PIXELZOO_TARGET, or let --local start one for this call; if one runs there, does it want TLS? "
            f"PIXELZOO_TLS_CA turns it on, and names whom to trust ({message})",
            code=code,
        )
    if code == "DEADLINE_EXCEEDED":
        return DeadlineExceeded(f"the call to {target} took longer than its timeout", code=code)
    return ZooError(f"{target} answered {code}: {message}", reason=code, code=code)
