"""The type checker of the tests: an int is a float, as the language itself has it (PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
