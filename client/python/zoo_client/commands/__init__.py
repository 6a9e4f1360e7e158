"""The subcommands that call a server, one module each; `zoo_client.cli` imports the one that is used."""
