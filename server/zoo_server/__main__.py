"""`python -m zoo_server` is `pixelzoo serve`."""

from zoo_server.cli import app

app(prog_name="pixelzoo serve")
