"""What a provisioner of one resource type is, and the site it works at. Base of every file in this folder.

A provisioner brings one resource about by calling its service through the sandbox's front, as a user would; run.py
decides when. What a service refuses becomes a `RefusalError`, whose text is the resource's status reason.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import string
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dmstui.sandbox.cloudformation.intrinsics import text

if TYPE_CHECKING:
    from dmstui.sandbox.cloudformation.custom import CodeRoom
    from dmstui.sandbox.world import World

Properties = dict[str, Any]

NAME_LETTERS = string.ascii_uppercase + string.digits
POLL_LIMIT_SECONDS = 3600.0
SYSTEM_TAG = "aws:cloudformation:"


class RefusalError(Exception):
    """The resource cannot be made, changed or deleted; the text is its status reason.

    `code` is the error code of the service, if one spoke.
    """

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Site:
    """Where a provisioner works: one resource of one stack, during one operation on it."""

    world: World
    code: CodeRoom
    stack_name: str
    stack_id: str
    logical_id: str
    type: str
    token: str
    stack_tags: Mapping[str, str]
    old_stack_tags: Mapping[str, str]
    template_text: str
    generation: int = 0
    snapshot: bool = False
    signal: Callable[[str, str, str], None] = lambda _unique_id, _status, _note: None

    # -- names -------------------------------------------------------------------------------------------------------

    def unique(self, length: int = 12) -> str:
        """Letters that belong to this resource of this stack alone; the same when a creation is tried again."""
        seed = f"{self.stack_id}/{self.logical_id}/{self.generation}"
        number = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")
        letters = []
        for _ in range(length):
            number, rest = divmod(number, len(NAME_LETTERS))
            letters.append(NAME_LETTERS[rest])
        return "".join(letters)

    def name(self, limit: int = 63, *, lower: bool = False) -> str:
        """A generated physical name: stack, logical id and `unique`, at most `limit` characters."""
        suffix = f"-{self.unique()}"
        stem = f"{self.stack_name}-{self.logical_id}"[: limit - len(suffix)].rstrip("-")
        made = stem + suffix
        return made.lower() if lower else made

    # -- tags --------------------------------------------------------------------------------------------------------

    def tags(self, properties: Mapping[str, Any]) -> list[dict[str, str]]:
        """The stack's tags and the resource's own, which win."""
        return merge_tags(self.stack_tags, properties.get("Tags"))

    def tag_changes(
        self, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> tuple[list[dict[str, str]], list[str]]:
        """The tags to set and the keys to remove when properties and stack tags change."""
        return split_tags(merge_tags(self.old_stack_tags, old.get("Tags")), self.tags(new))

    def system_tags(self) -> dict[str, str]:
        """The tags CloudFormation itself puts on what it makes."""
        return {
            f"{SYSTEM_TAG}stack-name": self.stack_name,
            f"{SYSTEM_TAG}stack-id": self.stack_id,
            f"{SYSTEM_TAG}logical-id": self.logical_id,
        }

    # -- services ----------------------------------------------------------------------------------------------------

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One call of `service`, members given as templates write them (numbers as strings and so on).

        Members that are None are left out. `RefusalError` with CloudFormation's wording when the service says no.
        """
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        given = {key: value for key, value in parameters.items() if value is not None}
        async with self.world.client(service) as client:
            model = client.meta.service_model.operation_model(operation)
            try:
                shaped = shape_value(model.input_shape, given) if model.input_shape is not None else {}
                answer: dict[str, Any] = await client._make_api_call(operation, shaped)
            except ParamValidationError as error:
                raise RefusalError(
                    self._handler(f"Model validation failed ({_first_line(error)})", "InvalidRequest"),
                    "ParamValidation",
                ) from None
            except ClientError as error:
                raise self._refused(client.meta.service_model.service_id, error) from None
            except (BotoCoreError, ValueError, TypeError) as error:
                raise RefusalError(self._handler(str(error), "InternalFailure")) from None
        return answer

    def _refused(self, service: str, error: Any) -> RefusalError:
        body = error.response.get("Error", {})
        meta = error.response.get("ResponseMetadata", {})
        code = str(body.get("Code", ""))
        sentence = (
            f"{body.get('Message', '')} (Service: {service}, Status Code: {meta.get('HTTPStatusCode')}, "
            f"Error Code: {code}, Request ID: {meta.get('RequestId', '')})"
        )
        return RefusalError(self._handler(sentence, handler_error(code)), code)

    def _handler(self, message: str, code: str) -> str:
        return f'Resource handler returned message: "{message}" (RequestToken: {self.token}, HandlerErrorCode: {code})'

    def not_stabilized(self, what: str) -> RefusalError:
        """The refusal for a resource that came up in a state it cannot be used in."""
        return RefusalError(self._handler(what, "NotStabilized"))

    async def until(self, ready: Callable[[], Awaitable[bool]], what: str) -> None:
        """Poll `ready` in the pace of CloudFormation until it holds; gives up after an hour of AWS's time."""
        interval = max(0.05, self.world.pace.seconds("cloudformation.poll"))
        loop = asyncio.get_running_loop()
        # Never under two minutes of the wall: a fast sandbox must not fail a slow machine.
        end = loop.time() + max(120.0, POLL_LIMIT_SECONDS / self.world.pace.speed)
        while not await ready():
            if loop.time() > end:
                raise self.not_stabilized(f"Exceeded attempts to wait: {what}")
            await asyncio.sleep(interval)

    async def pause(self, step: str) -> None:
        """Wait as long as AWS takes for `step`."""
        await self.world.pace.wait(step)


