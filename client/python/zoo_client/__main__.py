"""`python -m zoo_client`: the same as the command `pixelzoo`."""

from zoo_client.cli import main

if __name__ == "__main__":
    main()
