"""JSON messages at the door: whatever comes, it is read right or refused by one error of one line."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.interfaces.json_catalogue import ANSWER, EPISODE, OBJECT_REQUEST, OBJECT_STATE, SCHEMAS, SESSION
from aassl_ros.data.interfaces.json_gallery import GALLERY, GALLERY_COMMAND
from aassl_ros.data.interfaces.json_records import (
    CheckpointNews,
    EvaluatorAnswer,
    GalleryCommand,
    GalleryNews,
    ObjectRequest,
    ObjectState,
    WeightsPart,
)
from aassl_ros.data.interfaces.json_schema import JsonMessageError, Schema
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.ledger import Ledger, TopicCounts
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.errors import BagError

PARSERS = (
    EpisodeEvent.parse,
    ObjectRequest.parse,
    GalleryCommand.parse,
    GalleryNews.parse,
    ObjectState.parse,
    CheckpointNews.parse,
    WeightsPart.parse,
    EvaluatorAnswer.parse,
    Session.from_json,
    Ledger.from_json,
)
START = dict(EPISODE.example)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def refusal(schema: Schema, text: str) -> str:
    with pytest.raises(JsonMessageError) as caught:
        schema.decode(text)
    return str(caught.value)


def survives(text: str) -> None:
    for parse in PARSERS:
        said = "read"
        try:
            parse(text)
        except (JsonMessageError, BagError) as error:
            said = str(error)
        assert len(said.splitlines()) == 1
        assert len(said) < 1000


@given(st.text(st.characters()))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    survives(text)


@given(VALUES)
def test_any_json_is_read_or_refused_in_one_line(value: Any) -> None:
    survives(json.dumps(value))


@given(schema=st.sampled_from(SCHEMAS), data=st.data())
def test_a_correct_message_with_one_changed_value_is_read_or_refused_in_one_line(
    schema: Schema, data: st.DataObject
) -> None:
    keys = [field.key for field in schema.fields] + ["schema", "unknown"]
    survives(json.dumps({**schema.example, data.draw(st.sampled_from(keys)): data.draw(VALUES)}))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.topic)
def test_a_message_survives_encoding_and_contains_its_schema(schema: Schema) -> None:
    text = schema.encode(schema.example)
    assert json.loads(text)["schema"] == f"aassl_ros/{schema.topic}/1"
    assert (
        schema.decode(text).items() >= {k: v for k, v in schema.example.items() if k not in ("roles", "topics")}.items()
    )


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.topic)
def test_a_message_without_a_schema_is_read_as_version_1_and_a_newer_version_is_refused(schema: Schema) -> None:
    assert schema.decode(json.dumps(schema.example)) == schema.decode(schema.encode(schema.example))
    newer = json.dumps({"schema": f"aassl_ros/{schema.topic}/2", **schema.example})
    assert "a newer aassl_ros wrote this message; update aassl_ros here" in refusal(schema, newer)


@pytest.mark.parametrize(
    "reported", [1, "", "episode/1", "aassl_ros/episode/0", "aassl_ros/trainer/checkpoint/1", ["a"]]
)
def test_another_schema_is_refused(reported: Any) -> None:
    said = refusal(EPISODE, json.dumps({"schema": reported, **START}))
    assert "expected aassl_ros/episode/1, or no schema at all" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "is 100000 characters long, expected at most 65536"),
        ("[" * 60_000, "is nested deeper than 8 levels"),
        ('{"a":' * 9 + "1" + "}" * 9, "is nested deeper than 8 levels"),
        ('{"id": NaN}', "contains NaN, expected finite numbers"),
        ('{"stamp": -Infinity}', "contains -Infinity, expected finite numbers"),
        ('{"stamp": ' + "9" * 5000 + "}", "contains a number of 5000 digits"),
        ('{"set": "test", "set": "train"}', "contains the key 'set' twice"),
        ("mug", "is not JSON (Expecting value at character 0)"),
        ("[1]", "is not a JSON object, expected a JSON object with id, stamp, event"),
        (json.dumps({**START, "instance": "a\nb"}), r"instance = 'a\nb', expected"),
        (json.dumps({**START, "instance": "\ud800"}), r"instance = '\ud800', expected"),
        (json.dumps({**START, "stamp": 2**63}), "stamp = 9223372036854775808, expected an integer of nanoseconds"),
    ],
)  # fmt: skip
def test_a_message_beyond_a_limit_is_refused_with_the_reason(text: str, said: str) -> None:
    assert said in refusal(EPISODE, text)


def test_brackets_in_strings_do_not_count_as_nesting() -> None:
    assert EpisodeEvent.parse(json.dumps({**START, "instance": '[[[[[[[[[[{{{"\\'})).instance == '[[[[[[[[[[{{{"\\'


def test_a_text_full_of_escapes_is_refused_quickly() -> None:
    # Twice the length of a quadratic scan would be seconds; this only has to end.
    assert "is not JSON" in refusal(EPISODE, '"' + '\\"' * 30_000)


def test_a_misspelt_key_is_refused_instead_of_using_its_default() -> None:
    values = {key: value for key, value in START.items() if key != "set"}
    for wrong in ("Set", "sets"):
        assert f"unknown key {wrong!r}, expected the key set" in refusal(EPISODE, json.dumps({**values, wrong: "test"}))


def test_unknown_keys_are_ignored() -> None:
    assert EpisodeEvent.parse(json.dumps({**START, "note": "chipped"})) == EpisodeEvent.parse(json.dumps(START))


def test_null_in_an_optional_key_means_the_same_as_an_absent_key() -> None:
    assert EpisodeEvent.parse(json.dumps({**START, "set": None, "category": None})).set == "train"


def test_the_error_names_the_place_in_nested_values() -> None:
    values = {**SESSION.example, "roles": {"cameras": {"front": 3}, "joint_states": "/joint_states"}}
    assert "recorder/session: roles.cameras.front = 3, expected a topic's name" in refusal(SESSION, json.dumps(values))


def test_an_infinity_written_as_a_large_number_is_refused() -> None:
    assert "settings.rate = inf" in refusal(
        SESSION, json.dumps(SESSION.example)[:-1] + ', "settings": {"rate": 1e999}}'
    )


def test_an_answer_is_a_stamp_or_an_error() -> None:
    assert "either stamp or error" in refusal(OBJECT_STATE, '{"request": 1}')
    assert "either stamp or error" in refusal(OBJECT_STATE, '{"stamp": 1, "error": "no"}')


def test_the_error_of_a_refused_request_still_contains_the_request_id() -> None:
    with pytest.raises(JsonMessageError) as caught:
        OBJECT_REQUEST.decode('{"instance": 5, "request": "r1"}')
    assert caught.value.values == {"category": None, "request": "r1"}


def test_a_score_that_is_not_a_number_is_not_sent() -> None:
    with pytest.raises(JsonMessageError, match=r"scores\.mug = nan, expected a number from 0 to 1"):
        EvaluatorAnswer(1, "mug", {"mug": float("nan")}, "ab").to_json()


@pytest.mark.parametrize(
    "message",
    [
        ObjectRequest("mug_0003", "mug", 7),
        ObjectRequest(None),
        ObjectState("r1", "mug_0003", "mug", 5),
        ObjectState(None, error="no such mug."),
        CheckpointNews("/runs/a", "ab" * 32, 3),
        EvaluatorAnswer(5, "mug", {"mug": 0.75, "bowl": 0.25}, "ab" * 32, 1.5, 0.5, 0.25),
        GalleryCommand("merge", "cup", "mug", request=3),
        GalleryNews({"mug": {"objects": 1, "views": 3}}, ["bowl"], undo="teach mug", accuracy=0.5, done="list"),
    ],
)
def test_records_survive_their_json(message: Any) -> None:
    assert type(message).parse(message.to_json()) == message


def test_the_classes_have_the_fields_of_their_schemas() -> None:
    def fields(cls: type) -> set[str]:
        return {field.name for field in dataclasses.fields(cls)}

    session = {field.key: field for field in SESSION.fields}
    assert fields(Session) == session.keys()
    assert fields(Roles) == {field.key for field in session["roles"].kind.fields}  # type: ignore[attr-defined]
    assert set(Ledger().as_dict()) == {field.key for field in SCHEMAS[-1].fields}
    assert fields(TopicCounts) == {field.key for field in SCHEMAS[-1].fields[0].kind.value.fields}  # type: ignore[attr-defined]
    answered = {"stamp_ns" if field.key == "stamp" else field.key for field in ANSWER.fields}
    for record, keys in (
        (EvaluatorAnswer, answered),
        (GalleryCommand, {field.key for field in GALLERY_COMMAND.fields}),
        (GalleryNews, {field.key for field in GALLERY.fields}),
    ):
        assert fields(record) == keys
