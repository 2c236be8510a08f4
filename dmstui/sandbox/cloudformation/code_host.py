"""Runs the handler of a Lambda function in a process of its own. Started by custom.py; imports nothing of ours.

The first line of standard input is the order as JSON; when standard input closes, whoever asked is gone and this ends.
Exit code 0: the handler returned; its result is written as JSON to the file that the order names.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import resource
import sys
import threading
import time
import types
import urllib.request
import urllib.response
import zipfile
from typing import Any

MEGABYTE = 1 << 20
# Address space is not memory: the interpreter and its libraries map far more than they touch.
MAPPED_BESIDES = 768


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    _limit(order)
    with zipfile.ZipFile(order["code"]) as archive:
        archive.extractall(order["folder"])
    # boto3 lies where the sandbox found it, which this isolated interpreter may not look at (a user's own site).
    sys.path.extend(part for part in order["libraries"] if part not in sys.path)
    sys.path.insert(0, order["folder"])
    sys.modules.setdefault("cfnresponse", _cfnresponse())
    _answer_for_the_truststore(order["truststore_host"], order["ca_pem"].encode())
    module_name, _, function_name = order["handler"].rpartition(".")
    module = importlib.import_module(module_name.replace("/", "."))
    function = getattr(module, function_name)
    context = Context(order)
    timer = threading.Timer(order["timeout"], _timed_out, (order["request_id"], order["timeout"]))
    timer.daemon = True
    timer.start()
    result = function(order["event"], context)
    timer.cancel()
    with open(order["result"], "w") as file:  # noqa: PTH123
        json.dump(result, file, default=str)
    sys.stdout.flush()


def _end_with_the_caller() -> None:
    # Not through sys.stdin: its lock, held by this thread for ever, aborts an interpreter that ends.
    while os.read(0, 4096):
        pass
    os._exit(1)


def _limit(order: dict[str, Any]) -> None:
    """Memory, processor time and file size as the function's settings say."""
    space = (order["memory"] + MAPPED_BESIDES) * MEGABYTE
    seconds = int(order["timeout"]) + 30
    for what, limit in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, order["storage"] * MEGABYTE),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            _, hard = resource.getrlimit(what)
            allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(what, (allowed, hard))
        except (OSError, ValueError):
            # A system that has no such limit (macOS knows no address space limit).
            continue


def _timed_out(request_id: str, seconds: float) -> None:
    print(f"{request_id} Task timed out after {seconds:.2f} seconds", flush=True)
    os._exit(1)


class Context:
    """What a handler gets as its second argument."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.function_name = order["function_name"]
        self.function_version = "$LATEST"
        self.invoked_function_arn = order["function_arn"]
        self.memory_limit_in_mb = str(order["memory"])
        self.aws_request_id = order["request_id"]
        self.log_group_name = order["log_group"]
        self.log_stream_name = order["log_stream"]
        self.identity = None
        self.client_context = None
        self._end = time.monotonic() + order["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        print(message, flush=True)


def _cfnresponse() -> types.ModuleType:
    """The module that AWS puts beside inline code, by its documented interface."""
    module = types.ModuleType("cfnresponse")

    # The parameters' names are AWS's own: templates pass them by keyword.
    def send(  # noqa: PLR0917
        event: dict[str, Any],
        context: Any,
        responseStatus: str,  # noqa: N803
        responseData: Any,  # noqa: N803
        physicalResourceId: str | None = None,  # noqa: N803
        noEcho: bool = False,  # noqa: N803
        reason: str | None = None,
    ) -> None:
        answer = {
            "Status": responseStatus,
            "Reason": reason or f"See the details in CloudWatch Log Stream: {context.log_stream_name}",
            "PhysicalResourceId": physicalResourceId or context.log_stream_name,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": noEcho,
            "Data": responseData,
        }
        body = json.dumps(answer).encode()
        request = urllib.request.Request(
            event["ResponseURL"],
            data=body,
            method="PUT",
            headers={"Content-Type": "", "Content-Length": str(len(body))},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                print("Status code:", response.status)
        except OSError as error:
            print("send(..) failed executing the request:", error)

    module.__dict__.update(SUCCESS="SUCCESS", FAILED="FAILED", send=send)
    return module


def _answer_for_the_truststore(host: str, pem: bytes) -> None:
    """The certificates of RDS are published on one host: here they are the sandbox's own."""

    class Truststore(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> Any:
            if request.host.split(":")[0] != host:
                return super().https_open(request)
            answer = urllib.response.addinfourl(io.BytesIO(pem), _headers(len(pem)), request.full_url, 200)
            answer.msg = "OK"  # type: ignore[attr-defined]
            return answer

    urllib.request.install_opener(urllib.request.build_opener(Truststore()))
    try:
        import urllib3
    except ImportError:
        return
    plain = urllib3.PoolManager.urlopen

    def urlopen(self: Any, method: str, url: str, redirect: bool = True, **rest: Any) -> Any:
        if urllib3.util.parse_url(url).host == host:
            return urllib3.HTTPResponse(
                io.BytesIO(pem), {"content-length": str(len(pem))}, status=200, preload_content=True
            )
        return plain(self, method, url, redirect, **rest)

    urllib3.PoolManager.urlopen = urlopen  # type: ignore[method-assign]


def _headers(length: int) -> Any:
    import email.message

    message = email.message.Message()
    message["Content-Length"] = str(length)
    message["Content-Type"] = "application/x-pem-file"
    return message


if __name__ == "__main__":
    main()
