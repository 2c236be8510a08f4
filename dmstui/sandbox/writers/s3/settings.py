"""S3Settings of a target endpoint, with the defaults of the service filled in (reference dms.md 6.7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def _flag(value: Any, default: bool) -> bool:
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    return str(value).strip().lower() in {"true", "y", "yes", "1"}


def _word(value: Any, default: str) -> str:
    """Enum values come in two spellings (`SSE_S3`, `sse-s3`): lower case with hyphens is ours."""
    return str(value or default).strip().lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Sizes are in bytes and intervals in seconds, whatever unit the API has."""

    bucket: str
    folder: str = ""
    format: str = "csv"
    compression: str = "none"
    # Parquet
    parquet_version: str = "parquet-1-0"
    encoding: str = "rle-dictionary"
    row_group_length: int = 10024
    data_page_size: int = 1_024_000
    dictionary_page_size: int = 1_024_000
    statistics: bool = True
    milliseconds: bool = False
    # CSV
    delimiter: str = ","
    row_delimiter: str = "\n"
    null_value: str = "NULL"
    rfc4180: bool = True
    add_column_name: bool = False
    unsupplied_value: str | None = None
    # files
    max_file_size: int = 1_048_576 * 1024
    cdc_interval: float = 60.0
    cdc_min_file_size: int = 32_000 * 1024
    # columns
    include_op_for_full_load: bool = False
    inserts_only: bool = False
    inserts_and_updates: bool = False
    timestamp_column: str = ""
    task_start_timestamp: bool = False
    # folders of changes
    date_partition: bool = False
    date_sequence: str = "yyyymmdd"
    date_delimiter: str = "slash"
    date_zone: str = ""
    preserve_transactions: bool = False
    cdc_path: str = ""
    # objects
    encryption: str = "sse-s3"
    kms_key: str = ""
    canned_acl: str = "none"
    expected_owner: str = ""

    @property
    def parquet(self) -> bool:
        """Whether objects are Parquet."""
        return self.format == "parquet"

    @property
    def load_operation(self) -> bool:
        """Whether full-load rows carry the Op column (dms.md 6.7)."""
        return self.include_op_for_full_load

    @property
    def change_operation(self) -> bool:
        """Whether changes carry the Op column: always, but for inserts only after a load without it."""
        return not self.inserts_only or self.include_op_for_full_load

    @property
    def operations(self) -> frozenset[str]:
        """Which changes are written at all."""
        if self.inserts_only:
            return frozenset("I")
        if self.inserts_and_updates:
            return frozenset("IU")
        return frozenset("IUD")

    @property
    def extension(self) -> str:
        """What object names end with."""
        if self.parquet:
            return "parquet"
        return "csv.gz" if self.compression == "gzip" else "csv"


def s3_settings(document: Mapping[str, Any]) -> S3Settings:
    """Read the settings structure of the API; what it leaves out has the service's default."""

    def text(member: str, default: str = "") -> str:
        value = document.get(member)
        return default if value is None else str(value)

    def number(member: str, default: int) -> int:
        value = document.get(member)
        return default if value in (None, "", 0) else int(value)

    interval = document.get("CdcMaxBatchInterval")
    return S3Settings(
        bucket=text("BucketName"),
        folder=text("BucketFolder").strip("/"),
        format=_word(document.get("DataFormat"), "csv"),
        compression=_word(document.get("CompressionType"), "none"),
        parquet_version=_word(document.get("ParquetVersion"), "parquet-1-0"),
        encoding=_word(document.get("EncodingType"), "rle-dictionary"),
        row_group_length=number("RowGroupLength", 10024),
        data_page_size=number("DataPageSize", 1_024_000),
        dictionary_page_size=number("DictPageSizeLimit", 1_024_000),
        statistics=_flag(document.get("EnableStatistics"), True),
        milliseconds=_flag(document.get("ParquetTimestampInMillisecond"), False),
        delimiter=_escaped(text("CsvDelimiter") or ","),
        row_delimiter=_escaped(text("CsvRowDelimiter") or "\n"),
        null_value=text("CsvNullValue", "NULL"),
        rfc4180=_flag(document.get("Rfc4180"), True),
        add_column_name=_flag(document.get("AddColumnName"), False),
        unsupplied_value=(text("CsvNoSupValue") if _flag(document.get("UseCsvNoSupValue"), False) else None),
        max_file_size=number("MaxFileSize", 1_048_576) * 1024,
        cdc_interval=60.0 if interval in (None, "") else float(interval),
        cdc_min_file_size=number("CdcMinFileSize", 32_000) * 1024,
        include_op_for_full_load=_flag(document.get("IncludeOpForFullLoad"), False),
        inserts_only=_flag(document.get("CdcInsertsOnly"), False),
        inserts_and_updates=_flag(document.get("CdcInsertsAndUpdates"), False),
        timestamp_column=text("TimestampColumnName"),
        task_start_timestamp=_flag(document.get("UseTaskStartTimeForFullLoadTimestamp"), False),
        date_partition=_flag(document.get("DatePartitionEnabled"), False),
        date_sequence=_word(document.get("DatePartitionSequence"), "yyyymmdd"),
        date_delimiter=_word(document.get("DatePartitionDelimiter"), "slash"),
        date_zone=text("DatePartitionTimezone"),
        preserve_transactions=_flag(document.get("PreserveTransactions"), False),
        cdc_path=text("CdcPath").strip("/"),
        encryption=_word(document.get("EncryptionMode"), "sse-s3"),
        kms_key=text("ServerSideEncryptionKmsKeyId"),
        canned_acl=_word(document.get("CannedAclForObjects"), "none"),
        expected_owner=text("ExpectedBucketOwner"),
    )


def _escaped(text: str) -> str:
    r"""Delimiters may be written as `\n`, `\t`, `\r` in the endpoint."""
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
