import subprocess
import sys

from typer.testing import CliRunner

import cvbench
from cvbench.cli.main import app


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "cvbench", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_users_mistake_ends_with_exit_code_2_and_no_traceback(tmp_path):
    done = run("run", str(tmp_path / "absent.yaml"))
    assert done.returncode == 2
    assert "absent.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_explains_itself():
    for command in ("run", "plan", "list", "show", "env", "schema", "data"):
        done = CliRunner().invoke(app, [command, "--help"])
        assert done.exit_code == 0, command
        assert "Usage" in done.stdout


def test_ab_is_another_name_of_duet_and_listed_with_it_once():
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert [line.split()[1] for line in listed.splitlines() if "Also: ab." in line] == ["duet"]
    assert not [line for line in listed.splitlines() if line.split()[1:2] == ["ab"]]
    ab, duet = (CliRunner().invoke(app, [name, "--help"]) for name in ("ab", "duet"))
    assert ab.exit_code == 0
    assert ab.stdout.split() == duet.stdout.replace(" duet ", " ab ", 1).split()


def test_help_tells_the_exit_codes():
    assert "3 a cell failed" in " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())


def test_the_python_words_are_those_of_the_command_line():
    for word in cvbench.__all__:
        assert callable(getattr(cvbench, word))


def test_an_unknown_word_is_an_attribute_error():
    assert not hasattr(cvbench, "no_such_word")


def test_completion_can_be_installed():
    done = run("--show-completion", "bash")
    assert done.returncode in (0, 1, 2)
    assert "Traceback" not in done.stderr
