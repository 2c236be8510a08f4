"""CloudWatch Logs over the log store: groups, streams, put, get, filter, retention and tags."""

from __future__ import annotations

import base64
import json
import re
import time
from heapq import merge
from itertools import pairwise
from typing import Any

from dmstui.sandbox.service import Call, Fault, SimpleService
from dmstui.sandbox.stores.logs import LogGroup, LogStore, LogStream
from dmstui.sandbox.stores.patterns import compile_pattern

_RETENTION = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
_PAGE_BYTES = 1 << 20
_MAX_EVENTS = 10_000
_GROUP_NAME = re.compile(r"[\w./#-]{1,512}", re.ASCII)
_TWO_HOURS = 2 * 3_600_000
_FOURTEEN_DAYS = 14 * 86_400_000


def service(store: LogStore, partition: str = "aws") -> SimpleService:
    api = Logs(store, partition)
    return SimpleService(
        "logs",
        {
            "CreateLogGroup": api.create_log_group,
            "DeleteLogGroup": api.delete_log_group,
            "DescribeLogGroups": api.describe_log_groups,
            "CreateLogStream": api.create_log_stream,
            "DeleteLogStream": api.delete_log_stream,
            "DescribeLogStreams": api.describe_log_streams,
            "PutLogEvents": api.put_log_events,
            "GetLogEvents": api.get_log_events,
            "FilterLogEvents": api.filter_log_events,
            "PutRetentionPolicy": api.put_retention_policy,
            "DeleteRetentionPolicy": api.delete_retention_policy,
            "TagLogGroup": api.tag_log_group,
            "UntagLogGroup": api.untag_log_group,
            "ListTagsLogGroup": api.list_tags_log_group,
            "TagResource": api.tag_resource,
            "UntagResource": api.untag_resource,
            "ListTagsForResource": api.list_tags_for_resource,
        },
    )


