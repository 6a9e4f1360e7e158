"""`pixelzoo demo`: a server on the bundled models, everything they do, and a contact sheet of it."""
