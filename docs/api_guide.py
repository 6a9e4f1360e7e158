"""The API guide, api.md: from the comments of the protos, the tour programs of the clients, and the code's own limits.

    python docs/api_guide.py            # write
    python docs/api_guide.py --check    # compare, and exit 1 if the page is stale

It needs buf beside this Python, as every environment of `make setup` has it.
"""

import argparse
import re
import sys
from pathlib import Path

from api_limits import limits
from api_markdown import escaped, link, table
from api_protos import Enum, Field, Message, Protos, Rpc, Service, compiled
from api_samples import CLIENTS, TOURS, beginning, samples
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

PAGE = Path(__file__).with_name("api.md")

_IDEMPOTENCY = {
    "NO_SIDE_EFFECTS": "No side effects: the same request may be sent again.",
    "IDEMPOTENT": "Idempotent.",
}
_BEHAVIOUR = {"REQUIRED": "required", "OPTIONAL": "optional", "OUTPUT_ONLY": "output"}


def page(protos: Protos) -> str:
    """The whole page."""
    tours = ", ".join(f"[{tour.language}](../client/{tour.path.relative_to(CLIENTS)})" for tour in TOURS)
    return f"""\
<!-- Written by docs/api_guide.py from protos/pixelzoo/v1 and the tour programs of the clients: edit those. -->
# The API

The contract is [`protos/pixelzoo/v1`](../protos/pixelzoo/v1). This page says the same, with examples. Those of a
language are parts of one program, which the tests run against a server with the bundled models: {tours}.
{link("To begin with")} has what they stand on.

[The operations guide](operations.md) says how to run a server. Every one also answers `grpc.health.v1.Health` and,
unless it is told otherwise, reflection. [Web pages and curl](web.md) call through Envoy.

{_contents(protos)}
## To begin with

What every example of a language stands on. `sneaker` is the picture that Sample draws, `boot` what Translate makes
of it.

{beginning()}
{"".join(_service(service, protos) for service in _services(protos))}## Messages

What requests and responses consist of.

{_parts(protos)}## Errors

{_errors(protos)}
## Deadlines and sizes

{limits()}"""


def _services(protos: Protos) -> list[Service]:
    """In the order of the tours, whose parts build on those before."""
    place = {name: i for i, name in enumerate(TOURS[0].parts())}
    return sorted(protos.services, key=lambda service: place.get(service.rpcs[0].proto.name, len(place)))


def _contents(protos: Protos) -> str:
    services = [
        f"{link(service.name)}: {', '.join(link(rpc.proto.name) for rpc in service.rpcs)}"
        for service in _services(protos)
    ]
    return "".join(
        f"- {line}\n"
        for line in [
            link("To begin with"),
            *services,
            *map(link, ("Messages", "Errors", "Deadlines and sizes")),
        ]
    )


def _service(service: Service, protos: Protos) -> str:
    rpcs = "".join(_rpc(service, rpc, protos) for rpc in service.rpcs)
    return f"## {service.name}\n\n{escaped(service.text)}\n\n{rpcs}"


def _rpc(service: Service, rpc: Rpc, protos: Protos) -> str:
    stream = "a stream of " if rpc.proto.server_streaming else ""
    request, response = _ends(rpc)
    errors = re.sub(r"(?<= those of )\w+", lambda name: link(name[0]), escaped(rpc.errors))
    idempotency = f"{_IDEMPOTENCY[rpc.idempotency]} {escaped(rpc.idempotency_text)}".strip()
    return f"""\
### {rpc.proto.name}

{escaped(rpc.text)}

`pixelzoo.v1.{service.name}/{rpc.proto.name}` takes {link(request)} and gives {stream}{link(response)}. {idempotency}

{_message(protos.messages[request])}
{_message(protos.messages[response])}
{link("Errors")}{errors}

{samples(rpc.proto.name)}
"""


