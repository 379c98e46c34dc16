"""`python -m cvbench` is the `cvbench` command."""

from cvbench.cli.main import app

app()
