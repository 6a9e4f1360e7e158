"""The API of pixelzoo as protocol buffers, one subpackage for each major version."""
