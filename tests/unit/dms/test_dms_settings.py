"""Task settings: the whole default document, merging, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dmstui.sandbox.dms import settings
from dmstui.sandbox.service import Fault

# Members and order of a document a new full-load task returned (reference dms.md 4).
ORDER = [
    "Logging",
    "StreamBufferSettings",
    "ErrorBehavior",
    "TTSettings",
    "FullLoadSettings",
    "TargetMetadata",
    "BeforeImageSettings",
    "ControlTablesSettings",
    "LoopbackPreventionSettings",
    "CharacterSetSettings",
    "FailTaskWhenCleanTaskResourceFailed",
    "ChangeProcessingTuning",
    "ChangeProcessingDdlHandlingPolicy",
    "PostProcessingRules",
]


def test_a_task_without_settings_holds_the_whole_document() -> None:
    whole = settings.created({}, "full-load")
    assert sorted(whole) == sorted(ORDER)
    assert list(whole) == ORDER
    assert whole["TTSettings"] is None
    assert whole["Logging"]["EnableLogging"] is False
    assert len(whole["Logging"]["LogComponents"]) == 19
    assert whole["Logging"]["CloudWatchLogGroup"] is None
    assert "DeleteTaskLogs" not in whole["Logging"]
    assert whole["ErrorBehavior"]["FailOnNoTablesCaptured"] is True
    assert whole["FullLoadSettings"]["TargetTablePrepMode"] == "DROP_AND_CREATE"
    assert json.loads(settings.render(whole)) == whole


def test_a_task_with_cdc_has_the_time_travel_section() -> None:
    assert settings.created({}, "cdc")["TTSettings"] == {
        "TTS3Settings": None,
        "TTRecordSettings": None,
        "EnableTT": False,
    }


def test_given_members_are_laid_over_the_defaults_and_the_rest_stays() -> None:
    whole = settings.created(
        {
            "TargetMetadata": {"LobMaxSize": 256},
            "ValidationSettings": {"EnableValidation": True},
            "Logging": {"LogComponents": [{"Id": "SORTER", "Severity": "LOGGER_SEVERITY_DEBUG"}]},
            "ControlTablesSettings": {"HistoryTimeslotInMinutes": 9},
        },
        "full-load",
    )
    assert whole["TargetMetadata"]["LobMaxSize"] == 256
    assert whole["TargetMetadata"]["LimitedSizeLobMode"] is True
    assert whole["ValidationSettings"]["EnableValidation"] is True
    assert whole["ValidationSettings"]["ThreadCount"] == 5
    severities = {entry["Id"]: entry["Severity"] for entry in whole["Logging"]["LogComponents"]}
    assert severities["SORTER"] == "LOGGER_SEVERITY_DEBUG"
    assert severities["IO"] == "LOGGER_SEVERITY_DEFAULT"
    assert whole["ControlTablesSettings"]["historyTimeslotInMinutes"] == 9


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Nope": {}}, "unknown member 'Nope'"),
        ({"TargetMetadata": {"LobMax": 1}}, "unknown member 'LobMax' in TargetMetadata"),
        ({"TargetMetadata": {"LobMaxSize": "32"}}, "must be a whole number"),
        ({"TargetMetadata": {"LobMaxSize": True}}, "must be a whole number"),
        ({"TargetMetadata": {"SupportLobs": "true"}}, "must be true or false"),
        ({"TargetMetadata": {"LobMaxSize": 200000}}, "at most 102400"),
        ({"FullLoadSettings": {"MaxFullLoadSubTasks": 0}}, "at least 1 and at most 49"),
        ({"FullLoadSettings": {"TargetTablePrepMode": "DROP"}}, "must be one of"),
        ({"TargetMetadata": {"FullLobMode": True}}, "exclude each other"),
        ({"BeforeImageSettings": {"EnableBeforeImage": True}}, "FieldName"),
        ({"Logging": {"EnableLogContext": True}}, "EnableLogContext requires EnableLogging"),
        ({"Logging": {"LogComponents": [{"Id": "X", "Severity": "LOGGER_SEVERITY_DEBUG"}]}}, "log component"),
        ({"Logging": {"CloudWatchLogGroup": "g"}}, "cannot be set on create"),
        ({"TargetMetadata": []}, "not an object"),
    ],
)
def test_what_create_refuses(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Fault) as fault:
        settings.created(given, "full-load")
    assert fault.value.code == "InvalidParameterValueException"
    assert said in fault.value.message


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_settings_that_are_no_object_are_refused(text: str) -> None:
    with pytest.raises(Fault) as fault:
        settings.parse(text)
    assert fault.value.message.startswith("Invalid task settings JSON")


def test_only_severities_may_change_while_a_task_runs() -> None:
    whole = settings.created({"Logging": {"EnableLogging": True}}, "cdc")
    severity = {"LogComponents": [{"Id": "SORTER", "Severity": "LOGGER_SEVERITY_DEBUG"}]}
    assert settings.only_severities(whole, {"Logging": severity})
    assert not settings.only_severities(whole, {"Logging": severity | {"EnableLogging": False}})
    assert not settings.only_severities(whole, {"TargetMetadata": {"LobMaxSize": 64}})


def test_a_disabled_before_image_needs_no_field_name() -> None:
    assert settings.created({"BeforeImageSettings": {"EnableBeforeImage": False}}, "full-load")[
        "BeforeImageSettings"
    ] == {"EnableBeforeImage": False, "ColumnFilter": "pk-only", "FieldName": ""}
