"""`pixelzoo token`: a new token, and the line by which a server knows it."""

from typing import Annotated

import typer

from zoo_server.tokens import line_for, new_token

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command("token")
def make_token(
    name: Annotated[
        str, typer.Argument(help="Whose it is: letters, digits, - and _. It is shown in errors.")
    ],
    concurrent_calls: Annotated[int, typer.Option(min=0, help="Most calls in flight; 0 for any number.")] = 0,
    requests_per_second: Annotated[float, typer.Option(min=0, help="Most calls a second; 0 for any.")] = 0.0,
    burst: Annotated[int, typer.Option(min=0, help="Calls at once after a rest; 0 for a second's.")] = 0,
    service: Annotated[list[str] | None, typer.Option(help="May call this one only; repeatable.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="May use this one only; repeatable.")] = None,
) -> None:
    """Make a bearer token for a server.

    The token goes to the standard error, this once: it is stored nowhere. The line for the server's token file, which
    has only its digest, goes to the standard output: pixelzoo token studio >> tokens.toml
    """
    token = new_token()
    try:
        line = line_for(
            name,
            token,
            concurrent_calls=concurrent_calls,
            requests_per_second=requests_per_second,
            burst=burst,
            services=service or (),
            models=model or (),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"The token of {name}, shown only now: {token}", err=True)
    typer.echo(line)
