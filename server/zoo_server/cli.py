"""`pixelzoo serve`: the command line of the server."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo_server.config import ServerConfig, bundled_models

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_DEFAULTS = ServerConfig(models=Path())


@app.command()
def serve(
    models: Annotated[
        Path | None, typer.Option(help="Folder of <model>/<version>/; the bundled models if not given.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for every network.")
    ] = _DEFAULTS.host,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one and prints it.")
    ] = _DEFAULTS.port,
    max_pending_items: Annotated[
        int, typer.Option(help="Items that may wait or be in the making; beyond them calls get QUEUE_FULL.")
    ] = _DEFAULTS.max_pending_items,
    max_message_bytes: Annotated[
        int, typer.Option(help="Largest request accepted, in bytes.")
    ] = _DEFAULTS.max_message_bytes,
    max_response_bytes: Annotated[
        int, typer.Option(help="Most pixels of the pictures of one response, in bytes.")
    ] = _DEFAULTS.max_response_bytes,
    max_pixels_per_image: Annotated[
        int, typer.Option(help="Most pixels of a picture sent to the server.")
    ] = _DEFAULTS.max_pixels_per_image,
    grace_seconds: Annotated[
        float, typer.Option(help="How long calls in flight may go on after a signal to stop.")
    ] = _DEFAULTS.grace_seconds,
    compute_threads: Annotated[
        int, typer.Option(help="Cores that one TensorFlow operation may use; 0 means all.")
    ] = _DEFAULTS.compute_threads,
    image_threads: Annotated[
        int, typer.Option(help="Threads that decode and encode pictures.")
    ] = _DEFAULTS.image_threads,
    reflection: Annotated[
        bool, typer.Option(help="Whether clients may ask for the descriptors of the services.")
    ] = _DEFAULTS.reflection,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Serve SavedModels over gRPC.

    When it is ready it prints one line to the standard output, "pixelzoo server ready on HOST:PORT (N models)"; its log
    goes to the standard error. SIGTERM and SIGINT stop it gracefully.
    """
    try:
        config = ServerConfig(
            models=models or bundled_models(),
            host=host,
            port=port,
            max_pending_items=max_pending_items,
            max_message_bytes=max_message_bytes,
            max_response_bytes=max_response_bytes,
            max_pixels_per_image=max_pixels_per_image,
            grace_seconds=grace_seconds,
            compute_threads=compute_threads,
            image_threads=image_threads,
            reflection=reflection,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise typer.BadParameter(f"--log-level must be DEBUG, INFO, WARNING or ERROR, and is {log_level}")
    if not config.models.is_dir():
        remedy = "name one that holds <model>/<version>/"
        raise typer.BadParameter(f"--models: there is no folder {config.models}: {remedy}")
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("absl").setLevel(logging.WARNING)  # TensorFlow's notes while it loads a SavedModel.
    try:
        config.check_port()
        _run(config)
    except OSError as error:
        print(f"pixelzoo serve: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def _run(config: ServerConfig) -> None:
    # Only here, so that `pixelzoo serve --help` does not wait for TensorFlow.
    from zoo_server.app import serve as serve_forever
    from zoo_server.repository.repository import Repository
    from zoo_server.tensorflow_runtime import configure_threads

    configure_threads(config.compute_threads)
    repository = Repository.load(config.models)
    models = len({model.name for model in repository.loaded()})
    if not models:
        logging.getLogger(__name__).warning("folder %s has no model that can be served", config.models)

    def announce(port: int) -> None:
        plural = "" if models == 1 else "s"
        print(f"pixelzoo server ready on {config.address(port)} ({models} model{plural})", flush=True)

    asyncio.run(serve_forever(config, repository, announce))