class Logs:
    """The handlers."""

    def __init__(self, store: LogStore, partition: str) -> None:
        self._store = store
        self._partition = partition

    def _arn(self, call: Call, group: str) -> str:
        return f"arn:{self._partition}:logs:{call.region}:{call.account_id}:log-group:{group}"

    # -- groups --------------------------------------------------------------------------------------------------

    async def create_log_group(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        name = params["logGroupName"]
        if not _GROUP_NAME.fullmatch(name):
            raise Fault(
                "InvalidParameterException", f"Value '{name}' at 'logGroupName' is not a log group's name."
            )
        self._store.create_group(
            name,
            tags=dict(params.get("tags", {})),
            kms_key=params.get("kmsKeyId"),
            log_class=params.get("logGroupClass", "STANDARD"),
        )
        return {}

    async def delete_log_group(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.delete_group(params["logGroupName"])
        return {}

    async def describe_log_groups(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        prefix, part = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
        groups = sorted(
            (
                group
                for group in self._store.groups.values()
                if group.name.startswith(prefix) and part.lower() in group.name.lower()
            ),
            key=lambda group: group.name,
        )
        page, token = _page(groups, params.get("limit", 50), params.get("nextToken"))
        return {"logGroups": [self._group(call, group) for group in page], "nextToken": token}

    def _group(self, call: Call, group: LogGroup) -> dict[str, Any]:
        arn = self._arn(call, group.name)
        return {
            "logGroupName": group.name,
            "creationTime": group.created,
            "retentionInDays": group.retention,
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "storedBytes": sum(stream.size for stream in group.streams.values()),
            "kmsKeyId": group.kms_key,
            "logGroupClass": group.log_class,
        }

    async def put_retention_policy(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        days = params["retentionInDays"]
        if days not in _RETENTION:
            raise Fault(
                "InvalidParameterException",
                f"{days} is not a valid retention: {sorted(_RETENTION)} days are.",
            )
        self._store.retain(params["logGroupName"], days)
        return {}

    async def delete_retention_policy(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.retain(params["logGroupName"], None)
        return {}

    # -- tags ----------------------------------------------------------------------------------------------------

    async def tag_log_group(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.tag(params["logGroupName"], params["tags"])
        return {}

    async def untag_log_group(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.tag(params["logGroupName"], {}, params["tags"])
        return {}

    async def list_tags_log_group(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        return {"tags": self._store.group(params["logGroupName"]).tags}

    async def tag_resource(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.tag(_group_of(params["resourceArn"]), params["tags"])
        return {}

    async def untag_resource(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.tag(_group_of(params["resourceArn"]), {}, params["tagKeys"])
        return {}

    async def list_tags_for_resource(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        return {"tags": self._store.group(_group_of(params["resourceArn"])).tags}

    # -- streams -------------------------------------------------------------------------------------------------

    async def create_log_stream(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        name = params["logStreamName"]
        if not name or len(name) > 512 or ":" in name or "*" in name:
            raise Fault(
                "InvalidParameterException", f"Value '{name}' at 'logStreamName' is not a log stream's name."
            )
        self._store.create_stream(params["logGroupName"], name)
        return {}

    async def delete_log_stream(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        self._store.delete_stream(params["logGroupName"], params["logStreamName"])
        return {}

    async def describe_log_streams(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        group = self._store.group(_named_group(params))
        prefix = params.get("logStreamNamePrefix", "")
        by_time = params.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            raise Fault(
                "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix."
            )
        streams = sorted(
            (stream for stream in group.streams.values() if stream.name.startswith(prefix)),
            key=lambda stream: (
                (stream.events[-1].at if stream.events else 0, stream.name) if by_time else (0, stream.name)
            ),
            reverse=params.get("descending", False),
        )
        page, token = _page(streams, params.get("limit", 50), params.get("nextToken"))
        arn = self._arn(call, group.name)
        return {"logStreams": [_stream(stream, arn) for stream in page], "nextToken": token}

    # -- events --------------------------------------------------------------------------------------------------

    async def put_log_events(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        group, name = params["logGroupName"], params["logStreamName"]
        self._store.stream(group, name)
        events = [(event["timestamp"], event["message"]) for event in params["logEvents"]]
        if any(later[0] < earlier[0] for earlier, later in pairwise(events)):
            raise Fault(
                "InvalidParameterException",
                "Log events in a single PutLogEvents request must be in chronological order.",
            )
        now = int(time.time() * 1000)
        kept = [event for event in events if now - _FOURTEEN_DAYS <= event[0] <= now + _TWO_HOURS]
        too_old = sum(at < now - _FOURTEEN_DAYS for at, _ in events)
        self._store.append(group, name, kept)
        answer: dict[str, Any] = {"nextSequenceToken": f"{now:056d}"}
        rejected: dict[str, int] = {}
        if too_old:
            rejected["tooOldLogEventEndIndex"] = too_old
        if too_old + len(kept) < len(events):
            rejected["tooNewLogEventStartIndex"] = too_old + len(kept)
        if rejected:
            answer["rejectedLogEventsInfo"] = rejected
        return answer

    async def get_log_events(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        stream = self._store.stream(_named_group(params), params["logStreamName"])
        low, high = stream.between(params.get("startTime"), params.get("endTime"))
        limit = min(params.get("limit", _MAX_EVENTS), _MAX_EVENTS)
        token = params.get("nextToken")
        if token is None:
            begin, end = (
                (low, min(high, low + limit))
                if params.get("startFromHead")
                else (max(low, high - limit), high)
            )
        else:
            direction, position = _event_token(token)
            place = min(max(position - stream.dropped, low), high)
            begin, end = (
                (place, min(high, place + limit)) if direction == "f" else (max(low, place - limit), place)
            )
        size = 0
        for index in range(begin, end):
            size += len(stream.events[index].message) + 26
            if size > _PAGE_BYTES and index > begin:
                end = index
                break
        events = stream.events[begin:end]
        return {
            "events": [
                {"timestamp": e.at, "message": e.message, "ingestionTime": e.ingested} for e in events
            ],
            "nextForwardToken": f"f/{end + stream.dropped:056d}/s",
            "nextBackwardToken": f"b/{begin + stream.dropped:056d}/s",
        }

    async def filter_log_events(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        group = self._store.group(_named_group(params))
        names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
        if names and prefix:
            raise Fault(
                "InvalidParameterException", "logStreamNames and logStreamNamePrefix cannot both be given."
            )
        for name in names or ():
            self._store.stream(group.name, name)
        test = compile_pattern(params.get("filterPattern"))
        limit = min(params.get("limit", _MAX_EVENTS), _MAX_EVENTS)
        start, end = params.get("startTime"), params.get("endTime")
        after = _filter_token(params.get("nextToken"))
        streams = [
            stream
            for stream in group.streams.values()
            if (not names or stream.name in names) and stream.name.startswith(prefix or "")
        ]
        found: list[dict[str, Any]] = []
        size = 0
        last: tuple[int, int] | None = None
        token: str | None = None
        for at, number, name, event in merge(*(_ordered(stream, start, end) for stream in streams)):
            if after is not None and (at, number) <= after:
                continue
            if len(found) >= limit or size > _PAGE_BYTES:
                assert last is not None
                token = _pack({"at": last[0], "number": last[1]})
                break
            last = (at, number)
            if test(event.message):
                size += len(event.message) + 26
                found.append(
                    {
                        "logStreamName": name,
                        "timestamp": at,
                        "message": event.message,
                        "ingestionTime": event.ingested,
                        "eventId": event.event_id,
                    }
                )
        searched = [{"logStreamName": stream.name, "searchedCompletely": token is None} for stream in streams]
        return {"events": found, "nextToken": token, "searchedLogStreams": searched}


def _ordered(stream: LogStream, start: int | None, end: int | None) -> list[tuple[int, int, str, Any]]:
    # FilterLogEvents includes its end time, GetLogEvents does not.
    low, high = stream.between(start, None if end is None else end + 1)
    return [(event.at, event.number, stream.name, event) for event in stream.events[low:high]]


def _stream(stream: LogStream, group_arn: str) -> dict[str, Any]:
    first, last = (stream.events[0], stream.events[-1]) if stream.events else (None, None)
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": first.at if first else None,
        "lastEventTimestamp": last.at if last else None,
        "lastIngestionTime": last.ingested if last else None,
        "uploadSequenceToken": f"{stream.created:056d}",
        "arn": f"{group_arn}:log-stream:{stream.name}",
        "storedBytes": 0,
    }


def _named_group(params: dict[str, Any]) -> str:
    name = params.get("logGroupName") or params.get("logGroupIdentifier")
    if not name:
        raise Fault("InvalidParameterException", "Either logGroupName or logGroupIdentifier is required.")
    return _group_of(name) if name.startswith("arn:") else str(name)


def _group_of(arn: str) -> str:
    _, found, name = arn.partition(":log-group:")
    if not found:
        raise Fault("InvalidParameterException", f"{arn} is not the ARN of a log group.")
    return name.removesuffix(":*")


def _pack(document: dict[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


def _unpack(token: str) -> dict[str, int]:
    try:
        document = json.loads(base64.urlsafe_b64decode(token))
        return {str(key): int(value) for key, value in document.items()}
    except (ValueError, TypeError, AttributeError):
        raise Fault("InvalidParameterException", "The specified nextToken is invalid.") from None


def _filter_token(token: str | None) -> tuple[int, int] | None:
    if not token:
        return None
    document = _unpack(token)
    return document.get("at", 0), document.get("number", 0)


def _event_token(token: str) -> tuple[str, int]:
    match = re.fullmatch(r"([fb])/(\d+)/s", token)
    if match is None:
        raise Fault("InvalidParameterException", "The specified nextToken is invalid.")
    return match[1], int(match[2])


def _page(items: list[Any], limit: int, token: str | None) -> tuple[list[Any], str | None]:
    offset = _unpack(token).get("offset", 0) if token else 0
    page = items[offset : offset + limit]
    return page, _pack({"offset": offset + limit}) if offset + limit < len(items) else None
