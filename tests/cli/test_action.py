"""The GitHub Action says what the command line understands, and takes nobody's text for code."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


def test_every_input_is_used_and_every_one_used_is_there():
    used = set(re.findall(r"inputs\.([\w-]+)", str(ACTION["runs"])))
    assert used == set(ACTION["inputs"])


@pytest.mark.parametrize("name", STEPS)
def test_scripts_are_sound_and_take_inputs_as_variables_alone(name):
    script = STEPS[name]["run"]
    assert "${{" not in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(("name", "command"), [("Duet", "duet"), ("Check", "check")])
def test_its_options_are_those_of_the_command(cvbench, name, command):
    script = STEPS[name]["run"]
    given = set(re.findall(r"[( ](--[a-z-]+) \"|\((--strict)\)", script))
    help_text = cvbench(command, "--help").stdout
    for option in {one for pair in given for one in pair if one}:
        assert option in help_text


def test_it_installs_its_own_folder_and_nothing_from_an_index(tmp_path):
    """The runner checks out the ref that the workflow names, and says where."""
    step = STEPS["Install"]
    assert step["env"] == {"ACTION": "${{ github.action_path }}"}
    calls, python = tmp_path / "calls", tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {calls}\n')
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ACTION": "/checked out/cvbench"}
    subprocess.run(["bash", "-c", step["run"]], env=environment, check=True)
    assert calls.read_text().splitlines() == ["-m", "pip", "install", "--quiet", "/checked out/cvbench"]


def test_an_empty_install_skips_that_step():
    assert STEPS["Install"]["if"] == "inputs.install != ''"
    assert ACTION["inputs"]["install"]["default"]


def test_the_workflow_in_the_docs_is_six_lines_with_the_least_rights_and_fixed_actions():
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    text = page.split("```yaml\n")[1].split("```")[0]
    workflow = yaml.safe_load(text)
    assert len(text.splitlines()) == 6
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert set(job["steps"][1]["with"]) <= set(ACTION["inputs"])
    assert all(re.fullmatch(r".+@([0-9a-f]{40}|COMMIT)", step["uses"]) for step in job["steps"])


def test_no_script_runs_python_code_of_the_pull_requests_folder():
    for step in STEPS.values():
        assert "python -c" not in step["run"]
        assert all(line.startswith("cd / && ") for line in step["run"].splitlines() if "python -m" in line)


@pytest.mark.parametrize("asked", ["results/ci/now", None])
def test_the_check_step_reads_the_run_without_python(tmp_path, asked):
    calls, command = tmp_path / "calls", tmp_path / "cvbench"
    document = f'{{"run": "{asked}", "records": [{{"run": "x"}}]}}' if asked else ""
    command.write_text(f"#!/bin/sh\n[ $1 = run ] && echo '{document}' || printf '%s\\n' \"$@\" >> {calls}\n")
    command.chmod(0o755)
    given = {"SUITE": "s", "AGAINST": "b.json", "DOUBT": "pass", "JUNIT": "j"}
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **given}
    script = ["bash", "-c", STEPS["Check"]["run"]]
    done = subprocess.run(script, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == (0 if asked else 2)
    assert (calls.read_text().splitlines()[:2] if asked else calls.exists()) == (
        ["check", asked] if asked else False
    )
