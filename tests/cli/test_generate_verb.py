"""generate: records of errors that never happened."""

import json

import pytest

import apeitool as apei


def test_records_one_after_the_other(apeitool) -> None:
    done = apeitool("generate", "--sections", "memory,pcie", "--count", "20", "--seed", "1")
    assert (done.status, done.err) == (0, "")
    listed = apeitool("decode", "--to", "jsonl", "-", stdin=done.out)
    assert listed.status == 0
    assert len(listed.out.splitlines()) == 20
    assert apeitool("encode", "-", stdin=listed.out).out == done.out
    again = apeitool("generate", "--sections", "memory,pcie", "--count", "20", "--seed", "1")
    assert again.out == done.out


def test_a_seed_that_is_not_given_is_said(apeitool) -> None:
    done = apeitool("generate")
    (word, seed) = done.err.split()
    assert word == "seed"
    assert apeitool("generate", "--seed", seed).out == done.out


@pytest.mark.parametrize("form", ["record", "block", "section", "jsonl"])
def test_forms(apeitool, form) -> None:
    done = apeitool("generate", "--seed", "3", "--to", form)
    if form == "jsonl":
        assert json.loads(done.out)["kind"] == "Record"
    else:
        as_ = "memory" if form == "section" else form
        assert apei.decode(done.out, as_=as_).problems == ()


def test_broken_ones(apeitool, tmp_path) -> None:
    path = tmp_path / "broken"
    apeitool("generate", "--broken", "section-length", "--seed", "1", "-o", path)
    done = apeitool("decode", path)
    assert done.status == 0
    assert "section-truncated" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--sections", "memroy"), ("--dialect", "solaris"), ("--broken", "everything"),
        ("--broken", "all", "--to", "jsonl"), ("--count", "-1"),
    ],
)  # fmt: skip
def test_wrong_usage(apeitool, arguments) -> None:
    assert apeitool("generate", *arguments).status == 2