def _ends(rpc: Rpc) -> tuple[str, str]:
    """The names of the request and of the response."""
    return _last(rpc.proto.input_type), _last(rpc.proto.output_type)


def _parts(protos: Protos) -> str:
    """All messages and enums but requests, responses and the catalogue of errors, by name."""
    elsewhere = {name for service in protos.services for rpc in service.rpcs for name in _ends(rpc)}
    found = {name: _message(message) for name, message in protos.messages.items()}
    found |= {name: _enum(enum) for name, enum in protos.enums.items()}
    return "".join(f"{found[name]}\n" for name in sorted(found.keys() - elsewhere - {"ErrorReason"}))


def _message(message: Message) -> str:
    oneofs = "".join(f"`{name}`: {escaped(text)}\n\n" for name, text in message.oneofs.items())
    rows = [
        (
            f"`{field.proto.name}`",
            _type(field),
            _behaviour(field),
            f"{escaped(field.text)}<br>{escaped(field.values)}",
        )
        for field in message.fields
    ]
    fields = table(("field", "type", "presence", "meaning"), rows)
    return f"#### {message.name}\n\n{escaped(message.text)}\n\n{oneofs}{fields}"


def _enum(enum: Enum) -> str:
    rows = [(f"`{name}`", str(number), escaped(text)) for name, number, text in enum.values]
    return f"#### {enum.name}\n\n{escaped(enum.text)}\n\n{table(('value', 'number', 'meaning'), rows)}"


def _type(field: Field) -> str:
    proto = field.proto
    if proto.type_name.startswith(".pixelzoo."):
        name = link(_last(proto.type_name))
    elif proto.type_name:
        name = f"`{proto.type_name.removeprefix('.')}`"
    else:
        name = f"`{FieldDescriptorProto.Type.Name(proto.type).removeprefix('TYPE_').lower()}`"
    return f"list of {name}" if proto.label == FieldDescriptorProto.LABEL_REPEATED else name


def _behaviour(field: Field) -> str:
    words = _BEHAVIOUR[field.behaviour]
    return f"{words}, one of `{field.oneof}`" if field.oneof else words


def _errors(protos: Protos) -> str:
    said = " ".join(rpc.errors for service in protos.services for rpc in service.rpcs)
    cited = set(re.findall(r"[A-Z_]{3,}", said))
    everywhere = ", ".join(f"`{reason.name}`" for reason in protos.reasons if reason.name not in cited)
    head = ("reason", "what happened", "what to do", "status", "other details", "metadata", "send again")
    rows = [
        (
            f"`{reason.name}`",
            escaped(reason.text),
            escaped(reason.remedy[0].upper() + reason.remedy[1:]),
            f"`{reason.status}`",
            reason.details,
            reason.metadata,
            reason.retry,
        )
        for reason in protos.reasons
    ]
    return f"""\
Every error has a `google.rpc.ErrorInfo` in its status, with the domain `pixelzoo`, one of the reasons below, and
metadata that hold what the message says in words. The other details of `google.rpc` stand beside it, each at most once.
Programs decide by the reason, people read the message; the clients of this repository unpack both. Beside the reasons
that an RPC names, any call may be answered with
{everywhere}.

{table(head, rows)}
An error without an ErrorInfo is gRPC's own: `UNAVAILABLE` where no server answers, `DEADLINE_EXCEEDED` for a deadline
that passed during the work, `CANCELLED`, `UNIMPLEMENTED` for an RPC that the server is too old to know, and
`RESOURCE_EXHAUSTED` for a message that is larger than its receiver takes ({link("Message sizes")}).
"""


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def main() -> int:
    """Write or check; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare with the page, and write nothing")
    check = parser.parse_args().check
    fresh = page(compiled())
    if not check:
        PAGE.write_text(fresh)
        return 0
    if PAGE.exists() and PAGE.read_text() == fresh:
        return 0
    sys.stderr.write(f"{PAGE.name} is stale: run python docs/api_guide.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
