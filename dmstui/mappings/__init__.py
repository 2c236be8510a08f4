"""The table-mapping language of DMS: parse, check and apply it. The console explains with it, the sandbox executes with it."""

from dmstui.mappings.types import LOB_TYPES, DataType

__all__ = ["LOB_TYPES", "DataType"]
