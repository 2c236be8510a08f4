"""Requests into parameters and answers into bytes, by botocore's service models: json, query, ec2 and cbor. Pure.

The front calls it for the services the sandbox runs itself, and observers for what they read and correct of moto's.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import botocore.utils
import botocore.validate

from dmstui.sandbox.service import Fault

Protocol = Literal["json", "query", "ec2", "cbor", "rest-json", "rest-xml"]

_CBOR_PREFIX = "/service/"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@lru_cache(maxsize=64)
def model(service: str) -> botocore.model.ServiceModel:
    """botocore's model of `service` (its botocore name); reading a big one takes half a second."""
    description = botocore.loaders.Loader().load_service_model(service, "service-2")
    return botocore.model.ServiceModel(description, service)


def spoken(service_model: Any, headers: Mapping[str, str], path: str) -> Protocol:
    """The protocol a request speaks; a service's own default when the request does not tell."""
    if headers.get("smithy-protocol") == "rpc-v2-cbor" or path.startswith(_CBOR_PREFIX):
        return "cbor"
    if "x-amz-target" in headers:
        return "json"
    protocol: str = service_model.metadata["protocol"]
    if protocol in ("ec2", "rest-json", "rest-xml"):
        return protocol  # type: ignore[return-value]
    if "query" in service_model.metadata.get("protocols", [protocol]):
        return "query"
    return "json"


def operation_name(protocol: Protocol, headers: Mapping[str, str], path: str, query: str, body: bytes) -> str:
    """The operation a json, query, ec2 or cbor request names, or an empty string."""
    if protocol == "cbor":
        return path.rpartition("/operation/")[2]
    if protocol == "json":
        return headers.get("x-amz-target", "").rpartition(".")[2]
    if protocol in ("query", "ec2"):
        return _form(query, body).get("Action", "")
    return ""


def _form(query: str, body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace") if body else query
    return dict(parse_qsl(text, keep_blank_values=True))


def parse(protocol: Protocol, operation: Any, query: str, body: bytes) -> dict[str, Any]:
    """The request's parameters as Python values under the model's member names; Fault when it cannot be read."""
    shape = operation.input_shape
    if shape is None:
        return {}
    try:
        if protocol == "cbor":
            if not body:
                return {}
            parser = botocore.parsers.RpcV2CBORParser()
            document = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
            return _from_json(document, shape) or {}
        if protocol == "json":
            document = json.loads(body) if body.strip() else {}
            if not isinstance(document, dict):
                raise Fault("SerializationException", "The request's body must be a JSON object.")
            return _from_json(document, shape) or {}
        return _from_form(_form(query, body), shape, protocol) or {}
    except Fault:
        raise
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        botocore.parsers.ResponseParserError,
    ) as error:
        raise Fault("SerializationException", f"The request could not be read: {error}") from error


