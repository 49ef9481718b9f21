"""`python -m keyviz`: see `python -m keyviz --help`."""

from ._cli import run

if __name__ == "__main__":
    run()
