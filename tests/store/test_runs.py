import hashlib
import json
import multiprocessing
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cvbench.errors import RunInUse, StoreError
from cvbench.files import write_whole
from cvbench.record import Attachment
from cvbench.store import Run, Store, read_record
from cvbench.timing.series import Series, series_of, series_table
from tests.records import bad, cell, good, run_info, top1


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def writing(store, *, identity="one", fresh=False, cells=()):
    return store.writing(run_info("demo", *cells, source="demo.yaml", identity=identity), fresh=fresh)


def test_a_record_is_read_back_as_it_was_written(store):
    record = good(cell(), top1(0.8))
    with writing(store) as run:
        run.commit(record, store.staging(run))
    assert run.record(record.key) == record


def test_the_same_identity_continues_and_another_begins_anew(store):
    folders = []
    for identity in ("one", "one", "two"):
        with writing(store, identity=identity) as run:
            folders.append(run.folder)
    assert folders[0] == folders[1] != folders[2]


def test_a_fresh_run_is_a_new_folder_even_within_one_second(store):
    with writing(store) as first:
        pass
    with writing(store, fresh=True) as second:
        pass
    assert first.folder != second.folder


def test_files_are_moved_in_before_the_record_that_names_them(store):
    record = good(
        cell(), attachments=(Attachment(kind="samples", name="x", file="samples/x.bin", sha256="?"),)
    )
    with writing(store) as run:
        staged = store.staging(run)
        (staged / "x.bin").write_bytes(b"raw")
        kept = run.commit(record, staged)
    assert (run.folder / "samples" / "x.bin").read_bytes() == b"raw"
    assert kept.attachments[0].sha256 == hashlib.sha256(b"raw").hexdigest()


def test_a_second_try_replaces_a_failure_and_keeps_it_aside(store):
    with writing(store) as run:
        run.commit(bad(cell()), store.staging(run))
        run.commit(good(cell(), top1(0.8)), store.staging(run))
    assert run.record(cell().key).outcome == "ok"
    [aside] = (run.folder / "attempts").iterdir()
    assert read_record(aside).outcome == "failed"


def test_records_come_in_the_order_of_the_suite(store):
    cells = [cell(seed=seed) for seed in (3, 1, 2)]
    with writing(store, cells=cells) as run:
        for one in sorted(cells, key=lambda one: one.seed):
            run.commit(good(one), store.staging(run))
    assert [record.cell.seed for record in run.records()] == [3, 1, 2]


def _hold(folder, ready, done):
    with writing(Store(folder)):
        ready.set()
        done.wait(30)


def test_a_folder_that_another_process_writes_is_refused(store):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(store.root, ready, done))
    other.start()
    assert ready.wait(60)
    with pytest.raises(RunInUse, match="another cvbench run is writing to this folder"), writing(store):
        pass
    done.set()
    other.join()
    with writing(store):
        pass


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(StoreError, match="cannot write results"),
        writing(Store(tmp_path / "file")),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a valid record file"),
        ("[]", "has no schema number"),
        ('{"schema": 99}', r"schema 99 is newer than this cvbench supports \(1\)"),
        ('{"schema": 1}', "key: Field required"),
    ],
)
def test_a_file_that_is_no_record_is_named_with_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=message) as caught:
        read_record(path)
    assert "broken.json" in str(caught.value)


def test_runs_of_one_second_stand_in_the_order_they_began(tmp_path):
    names = ["20260102-030405", *(f"20260102-030405-{k}" for k in range(2, 12)), "20260102-030406", "mine"]
    for name in reversed(names):
        (tmp_path / "demo" / name).mkdir(parents=True)
        (tmp_path / "demo" / name / "run.json").write_text("{}")
    assert [run.folder.name for run in Store(tmp_path).runs("demo")] == names


def test_a_run_is_found_by_folder_by_suite_and_by_its_own_name(store):
    with writing(store) as run:
        pass
    for name in (str(run.folder), f"demo/{run.folder.name}", run.folder.name, "demo"):
        assert store.find(name).folder.resolve() == run.folder.resolve()
    with pytest.raises(StoreError, match='no run named "nothing"'):
        store.find("nothing")


