"""`pixelzoo serve`: the command line of the server, made from the schema of the settings."""

import asyncio
import inspect
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo_server.certificates import certificates_of
from zoo_server.config import SETTINGS, ServerConfig, Setting, SettingError
from zoo_server.config_sources import FILE_VARIABLE, read_config
from zoo_server.telemetry.log_format import configure_log
from zoo_server.tokens import tokens_of

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def serve(config: Path | None, **flags: Any) -> None:
    """Serve SavedModels over gRPC.

    When it is ready it prints one line to the standard output, "pixelzoo server ready on HOST:PORT (N models)"; its log
    goes to the standard error. SIGTERM and SIGINT stop it gracefully.

    Each setting is a flag, an environment variable (PIXELZOO_PORT for --port), or a line of the TOML file of --config
    (port = 50051): the first of these that has it counts.
    """
    try:
        settings = read_config(flags, os.environ, config)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if not settings.models.is_dir():
        remedy = "name one that holds <model>/<version>/"
        raise typer.BadParameter(f"--models: there is no folder {settings.models}: {remedy}")
    configure_log(settings.log_format, settings.log_level)
    try:
        # Before minutes are spent on loading models; the server reads them again.
        certificates_of(settings)
        tokens_of(settings)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        settings.check_ports()
        _run(settings)
    except (OSError, SettingError) as error:
        print(f"pixelzoo serve: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def _flag(setting: Setting) -> inspect.Parameter:
    """The flag of a setting as Typer reads it: None where it was not given."""
    kind: Any = list[str] if setting.kind is dict else setting.kind
    names = [f"{setting.flag}/--no-{setting.flag[2:]}" if setting.kind is bool else setting.flag]
    metavar = "MODEL=N" if setting.kind is dict else "|".join(setting.choices) or None
    option = typer.Option(*names, help=f"{setting.words}{_default(setting)}", metavar=metavar)
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _default(setting: Setting) -> str:
    if setting.kind is bool:
        return f" Default: {'yes' if setting.default else 'no'}."
    return (
        f" Default: {setting.default}." if setting.kind in (int, float, str) and setting.default != "" else ""
    )


def _signature() -> inspect.Signature:
    config = typer.Option(help=f"A TOML file of settings; else the one that {FILE_VARIABLE} names.")
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            *map(_flag, SETTINGS),
            inspect.Parameter("config", keyword, default=None, annotation=Annotated[Path | None, config]),
        ]
    )


# Typer makes the flags from the signature, and this one is made from the schema.
serve.__signature__ = _signature()  # type: ignore[attr-defined]
serve.__annotations__ = {name: one.annotation for name, one in _signature().parameters.items()}
app.command()(serve)


def _run(config: ServerConfig) -> None:
    # Until the event loop takes signals over, nothing is open, and there is nobody to say anything to. No exception:
    # one that is raised amid an import leaves TensorFlow half made.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    # Only here, so that `pixelzoo serve --help` does not wait for TensorFlow.
    from zoo_server.app import serve as serve_forever
    from zoo_server.repository.repository import Repository
    from zoo_server.tensorflow_runtime import configure_threads

    configure_threads(config.compute_threads)
    repository = Repository.scan(config.models, config.loaded_versions)

    def announce(port: int) -> None:
        # Only now: what fails when it is warmed up is not served.
        models = len({model.name for model in repository.loaded()})
        if not models:
            logging.getLogger(__name__).warning("folder %s has no model that can be served", config.models)
        plural = "" if models == 1 else "s"
        print(f"pixelzoo server ready on {config.address(port)} ({models} model{plural})", flush=True)

    asyncio.run(serve_forever(config, repository, announce))
