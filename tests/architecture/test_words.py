"""The list of habit words finds what it is for, and nothing else."""

import pytest

from tests.architecture.words import habits_of

HABITS = [
    "The mistakes are told in the log.",
    "The name stands in the record.",
    "The file lies in the folder.",
    "The sum comes to 3.",
    "Each run is held against the last.",
    "Reports images a second.",
    "There is one record a cell.",
    "It is no run.",
    "The loss is no number any more.",
    "Those that fail are skipped.",
    "It needs so many images.",
    "The run begins anew.",
    "It resumes by itself.",
    "The images come along.",
    "It runs beside the other.",
    "It goes on where it stopped.",
    "All mistakes at once.",
    "Every figure has an interval.",
    "A headline of the table.",
    "There is a caution.",
    "The passport of the data.",
    "The change is beyond doubt.",
    "What would have been seen would be seen.",
    "Each loader process reads.",
    "It has undecodable images.",
    "There are 60 shadowed objects.",
    "A model by address.",
    "A folder of one's own.",
    "The net learns.",
    "In drawn order.",
    "The machine at best.",
    "The colour is grey.",
    "It normalises.",
]
PLAIN = [
    "The model processes 640 images/s on a GPU; there is no dataset named coco8.",
    "U-Net is no longer trained. See `net` and `figures`, and resnet18.",
    "One box of an image, in a second file.",
    "What the value stands for; the supervised otherwise precise noise.",
]


@pytest.mark.parametrize("text", HABITS)
def test_a_habit_is_found_in_markdown_docstrings_comments_and_strings(text, tmp_path):
    forms = {
        "a.md": f"# Title\n\n{text}\n",
        "b.py": f'"""{text}"""\n',
        "c.py": f"x = 1\ny = 2  # {text}\n",
        "d.py": f"x = 1\nraise ValueError({text!r})\n",
    }
    for name, content in forms.items():
        (tmp_path / name).write_text(content)
        found = list(habits_of(tmp_path / name, name))
        assert found, (name, text)
        assert found[0].line == {"a.md": 3, "b.py": 1, "c.py": 2, "d.py": 2}[name]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_english_and_code_are_let_pass(text, tmp_path):
    (tmp_path / "a.md").write_text(text)
    assert not list(habits_of(tmp_path / "a.md", "a.md"))