def test_what_a_killed_run_was_staging_is_swept_away(store):
    with writing(store) as run:
        (store.staging(run) / "half.bin").write_bytes(b"half")
    with writing(store) as run:
        assert not list((run.folder / ".staging").iterdir())


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_whole(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.json"]


def test_a_full_disk_is_said_with_the_place_and_what_is_safe(store, monkeypatch):
    with writing(store) as run:
        staged = store.staging(run)

        def full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\)"):
            run.commit(good(cell()), staged)
    assert run.record(cell().key) is None


def sampled(store):
    record = good(cell(), attachments=(Attachment(kind="samples", name="l", file="l.parquet", sha256="?"),))
    with writing(store) as run:
        staged = store.staging(run)
        pq.write_table(
            series_table(Series("latency", "batch=1", "s", np.array([0.1, 0.2]), 3)), staged / "l.parquet"
        )
        return run, run.commit(record, staged)


def test_raw_samples_are_read_from_the_record_that_names_them(store):
    run, record = sampled(store)
    assert series_of(run.table(record, record.attachments[0])).values.tolist() == [0.1, 0.2]


def test_raw_samples_that_changed_are_refused(store):
    run, record = sampled(store)
    (run.folder / "samples" / "l.parquet").write_bytes(b"other")
    with pytest.raises(
        StoreError, match="samples l of resnet18: the file has changed since the record was written"
    ):
        run.table(record, record.attachments[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": "../../../etc/passwd"}, "is outside the run's folder"),
        ({"file": "samples/none.parquet"}, "cannot be read"),
    ],
)
def test_an_attachment_that_leads_astray_is_refused(store, changes, message):
    run, record = sampled(store)
    with pytest.raises(StoreError, match=message):
        run.table(record, record.attachments[0].model_copy(update=changes))


def test_what_is_held_appears_whole_and_goes_when_it_is_released(store):
    record = good(cell())
    with writing(store) as run:
        staged = store.staging(run)
        (staged / "weights.bin").write_bytes(b"w")
        run.hold(record, staged)
        run.hold_round(record.key, 0, store.staging(run))
        held = run.held(record.key)
        assert sorted(path.name for path in held.iterdir()) == ["record.json", "round-0", "weights.bin"]
        assert run.record(record.key) is None
        run.release(record.key)
    assert run.held(record.key) is None


def test_what_is_held_of_a_finished_cell_is_swept_away(store):
    record = good(cell())
    with writing(store) as run:
        run.hold(record, store.staging(run))
        run.commit(record, store.staging(run))
    with writing(store) as run:
        assert run.held(record.key) is None


def test_run_json_of_a_newer_schema_is_refused_by_name(tmp_path):
    folder = tmp_path / "demo" / "run"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(StoreError, match="schema 99 is newer than this cvbench"):
        _ = Run(Path(folder)).info


def test_records_of_earlier_variants_are_apart(store):
    limited = cell(seed=1)
    with writing(store, cells=[limited]) as run:
        run.commit(good(limited), store.staging(run))
    with writing(store, cells=[cell()]) as run:
        run.commit(good(cell()), store.staging(run))
    assert [record.key for record in run.records()] == [cell().key]
    assert [record.key for record in run.earlier_records()] == [limited.key]


def test_a_selection_keeps_the_cells_that_the_run_has_in_its_plan(store):
    three = [cell(seed=seed) for seed in (1, 2, 3)]
    planned = run_info("demo", *three).cells

    def cells_of(*chosen):
        info = run_info("demo", *chosen, source="demo.yaml", identity="one")
        with store.writing(info, fresh=False, whole=planned) as run:
            return [one.key for one in run.info.cells]

    assert cells_of(three[2]) == [three[2].key]
    assert cells_of(three[0]) == [three[0].key, three[2].key]


def test_only_the_newest_run_is_asked_whether_it_is_damaged(store):
    for identity in ("one", "two"):
        with writing(store, identity=identity) as run:
            suite = run.folder.parent.name
    assert store.newest_damage(suite) is None
    older, newer = store.runs(suite)
    (older.folder / "run.json").write_text("{")
    assert store.newest_damage(suite) is None
    (newer.folder / "run.json").write_text("{")
    assert str(newer.folder) in store.newest_damage(suite)
    assert store.newest_damage("another") is None