def _from_json(value: Any, shape: Any) -> Any:
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure":
        if not isinstance(value, dict):
            raise Fault(
                "SerializationException", f"Start of structure or map found where not expected: {shape.name}."
            )
        if getattr(shape, "is_document_type", False):
            return value
        read = {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            if value.get(key) is not None:
                read[name] = _from_json(value[key], member)
        return read
    if kind == "list":
        if not isinstance(value, list):
            raise Fault("SerializationException", f"Expected a list for {shape.name}.")
        return [_from_json(item, shape.member) for item in value]
    if kind == "map":
        if not isinstance(value, dict):
            raise Fault("SerializationException", f"Expected a map for {shape.name}.")
        return {key: _from_json(item, shape.value) for key, item in value.items()}
    return _scalar(value, kind)


def _scalar(value: Any, kind: str) -> Any:
    if kind == "timestamp":
        return value if isinstance(value, datetime) else botocore.utils.parse_to_aware_datetime(value)
    if kind == "blob":
        return value if isinstance(value, bytes) else base64.b64decode(value)
    if kind in ("integer", "long"):
        if isinstance(value, str) or (isinstance(value, float) and value.is_integer()):
            return int(value)
        return value
    if kind in ("float", "double"):
        return float(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else value
    if kind == "boolean" and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise Fault("MalformedInput", f"'{value}' is not a boolean.")
        return value.lower() == "true"
    return value


def _from_form(form: Mapping[str, str], shape: Any, protocol: Protocol) -> Any:
    """Query parameters (``A.member.1.B=x``) into the shape: first into a tree by dots, then by the model."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        node = tree
        *parents, leaf = name.split(".")
        for part in parents:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        if not isinstance(node.get(leaf), dict):
            node[leaf] = value
    return _from_tree(tree, shape, protocol)


def _form_name(name: str, member: Any, protocol: Protocol) -> str:
    if protocol == "ec2":
        if "queryName" in member.serialization:
            return str(member.serialization["queryName"])
        given = str(member.serialization.get("name", name))
        return given[:1].upper() + given[1:]
    if member.type_name == "list" and member.serialization.get("flattened"):
        return str(member.member.serialization.get("name", member.serialization.get("name", name)))
    return str(member.serialization.get("name", name))


def _from_tree(tree: Any, shape: Any, protocol: Protocol) -> Any:
    kind = shape.type_name
    if kind == "structure":
        read = {}
        for name, member in shape.members.items():
            key = _form_name(name, member, protocol)
            if key in tree:
                read[name] = _from_tree(tree[key], member, protocol)
        return read
    if kind == "list":
        if tree == "":
            return []
        flat = protocol == "ec2" or shape.serialization.get("flattened")
        # Clients name the items "member"; a service's own name for them is understood too.
        items = (
            tree
            if flat
            else tree.get("member", tree.get(shape.member.serialization.get("name", "member"), tree))
        )
        numbered = sorted((int(key), item) for key, item in items.items() if key.isdigit())
        return [_from_tree(item, shape.member, protocol) for _, item in numbered]
    if kind == "map":
        entries = tree if shape.serialization.get("flattened") else tree.get("entry", {})
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        numbered = sorted((int(key), entry) for key, entry in entries.items() if key.isdigit())
        return {
            entry[key_name]: _from_tree(entry[value_name], shape.value, protocol) for _, entry in numbered
        }
    return _scalar(tree, kind)


# -- checking ---------------------------------------------------------------------------------------------------


def problems(params: Mapping[str, Any], operation: Any) -> list[str]:
    """What botocore's model finds wrong with `params`, a sentence each (enumerations included)."""
    shape = operation.input_shape
    if shape is None:
        return []
    report = botocore.validate.ParamValidator().validate(params, shape)
    found = report.generate_report().splitlines() if report.has_errors() else []
    found.extend(_enum_problems(params, shape, ""))
    return found


# DMS's SourceType of events: the list has one value, the documentation names replication-task too.
_OPEN_ENUMS = (["replication-instance"],)


def _enum_problems(value: Any, shape: Any, path: str) -> list[str]:
    kind = shape.type_name
    found: list[str] = []
    if kind == "structure" and isinstance(value, Mapping):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                place = f"{path}.{name[:1].lower()}{name[1:]}" if path else name[:1].lower() + name[1:]
                found += _enum_problems(value[name], member, place)
    elif kind == "list" and isinstance(value, list):
        for number, item in enumerate(value, 1):
            found += _enum_problems(item, shape.member, f"{path}.{number}.member")
    elif kind == "map" and isinstance(value, Mapping):
        for key, item in value.items():
            found += _enum_problems(item, shape.value, f"{path}.{key}")
    elif (
        kind == "string"
        and getattr(shape, "enum", None)
        and value not in shape.enum
        and shape.enum not in _OPEN_ENUMS
    ):
        allowed = ", ".join(shape.enum)
        found.append(
            f"Value '{value}' at '{path}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{allowed}]"
        )
    return found


# -- answering --------------------------------------------------------------------------------------------------


def serialize(protocol: Protocol, operation: Any, answer: Mapping[str, Any], request_id: str) -> Answer:
    """An operation's answer in the protocol the client spoke."""
    shape = operation.output_shape
    service = operation.service_model
    if protocol == "cbor":
        body = bytearray()
        if shape is not None:
            writer = _CborWriter()
            writer.write(body, _known(answer, shape), shape)
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Answer(200, headers, bytes(body))
    if protocol == "json":
        document = {} if shape is None else _to_json(answer, shape)
        version = service.metadata.get("jsonVersion", "1.1")
        body_bytes = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        return Answer(200, {"Content-Type": f"application/x-amz-json-{version}"}, body_bytes)
    namespace = service.metadata.get("xmlNamespace", "")
    parts: list[str] = []
    if shape is not None:
        for name, member in shape.members.items():
            if answer.get(name) is not None:
                _to_xml(parts, answer[name], member, _xml_name(name, member), protocol)
    inner = "".join(parts)
    name = operation.name
    if protocol == "ec2":
        text = (
            f'<{name}Response xmlns="{namespace}"><requestId>{request_id}</requestId>{inner}</{name}Response>'
        )
    else:
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result") if shape is not None else ""
        result = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else ""
        text = (
            f'<{name}Response xmlns="{namespace}">{result}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        )
    return Answer(
        200, {"Content-Type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    )


def _known(value: Any, shape: Any) -> Any:
    """`value` with only members the model has (a service may say more than the client's model knows)."""
    kind = shape.type_name
    if kind == "structure":
        return {
            name: _known(value[name], member)
            for name, member in shape.members.items()
            if name in value and value[name] is not None
        }
    if kind == "list":
        return [_known(item, shape.member) for item in value]
    if kind == "map":
        return {key: _known(item, shape.value) for key, item in value.items()}
    if kind in ("float", "double"):
        return float(value)
    return value


class _CborWriter(botocore.serialize.CBORSerializer):  # type: ignore[misc]
    """botocore's own CBOR writer, used for answers."""

    TIMESTAMP_FORMAT = "unixtimestamp"

    def write(self, out: bytearray, value: Any, shape: Any) -> None:
        self._serialize_data_item(out, value, shape)

    def _convert_timestamp_to_str(self, value: Any, timestamp_format: Any = None) -> Any:
        return _epoch(value)


def _epoch(value: Any) -> int | float:
    at = botocore.utils.parse_to_aware_datetime(value)
    seconds = round(at.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def _iso(value: Any) -> str:
    at = botocore.utils.parse_to_aware_datetime(value).astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _to_json(value: Any, shape: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        return {
            member.serialization.get("name", name): _to_json(value[name], member)
            for name, member in shape.members.items()
            if name in value and value[name] is not None
        }
    if kind == "list":
        return [_to_json(item, shape.member) for item in value]
    if kind == "map":
        return {key: _to_json(item, shape.value) for key, item in value.items()}
    if kind == "timestamp":
        wanted = shape.serialization.get("timestampFormat", "unixtimestamp")
        return _iso(value) if wanted == "iso8601" else _epoch(value)
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    if kind in ("float", "double"):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    return value


def _xml_name(name: str, member: Any) -> str:
    return str(member.serialization.get("name", name))


def _to_xml(out: list[str], value: Any, shape: Any, tag: str, protocol: Protocol) -> None:
    kind = shape.type_name
    if kind == "list":
        flat = shape.serialization.get("flattened")
        item_tag = str(shape.member.serialization.get("name", "item" if protocol == "ec2" else "member"))
        if flat:
            for item in value:
                _to_xml(out, item, shape.member, tag, protocol)
            return
        out.append(f"<{tag}>")
        for item in value:
            _to_xml(out, item, shape.member, item_tag, protocol)
        out.append(f"</{tag}>")
        return
    if kind == "map":
        key_tag = shape.key.serialization.get("name", "key")
        value_tag = shape.value.serialization.get("name", "value")
        out.append(f"<{tag}>")
        for key, item in value.items():
            out.append(f"<entry><{key_tag}>{escape(str(key))}</{key_tag}>")
            _to_xml(out, item, shape.value, value_tag, protocol)
            out.append("</entry>")
        out.append(f"</{tag}>")
        return
    out.append(f"<{tag}>")
    if kind == "structure":
        for name, member in shape.members.items():
            if name in value and value[name] is not None:
                _to_xml(out, value[name], member, _xml_name(name, member), protocol)
    else:
        out.append(_xml_text(value, kind))
    out.append(f"</{tag}>")


# Characters XML 1.0 cannot carry even escaped: left out, as a parser would refuse the whole answer.
_NOT_XML = {code: None for code in range(32) if code not in (9, 10, 13)} | {0xFFFE: None, 0xFFFF: None}


def _xml_text(value: Any, kind: str) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return _iso(value)
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return escape(str(value).translate(_NOT_XML), {"\r": "&#13;"})


def serialize_fault(protocol: Protocol, service: str, fault: Fault, request_id: str) -> Answer:
    """A fault in the protocol the client spoke; `service` is the signing name (S3 says it its own way)."""
    if protocol in ("json", "rest-json", "cbor"):
        document = {"__type": fault.code, "message": fault.message, "Message": fault.message}
        if protocol == "cbor":
            # As JSON-like map of strings; clients read __type and message.
            body = _cbor_strings({"__type": fault.code, "message": fault.message})
            headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        else:
            body = json.dumps(document, ensure_ascii=False).encode()
            headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": fault.code}
        if service == "cloudwatch":
            kind = "Sender" if fault.status < 500 else "Receiver"
            headers["x-amzn-query-error"] = f"{fault.code};{kind}"
        return Answer(fault.status, headers, body)
    code, message = escape(fault.code), escape(fault.message.translate(_NOT_XML))
    if protocol == "rest-xml":
        text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        return Answer(
            fault.status,
            {"Content-Type": "application/xml"},
            f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(),
        )
    if protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        kind = "Sender" if fault.status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Answer(
        fault.status, {"Content-Type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    )


def _cbor_strings(document: Mapping[str, str]) -> bytes:
    out = bytearray()
    writer = _CborWriter()
    out.append(0xA0 | len(document))
    for key, value in document.items():
        writer._serialize_type_string(out, key, None, None)
        writer._serialize_type_string(out, value, None, None)
    return bytes(out)


def read_answer(operation: Any, status: int, body: bytes) -> dict[str, Any]:
    """moto's answer to a query or ec2 operation as a dict, by botocore's own parser."""
    protocol = operation.service_model.metadata["protocol"]
    parser = botocore.parsers.create_parser(protocol)
    response = {"status_code": status, "headers": {}, "body": body}
    parsed: dict[str, Any] = parser.parse(response, operation.output_shape)
    parsed.pop("ResponseMetadata", None)
    return parsed
