"""The column of times: found by itself or named, and no reason to leave an article out."""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally import InputError
from newstally.inputs import Columns, Record, Source, Survey, survey
from newstally.inputs.dating import SHOWN, Dating

NEW_YEAR = datetime(2017, 1, 1, tzinfo=UTC)


def records(path: Path, text: str, columns: Columns | None = None) -> list[Record]:
    path.write_text(text)
    return list(Source([path], columns or Columns()).records())


def surveyed(path: Path, text: str, columns: Columns | None = None) -> Survey:
    path.write_text(text)
    return survey(Source([path], columns or Columns()))


def times(found: list[Record]) -> list[str]:
    return [
        record.article.publish_time.isoformat()
        if record.article.publish_time
        else record.time_problem
        for record in found
    ]


def test_all_the_news_of_kaggle_is_read_as_it_is(tmp_path: Path) -> None:
    """The columns of both editions; the first has floats for years, and rows without a date."""
    first = (
        ",id,title,publication,author,date,year,month,url,content\n"
        "0,17283,House Republicans Fret,New York Times,Carl Hulse,2016-12-31,2016.0,12.0,,WASHING\n"
        "1,17284,Rift Between,New York Times,Benjamin M.,,,,,After the bullet\n"
    )
    second = "date,year,publication,body\n2016-09-08 15:00:00,2016,Vox,This is\n"
    assert times(records(tmp_path / "a.csv", first)) == ["2016-12-31T00:00:00+00:00", "no time"]
    assert times(records(tmp_path / "b.csv", second)) == ["2016-09-08T15:00:00+00:00"]


@pytest.mark.parametrize("name", ["publish_time", "Published", "publishedAt", " DATE ", "pubDate"])
def test_usual_names_are_found_by_themselves(tmp_path: Path, name: str) -> None:
    """In any case, in CSV as in JSON."""
    row = {"publication": "P", "content": "x", name: "2017-01-01T00:00:00Z"}
    found = records(tmp_path / "a.jsonl", json.dumps(row))
    found += records(tmp_path / "a.csv", f"publication,content,{name}\nP,x,2017-01-01")
    assert [record.article.publish_time for record in found] == [NEW_YEAR] * 2


def test_of_several_names_the_first_of_the_list_counts(tmp_path: Path) -> None:
    """The day of publication, and not that of the crawl."""
    text = "date,publish_time,publication,content\n2020-01-01,2017-01-01,P,x\n"
    assert records(tmp_path / "a.csv", text)[0].article.publish_time == NEW_YEAR


def test_a_column_can_be_named(tmp_path: Path) -> None:
    """A CSV file that has not got it is an error; a JSON record may lack it."""
    columns = Columns(time=("written",))
    text = "written,date,publication,content\n2017-01-01,2020-01-01,P,x\n"
    assert records(tmp_path / "a.csv", text, columns)[0].article.publish_time == NEW_YEAR
    with pytest.raises(InputError, match=r"no column written for the time; there are: .*--time-"):
        records(tmp_path / "b.csv", "date,publication,content\n2017-01-01,P,x\n", columns)
    row = {"publication": "P", "content": "x"}
    lines = [json.dumps(row), json.dumps({**row, "written": "2017-01-01"})]
    assert times(records(tmp_path / "a.jsonl", "\n".join(lines), columns)) == [
        "no time",
        NEW_YEAR.isoformat(),
    ]


@pytest.mark.parametrize("value", ["03/04/2020", 1483228800, True, {"$date": "2017-01-01"}, "soon"])
def test_what_cannot_be_read_is_told_and_counted(tmp_path: Path, value: object) -> None:
    """The record is an article, and no malformed one."""
    row = {"publication": "P", "content": "x", "date": value}
    (record,) = records(tmp_path / "a.jsonl", json.dumps(row))
    assert (record.article.content, record.problem) == ("x", "")
    assert record.article.publish_time is None
    assert record.time_problem not in ("", "no time")


def test_a_day_that_may_be_two_is_read_as_told(tmp_path: Path) -> None:
    """--day-first and --month-first."""
    text = "publication,content,date\nP,x,03/04/2020\n"
    found = {
        day_first: times(records(tmp_path / "a.csv", text, Columns(day_first=day_first)))
        for day_first in (None, True, False)
    }
    assert found[True] == ["2020-04-03T00:00:00+00:00"]
    assert found[False] == ["2020-03-04T00:00:00+00:00"]
    assert found[None] == ["'03/04/2020' may be 2020-03-04 or 2020-04-03"]


