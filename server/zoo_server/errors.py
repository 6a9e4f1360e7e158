"""What a call can be refused with: one constructor for each reason of `pixelzoo.v1.ErrorReason`.

Each gives the status code and the details that the catalogue in error.proto promises. Messages name the field, the
rule and the remedy; what varies in them stands in the metadata too, for programs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from pixelzoo.v1 import error_pb2
from zoo_server.call_error import CallError, reason_name

# Errors travel in trailing metadata, of which clients accept 8 KiB: long lists are cut.
MOST_VIOLATIONS = 16
_MOST_NAMES = 20

_LEAST_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks one rule. `path` is as a client writes it, such as `options.diffusion.steps`."""

    path: str
    rule: str


def invalid_fields(violations: Sequence[Violation]) -> CallError:
    """At least one field breaks a rule; the first of them are named at once."""
    return _bad_request(error_pb2.ERROR_REASON_INVALID_FIELD, violations[:MOST_VIOLATIONS], {})


def invalid_field(path: str, rule: str) -> CallError:
    """One field breaks a rule."""
    return invalid_fields([Violation(path, rule)])


def too_many_images(path: str, asked: int, limit: int) -> CallError:
    """`path` holds, or asks for, more items than one request may have."""
    rule = f"asks for {asked} items and one request may have at most {limit}: split it into several requests"
    return _bad_request(
        error_pb2.ERROR_REASON_TOO_MANY_IMAGES, [Violation(path, rule)], {"limit": str(limit)}
    )


def response_too_large(path: str, size: int, limit: int) -> CallError:
    """What `path` asks for would be `size` bytes of pixels, and no response may have more than `limit`."""
    rule = (
        f"asks for {size} bytes of pixels and one response may have at most {limit}: send fewer in one request, "
        "make them smaller, or call the streaming method, if there is one, which sends each by itself"
    )
    return _bad_request(
        error_pb2.ERROR_REASON_TOO_MANY_IMAGES, [Violation(path, rule)], {"limit": str(limit)}
    )


def image_too_large(path: str, width: int, height: int, limit: int) -> CallError:
    """The picture at `path` has too many pixels; it was not decoded."""
    rule = f"is {width}x{height} = {width * height} pixels and at most {limit} are accepted: make it smaller"
    return _bad_request(
        error_pb2.ERROR_REASON_IMAGE_TOO_LARGE, [Violation(path, rule)], {"limit": str(limit)}
    )


def image_unreadable(path: str, rule: str) -> CallError:
    """The picture at `path` is no sound file; `rule` says in what way, and what to do."""
    return _bad_request(error_pb2.ERROR_REASON_IMAGE_UNREADABLE, [Violation(path, rule)], {})


def model_not_found(name: str, known: Sequence[str]) -> CallError:
    """`known` are the names of the models that there are."""
    message = f"model.name: there is no model {name!r}; this server has: {_listed(known)}"
    return CallError(
        grpc.StatusCode.NOT_FOUND,
        error_pb2.ERROR_REASON_MODEL_NOT_FOUND,
        message,
        {"model": name},
        [_resource(name, message)],
    )


def version_not_found(name: str, version: int, known: Sequence[int]) -> CallError:
    """`known` are the versions that there are, whatever their state."""
    rule = f"model {name!r} has no version {version}; it has: {_listed([str(one) for one in known])}"
    return _version_not_found(name, str(version), f"model.version: {rule}")


def version_not_loaded(name: str, version: int, loaded: Sequence[int]) -> CallError:
    """The version is in the folder, but this server keeps only some versions of a model loaded."""
    rule = (
        f"version {version} of model {name!r} is not kept loaded; these are: "
        f"{_listed([str(one) for one in loaded])}. A version with a label is always kept"
    )
    return _version_not_found(name, str(version), f"model.version: {rule}")


def label_not_found(name: str, label: str, known: Sequence[str]) -> CallError:
    """`known` are the labels that the model's versions have."""
    rule = f"no version of model {name!r} has the label {label!r}; its labels are: {_listed(known)}"
    return _version_not_found(name, label, f"model.version_label: {rule}")


def _version_not_found(name: str, version: str, message: str) -> CallError:
    return CallError(
        grpc.StatusCode.NOT_FOUND,
        error_pb2.ERROR_REASON_VERSION_NOT_FOUND,
        message,
        {"model": name, "version": version},
        [_resource(f"{name}/{version}", message)],
    )


def capability_not_supported(name: str, capability: str, capable: Sequence[str], why: str = "") -> CallError:
    """`capability` is the contract's name of it, such as "score"; `capable` are the models that have it."""
    models = f"these can: {_listed(capable)}" if capable else "no model of this server can"
    because = f": {why}" if why else ""
    message = f"model.name: model {name!r} has no capability {capability!r}{because}; {models}"
    return CallError(
        grpc.StatusCode.FAILED_PRECONDITION,
        error_pb2.ERROR_REASON_CAPABILITY_NOT_SUPPORTED,
        message,
        {"model": name, "capability": capability, "capable_models": ",".join(capable[:_MOST_NAMES])},
        [_precondition("CAPABILITY", name, message)],
    )


def model_failed(name: str, version: int, why: str) -> CallError:
    """The version that was selected is left out; `why` is what the repository found."""
    message = f"model {name!r} version {version} is left out: {why}"
    return CallError(
        grpc.StatusCode.FAILED_PRECONDITION,
        error_pb2.ERROR_REASON_MODEL_FAILED,
        message,
        {"model": name, "version": str(version)},
        [_precondition("MODEL_STATE", f"{name}/{version}", message)],
    )