class Provisioner:
    """One resource type. The class attributes list its properties (words in a string), the methods bring it about.

    `required` must be given, `fixed` can only be changed by replacement, `mutable` in place, `absent` are known to AWS
    but not carried out here: a template that uses one fails that resource, nothing is dropped in silence. `attributes`
    are what GetAtt knows, ``*`` is anything.
    """

    type: ClassVar[str] = ""
    required: ClassVar[str] = ""
    fixed: ClassVar[str] = ""
    mutable: ClassVar[str] = ""
    absent: ClassVar[str] = ""
    attributes: ClassVar[str] = ""
    step: ClassVar[str] = "cloudformation.resource"
    seconds: ClassVar[float] = 0
    default_policy: ClassVar[str] = "Delete"
    open_properties: ClassVar[bool] = False

    async def create(self, at: Site, p: Properties) -> str:
        """Ask the service for the resource; the answer is its physical id. It may not be usable yet."""
        raise NotImplementedError

    async def settle(self, at: Site, physical_id: str, p: Properties) -> str | None:
        """Wait until it is usable, also after a restart of the sandbox; another physical id if it changed."""
        await self.rest(at)
        return None

    async def rest(self, at: Site) -> None:
        """Wait as long as AWS usually takes until the type is usable: `seconds` of its own, or the pace's `step`."""
        if self.seconds:
            await asyncio.sleep(at.world.pace.scale(self.seconds))
        else:
            await at.pause(self.step)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        """The values GetAtt gives, and under ``Ref`` what Ref gives where that is not the physical id."""
        return {}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> str | None:
        """Change it in place; another physical id if it changed."""
        raise RefusalError(f"Update of {self.type} is not in the sandbox.")

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        """Delete it and wait until it is gone; one that is gone already is no failure."""

    def replaced_by(self, old: Properties, new: Properties) -> list[str]:
        """The changed properties that call for a replacement."""
        fixed = self.fixed.split()
        return [name for name in fixed if old.get(name) != new.get(name)]

    def policy(self, p: Properties) -> str:
        """The DeletionPolicy where the template gives none."""
        return self.default_policy

    def check(self, p: Properties, logical_id: str) -> None:
        """Refuse properties that are missing, unknown or not carried out here."""
        if self.open_properties:
            return
        for name in self.required.split():
            if name not in p:
                raise invalid(logical_id, f"#: required key [{name}] not found")
        known = {*self.required.split(), *self.fixed.split(), *self.mutable.split()}
        for name in p:
            if name in known:
                continue
            if name in self.absent.split():
                raise RefusalError(f"Property {name} of {self.type} is not in the sandbox.")
            raise invalid(logical_id, f"#: extraneous key [{name}] is not permitted")


