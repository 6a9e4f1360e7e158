"""The catalogue of errors is complete and consistent, and the RPCs cite it."""

import re

import grpc
from google.rpc import error_details_pb2

COMMENT = re.compile(
    r"[^:]+\. Remedy: [a-z].+\. Status: (?P<status>[A-Z_]+); details: (?P<details>[A-Za-z, ]+); "
    r"metadata: (?P<metadata>[a-z_, ]+); retry: (?P<retry>no|after RetryInfo)\."
)
PREFIX = "ERROR_REASON_"
# Said by the RPC layer or by every server, whatever the RPC.
EVERYWHERE = {
    "INTERNAL_ERROR",
    "QUOTA_EXCEEDED",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "MODEL_FAILED",
    "UNSPECIFIED",
}


def _catalogue(protos):
    return {
        value.name.removeprefix(PREFIX): COMMENT.fullmatch(value.comment)
        for value in protos.enum_values("ErrorReason")
    }


def test_every_reason_states_remedy_status_details_metadata_and_retry(protos):
    catalogue = _catalogue(protos)
    assert len(catalogue) > 10
    for reason, comment in catalogue.items():
        assert comment, reason
        assert comment["status"] in grpc.StatusCode.__members__, reason
        details = [] if comment["details"] == "none" else comment["details"].split(", ")
        assert len(set(details)) == len(details), reason
        assert set(details) <= set(error_details_pb2.DESCRIPTOR.message_types_by_name), reason


def test_what_may_be_retried_says_when_and_nothing_else_does(protos):
    for reason, comment in _catalogue(protos).items():
        assert ("RetryInfo" in comment["details"]) == (comment["retry"] == "after RetryInfo"), reason
        # A client library may repeat UNAVAILABLE by itself; the other codes it must not.
        assert comment["status"] != "UNAVAILABLE" or comment["retry"] == "after RetryInfo", reason


def test_rpcs_cite_reasons_of_the_catalogue_and_every_reason_is_cited(protos):
    cited = set()
    for rpc in protos.rpcs():
        assert "Errors are those of" in rpc.comment or "Errors: " in rpc.comment, rpc.name
        cited |= set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", rpc.comment.partition("Errors: ")[2]))
    assert cited == set(_catalogue(protos)) - EVERYWHERE
