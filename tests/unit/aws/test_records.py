"""The API's answers become records; what could be a password is dropped."""

from __future__ import annotations

from datetime import UTC, datetime

from dmstui.aws.dms import endpoint_of, instance_of, table_of, task_of


def test_an_endpoint_keeps_its_settings_but_no_password() -> None:
    found = endpoint_of(
        {
            "EndpointArn": "arn:e",
            "EndpointIdentifier": "src",
            "EndpointType": "SOURCE",
            "EngineName": "postgres",
            "PostgreSQLSettings": {
                "ServerName": "db.internal",
                "Password": "hunter2",
                "SecretsManagerSecretId": "arn:s",
                "HeartbeatEnable": True,
            },
        }
    )
    assert found.kind == "source"
    assert found.server == "db.internal"
    assert found.secret_id == "arn:s"
    assert found.settings["HeartbeatEnable"] is True
    assert "hunter2" not in repr(found)


def test_a_task_without_statistics_has_none() -> None:
    found = task_of({"ReplicationTaskArn": "arn:aws:dms:r:a:task:X", "Status": "creating"})
    assert found.stats is None
    assert found.suffix == "X"
    assert not found.has_run


def test_times_are_utc_also_when_the_service_gives_none_zone() -> None:
    found = task_of({"ReplicationTaskStartDate": datetime(2026, 11, 24, 1, 2)})
    assert found.started == datetime(2026, 11, 24, 1, 2, tzinfo=UTC)
    assert found.has_run


def test_applied_counters_the_service_does_not_give_are_unknown_not_zero() -> None:
    assert table_of({"SchemaName": "a", "TableName": "b", "Inserts": 3}).applied is None
    assert table_of({"AppliedInserts": 2, "AppliedDeletes": 1}).applied == 3


def test_an_instance_takes_the_plural_addresses() -> None:
    found = instance_of(
        {
            "ReplicationInstancePrivateIpAddress": "10.0.0.1",
            "ReplicationInstancePrivateIpAddresses": ["10.0.0.2"],
            "PendingModifiedValues": {"MultiAZ": True},
        }
    )
    assert found.private_addresses == ("10.0.0.2",)
    assert found.pending == {"MultiAZ": "True"}