def invalid(logical_id: str, what: str) -> RefusalError:
    """The refusal of properties that break the type's schema."""
    return RefusalError(f"Properties validation failed for resource {logical_id} with message: {what}")


def pick(p: Mapping[str, Any], names: str) -> dict[str, Any]:
    """The members of `p` named in `names` (words) that are there."""
    return {name: p[name] for name in names.split() if name in p}


def document(value: Any) -> str | None:
    """A policy document as JSON text; templates write it as a map or as text already."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), default=str)


def as_list(value: Any) -> list[Any]:
    """One value or several as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def flag(value: Any) -> bool:
    """A template's boolean, which may be a string."""
    return value is True or str(value).lower() == "true"


def merge_tags(stack: Mapping[str, str], own: Any) -> list[dict[str, str]]:
    """The stack's tags and a resource's own (a list of pairs or a map), which win."""
    merged = dict(stack)
    if isinstance(own, Mapping):
        merged.update({str(key): text(value) for key, value in own.items()})
    else:
        merged.update({text(tag["Key"]): text(tag.get("Value", "")) for tag in own or []})
    return [{"Key": key, "Value": value} for key, value in merged.items()]


def split_tags(
    old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]]
) -> tuple[list[dict[str, str]], list[str]]:
    """The tags to set and the keys to remove."""
    before = {tag["Key"]: tag["Value"] for tag in old}
    after = {tag["Key"]: tag["Value"] for tag in new}
    set_ = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
    return set_, [key for key in before if key not in after]


def is_gone(refusal: RefusalError) -> bool:
    """Whether the service said that the thing does not exist."""
    code = refusal.code
    return (
        "NotFound" in code
        or code.startswith("NoSuch")
        or code.endswith(("DoesNotExist", ".Unknown"))
        or code == "404"
    )


HANDLER_ERRORS: tuple[tuple[str, str], ...] = (
    ("AlreadyExists", "AlreadyExists"),
    ("AlreadyOwnedByYou", "AlreadyExists"),
    ("Duplicate", "AlreadyExists"),
    ("NotFound", "NotFound"),
    ("NoSuch", "NotFound"),
    ("AccessDenied", "AccessDenied"),
    ("Unauthorized", "AccessDenied"),
    ("LimitExceeded", "ServiceLimitExceeded"),
    ("QuotaExceeded", "ServiceLimitExceeded"),
    ("Throttl", "Throttling"),
    ("InUse", "ResourceConflict"),
    ("InvalidResourceState", "ResourceConflict"),
    ("NotEmpty", "GeneralServiceException"),
    ("Invalid", "InvalidRequest"),
    ("Validation", "InvalidRequest"),
)


def handler_error(code: str) -> str:
    """The service's error code → CloudFormation's HandlerErrorCode."""
    for part, handler in HANDLER_ERRORS:
        if part in code:
            return handler
    return "GeneralServiceException"


def shape_value(shape: Any, value: Any) -> Any:
    """`value` as botocore's `shape` wants it: member names in the API's spelling, strings to numbers and back.

    What does not fit is left for the validation to name. Pure.
    """
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        spelling = {name.lower(): name for name in shape.members}
        made = {}
        for key, item in value.items():
            name = spelling.get(str(key).lower(), key)
            made[name] = shape_value(shape.members[name], item) if name in shape.members else item
        return made
    if kind == "list" and value is not None:
        items = value if isinstance(value, (list, tuple)) else [value]
        return [shape_value(shape.member, item) for item in items]
    if kind == "map" and isinstance(value, Mapping):
        return {key: shape_value(shape.value, item) for key, item in value.items()}
    if kind in {"integer", "long"} and isinstance(value, (str, float)):
        return int(value)
    if kind in {"float", "double"} and isinstance(value, (str, int)) and not isinstance(value, bool):
        return float(value)
    if kind == "boolean" and isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if kind == "string" and isinstance(value, (bool, int, float)):
        return text(value)
    if kind == "blob" and isinstance(value, str):
        return value.encode()
    return value


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())