def test_the_survey_says_how_many_have_a_time(tmp_path: Path) -> None:
    """And which have none; what is malformed is no article; a list is not endless."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["publication", "content", "date"])
    writer.writerow(["P", "x", "2017-01-01"])
    writer.writerows([["P", "x", "nan"]] * (SHOWN + 5))
    writer.writerow(["P", "x", "1/2/2017"])
    writer.writerow(["P", "x"])
    dating = surveyed(tmp_path / "a.csv", text.getvalue()).dating
    assert (dating.dated, dating.missing, dating.unreadable) == (1, SHOWN + 5, 1)
    assert dating.summary() == "1 with a time, 25 without, 1 with one that cannot be read"
    lines = list(dating.lines())
    assert lines[0] == f"under no day: {tmp_path}/a.csv:3: no time"
    assert lines[SHOWN:] == [
        f"under no day: {tmp_path}/a.csv:28: '1/2/2017' may be 2017-01-02 or 2017-02-01",
        "under no day: 5 more without a time",
        "--day-first or --month-first says how such days are meant",
    ]
    assert dating.as_json()["undated_records"][-1]["line"] == 28


def test_records_without_a_day_are_told_in_their_order(tmp_path: Path) -> None:
    """Whatever is wrong with each; kinds of which there are none are not told."""
    times = ["1/2/2017", "", "1/2/2017", "2017-01-01"]
    rows = "".join(f"P,x,{time}\n" for time in times)
    dating = surveyed(tmp_path / "a.csv", f"publication,content,date\n{rows}").dating
    lines = list(dating.lines())
    assert [line.split(":")[2] for line in lines[:3]] == ["2", "3", "4"]
    assert dating.summary() == "1 with a time, 1 without, 2 with one that cannot be read"
    whole = surveyed(tmp_path / "b.csv", "publication,content,date\nP,x,2017-01-01\n").dating
    assert whole.summary() == "1 with a time"


def test_nothing_is_said_of_times_where_there_are_none(tmp_path: Path) -> None:
    """An input without such a column is a usual one."""
    dating = surveyed(tmp_path / "a.csv", "publication,content\nP,x\n").dating
    assert dating == Dating()
    assert (dating.summary(), list(dating.lines())) == ("", [])


def test_without_times_the_id_is_what_it_was(tmp_path: Path) -> None:
    """Otherwise an upgrade would count every input once more."""
    text = "publication,content,id,date\nP,x y,7,\nQ,z,8,3/4/2020\n"
    articles = [("P", "x y", "7"), ("Q", "z", "8")]
    plain = b"newstally 1\n" + b"".join(
        len(field).to_bytes(8, "big") + field.encode() for fields in articles for field in fields
    )
    expected = f"input-{hashlib.sha256(plain).hexdigest()[:40]}"
    assert surveyed(tmp_path / "a.csv", text).fingerprint.upload_id == expected
    assert surveyed(
        tmp_path / "a.csv", text, Columns(day_first=True)
    ).fingerprint.upload_id not in (
        expected,
        surveyed(tmp_path / "a.csv", text, Columns(day_first=False)).fingerprint.upload_id,
    )


MOMENTS = st.none() | st.integers(-(10**9), 10**9).map(lambda s: NEW_YEAR + timedelta(seconds=s))
INPUTS = st.lists(st.tuples(st.sampled_from(["", "a", "b"]), MOMENTS), max_size=4)


@settings(deadline=None)
@given(INPUTS, INPUTS)
def test_inputs_of_other_times_are_other_uploads(
    tmp_path_factory: pytest.TempPathFactory,
    one: list[tuple[str, datetime | None]],
    other: list[tuple[str, datetime | None]],
) -> None:
    """The same times the same upload, however they are written; other times, or none, another."""
    folder = tmp_path_factory.mktemp("times", numbered=True)
    ids = [
        surveyed(
            folder / "a.jsonl", "\n".join(json.dumps(_row(*each)) for each in rows)
        ).fingerprint.upload_id
        for rows in (one, other)
    ]
    spelt = "\n".join(json.dumps(_row(*each, form="%a, %d %b %Y %H:%M:%S +0000")) for each in one)
    assert surveyed(folder / "a.jsonl", spelt).fingerprint.upload_id == ids[0]
    assert (ids[0] == ids[1]) == (one == other)


def _row(content: str, time: datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> dict[str, str]:
    when = {} if time is None else {"date": time.strftime(form)}
    return {"publication": "P", "content": content, **when}
