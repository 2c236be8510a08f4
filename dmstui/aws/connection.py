"""One connection to AWS: session, clients made when first needed, and each call with its errors translated.

Made by the monitor's thread and by cli commands; operations receive it. Mutations go out once; reads are retried
in botocore's adaptive mode. Under read_only a hook refuses every mutation before it is sent.
"""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmstui.aws.calls import Ledger, reads_only
from dmstui.aws.errors import from_exception
from dmstui.aws.options import ConnectionOptions, endpoint_of, is_loopback
from dmstui.model import AwsError

if TYPE_CHECKING:
    from dmstui.aws.cloudformation import CloudFormation
    from dmstui.aws.cloudwatch import CloudWatch
    from dmstui.aws.dms import Dms
    from dmstui.aws.logs import Logs
    from dmstui.aws.s3 import S3
    from dmstui.aws.ssm import Ssm
    from dmstui.aws.sts import Sts

_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 40
_READ_ATTEMPTS = 4


class Connection:
    """Async context manager. Services are attributes: dms, cloudformation, cloudwatch, logs, ssm, sts, s3."""

    def __init__(self, options: ConnectionOptions) -> None:
        self.options = options
        self.ledger = Ledger()
        self._session: Any = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._exits = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Connection:
        await asyncio.to_thread(self._load)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _load(self) -> None:
        """Import aiobotocore with the collector off: its import makes much and drops nothing."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            from aiobotocore.session import AioSession

            self._session = AioSession(profile=self.options.profile)
            # A profile that is not there is told at once, not at the first call.
            if self.options.profile:
                _ = self._session.full_config
                if self.options.profile not in self._session.available_profiles:
                    raise AwsError(
                        "NoProfile",
                        f"there is no profile {self.options.profile!r}",
                        "",
                        f"There is: {', '.join(self._session.available_profiles) or 'none'}.",
                    )
            self._share_role_cache()
            if self.options.access_key and self.options.secret_key:
                self._session.set_credentials(self.options.access_key, self.options.secret_key)
        finally:
            if collecting:
                gc.enable()

    def _share_role_cache(self) -> None:
        """Keep assumed roles where the AWS command keeps them: one MFA code then serves both, and the next start."""
        from botocore.utils import JSONFileCache

        provider = self._session.get_component("credential_provider").get_provider("assume-role")
        provider.cache = JSONFileCache(str(Path("~/.aws/cli/cache").expanduser()))

    async def close(self) -> None:
        """Close every client."""
        self._clients.clear()
        await self._exits.aclose()
        self._exits = AsyncExitStack()

    # What the connection knows

    @property
    def region(self) -> str:
        """The region in force; AwsError `NoRegion` when none is set."""
        region = self.options.region
        if not region and self._session is not None:
            region = self._session.get_config_variable("region")
        if not region:
            region = os.environ.get("AWS_REGION")
        if not region:
            raise AwsError("NoRegion", "no region is set", "", "Give --region or set AWS_REGION.")
        return str(region)

    @property
    def profile(self) -> str:
        """The profile's name, `default` when the files' own default is used, empty for keys in variables."""
        if self.options.profile:
            return self.options.profile
        if self._session is None:
            return ""
        return str(self._session.get_config_variable("profile") or "")

    @property
    def sandbox(self) -> bool:
        """The other side is our local AWS: told so, or it said so in an answer."""
        return self.options.sandbox or self.ledger.sandbox

    @property
    def loopback(self) -> bool:
        """The other side is on this machine."""
        return is_loopback(endpoint_of(self.options))

    def now(self) -> datetime:
        """The service's time, UTC."""
        return self.ledger.now()

    async def credentials_method(self, *, resolve: bool = False) -> str | None:
        """How the credentials were found (`env`, `shared-credentials-file`, `sso`, ...), None without any.

        resolve: fetch them too, which asks for an MFA code where the profile wants one.
        """
        try:
            credentials = await self._session.get_credentials()
            if resolve and credentials is not None:
                await credentials.get_frozen_credentials()
        except Exception as error:
            raise from_exception(error, "", mutation=False) from error
        return None if credentials is None else str(credentials.method)

    # Calls

    async def client(self, service: str, *, once: bool = False) -> Any:
        """The aiobotocore client of a service; `once` gives the one that never repeats a request."""
        key = (service, once)
        if key in self._clients:
            return self._clients[key]
        async with self._opening:
            if key not in self._clients:
                self._clients[key] = await self._make(service, once)
        return self._clients[key]

    async def _make(self, service: str, once: bool) -> Any:
        from aiobotocore.config import AioConfig

        if self._session is None:
            await asyncio.to_thread(self._load)
        endpoint = endpoint_of(self.options, service)
        retries = (
            {"total_max_attempts": 1, "mode": "standard"}
            if once
            else {"total_max_attempts": _READ_ATTEMPTS, "mode": "adaptive"}
        )
        config = AioConfig(
            connect_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
            retries=retries,
            user_agent_extra="dmstui",
            # Loopback is never behind a proxy, whatever HTTP_PROXY says.
            proxies={} if is_loopback(endpoint) else None,
        )
        collecting = gc.isenabled()
        gc.disable()
        try:
            made = self._session.create_client(
                service, region_name=self.region, endpoint_url=self.options.endpoint_url, config=config
            )
            client = await self._exits.enter_async_context(made)
        finally:
            if collecting:
                gc.enable()
        self._hook(client, service)
        return client

    def _hook(self, client: Any, service: str) -> None:
        events = client.meta.events

        def before_call(model: Any, **_: Any) -> None:
            if self.options.read_only and not reads_only(service, model.name):
                raise AwsError(
                    "ReadOnly",
                    f"this session is read-only, so {model.name} is not called",
                    model.name,
                    "Start without --read-only to allow it.",
                )

        def before_send(**_: Any) -> None:
            self.ledger.sent(service)

        def after_call(http_response: Any, **_: Any) -> None:
            self.ledger.answered(http_response.headers)

        def needs_retry(response: Any, **_: Any) -> None:
            if response is None or response[1] is None:
                return
            code = str(response[1].get("Error", {}).get("Code", ""))
            if AwsError(code, "").throttled:
                self.ledger.throttled(service)

        events.register("before-call", before_call)
        events.register("before-send", before_send)
        events.register("after-call", after_call)
        events.register("needs-retry", needs_retry)

    async def call(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """One call by its API name; None members are left out. Raises AwsError alone.

        Whether it may be repeated follows from its name: a mutation never is.
        """
        mutation = not reads_only(service, operation)
        params = {name: value for name, value in members.items() if value is not None}
        try:
            client = await self.client(service, once=mutation or operation == "TestConnection")
            from botocore import xform_name

            method = getattr(client, xform_name(operation))
            answer: dict[str, Any] = await method(**params)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise from_exception(error, operation, mutation=mutation) from error
        return answer

    # Services, loaded when first touched

    @property
    def dms(self) -> Dms:
        """AWS Database Migration Service."""
        from dmstui.aws.dms import Dms

        return Dms(self)

    @property
    def cloudformation(self) -> CloudFormation:
        """AWS CloudFormation."""
        from dmstui.aws.cloudformation import CloudFormation

        return CloudFormation(self)

    @property
    def cloudwatch(self) -> CloudWatch:
        """Amazon CloudWatch metrics."""
        from dmstui.aws.cloudwatch import CloudWatch

        return CloudWatch(self)

    @property
    def logs(self) -> Logs:
        """Amazon CloudWatch Logs."""
        from dmstui.aws.logs import Logs

        return Logs(self)

    @property
    def ssm(self) -> Ssm:
        """AWS Systems Manager."""
        from dmstui.aws.ssm import Ssm

        return Ssm(self)

    @property
    def sts(self) -> Sts:
        """AWS Security Token Service."""
        from dmstui.aws.sts import Sts

        return Sts(self)

    @property
    def s3(self) -> S3:
        """Amazon S3."""
        from dmstui.aws.s3 import S3

        return S3(self)