def model_loading(name: str, version: int) -> CallError:
    """The version that was selected is not there yet."""
    return CallError(
        grpc.StatusCode.UNAVAILABLE,
        error_pb2.ERROR_REASON_MODEL_LOADING,
        f"model {name!r} version {version} is being loaded: try again soon",
        {"model": name, "version": str(version)},
        [_retry_after(2.0)],
    )


def queue_full(name: str, pending: float, limit: float, unit: str, retry_seconds: float) -> CallError:
    """`pending` items, or estimated seconds of work, are in the engine already; `unit` says which."""
    what = "items" if unit == "items" else "seconds of work"
    message = (
        f"{pending:.4g} {what} are waiting or being made, and this server takes on at most {limit:.10g}: try again in "
        f"{retry_seconds:.2g} s, or ask for less"
    )
    return CallError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        error_pb2.ERROR_REASON_QUEUE_FULL,
        message,
        {"model": name, "limit": f"{limit:.10g}", "unit": unit},
        [_retry_after(retry_seconds)],
    )


def too_many_calls(limit: int) -> CallError:
    """`limit` calls are in flight, and this one was not looked at."""
    retry_seconds = 1.0
    return CallError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        error_pb2.ERROR_REASON_QUEUE_FULL,
        f"{limit} calls are in flight, and this server takes no more at once: try again in {retry_seconds:g} s",
        {"model": "", "limit": str(limit), "unit": "calls"},
        [_retry_after(retry_seconds)],
    )


def deadline_too_short(name: str, needed_seconds: float) -> CallError:
    """The work was not done, or would not be done, in time: it takes `needed_seconds` at least."""
    return CallError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        error_pb2.ERROR_REASON_DEADLINE_TOO_SHORT,
        f"the call's deadline comes too soon: the work takes more than {needed_seconds:.3g} s",
        {"model": name, "needed_seconds": f"{needed_seconds:.3f}"},
    )


def shutting_down() -> CallError:
    """The call comes too late, or could not be ended in time."""
    return CallError(
        grpc.StatusCode.UNAVAILABLE,
        error_pb2.ERROR_REASON_SHUTTING_DOWN,
        "the server is going down and takes no new work: try another one, or again later",
        {},
        [_retry_after(5.0)],
    )


def hanging() -> CallError:
    """Some call of the network does not end, and nothing runs before the server has been restarted."""
    return CallError(
        grpc.StatusCode.UNAVAILABLE,
        error_pb2.ERROR_REASON_SHUTTING_DOWN,
        "the server hangs at a model and is about to be restarted: try another one, or again later",
        {},
        [_retry_after(5.0)],
    )


def quota_exceeded(subject: str, limit: str, remedy: str, retry_seconds: float) -> CallError:
    """`subject` is the token's name or the client's address; `limit` says in words what it may have."""
    message = f"{subject} may have {limit}, and this call would be one more: {remedy}"
    violation = error_details_pb2.QuotaFailure.Violation(subject=subject, description=message)
    return CallError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        error_pb2.ERROR_REASON_QUOTA_EXCEEDED,
        message,
        {"subject": subject, "limit": limit},
        [error_details_pb2.QuotaFailure(violations=[violation]), _retry_after(math.ceil(retry_seconds))],
    )


def unauthenticated(why: str) -> CallError:
    """`why` says what is wrong with the credentials, and never what they are."""
    return CallError(grpc.StatusCode.UNAUTHENTICATED, error_pb2.ERROR_REASON_UNAUTHENTICATED, why)


def permission_denied(name: str, permission: str) -> CallError:
    """The token `name` does not have `permission`, such as "service:SamplingService" or "model:ddpm"."""
    return CallError(
        grpc.StatusCode.PERMISSION_DENIED,
        error_pb2.ERROR_REASON_PERMISSION_DENIED,
        f"token {name!r} has no permission for {permission}: use another one, or ask the operator for it",
        {"permission": permission},
    )


def internal_error(error_id: str) -> CallError:
    """A mistake in the server or in a model; the log has more under `error_id`."""
    return CallError(
        grpc.StatusCode.INTERNAL,
        error_pb2.ERROR_REASON_INTERNAL_ERROR,
        f"internal error {error_id}: the server's log tells more under this id",
        {"error_id": error_id},
    )


def _bad_request(
    reason: error_pb2.ErrorReason.ValueType, violations: Sequence[Violation], metadata: Mapping[str, str]
) -> CallError:
    detail = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.path,
                description=violation.rule,
                reason=reason_name(reason),
            )
            for violation in violations
        ]
    )
    return CallError(
        grpc.StatusCode.INVALID_ARGUMENT,
        reason,
        "; ".join(f"{violation.path}: {violation.rule}" for violation in violations),
        {"field": ",".join(violation.path for violation in violations), **metadata},
        [detail],
    )


def _listed(names: Sequence[str]) -> str:
    """The names, or the first of them, for a message."""
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "none") + more


def _resource(name: str, description: str) -> error_details_pb2.ResourceInfo:
    return error_details_pb2.ResourceInfo(
        resource_type="pixelzoo.v1.Model", resource_name=name, description=description
    )


def _precondition(kind: str, subject: str, description: str) -> error_details_pb2.PreconditionFailure:
    violation = error_details_pb2.PreconditionFailure.Violation(
        type=kind, subject=subject, description=description
    )
    return error_details_pb2.PreconditionFailure(violations=[violation])


def _retry_after(seconds: float) -> error_details_pb2.RetryInfo:
    delay = Duration()
    delay.FromMilliseconds(round(1000 * max(_LEAST_RETRY_SECONDS, seconds)))
    return error_details_pb2.RetryInfo(retry_delay=delay)
