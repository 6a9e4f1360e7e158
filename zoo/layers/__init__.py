"""Building blocks that two or more families use, and networks too large for the file of their family."""
