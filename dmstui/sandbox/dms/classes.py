"""Replication instance classes and engine versions DMS offers (AWS DMS user guide, autumn 2026). Data, pure."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30
MIN_STORAGE_GB, MAX_STORAGE_GB = 5, 6144


@dataclass(frozen=True, slots=True)
class InstanceClass:
    """One class: its size, and the storage a new instance gets."""

    name: str
    vcpus: int
    memory_bytes: int
    default_storage_gb: int


# family: size → (vCPU, GiB)
_C = {"large": (2, 4.0), "xlarge": (4, 8.0), "2xlarge": (8, 16.0), "4xlarge": (16, 32.0)}
_BIG_C = {"8xlarge": (32, 64.0), "12xlarge": (48, 96.0), "16xlarge": (64, 128.0), "24xlarge": (96, 192.0)}
_R = {name: (vcpus, gib * 4) for name, (vcpus, gib) in _C.items()}
_BIG_R = {name: (vcpus, gib * 4) for name, (vcpus, gib) in _BIG_C.items()}
_FAMILIES: dict[str, dict[str, tuple[int, float]]] = {
    "t3": {"micro": (2, 1.0), "small": (2, 2.0), "medium": (2, 4.0), "large": (2, 8.0)},
    "c5": _C | {"9xlarge": (36, 72.0), "12xlarge": (48, 96.0), "18xlarge": (72, 144.0), "24xlarge": (96, 192.0)},
    "c6i": _C | _BIG_C | {"32xlarge": (128, 256.0)},
    "c7i": _C | _BIG_C | {"48xlarge": (192, 384.0)},
    "r5": _R | _BIG_R,
    "r6i": _R | _BIG_R | {"32xlarge": (128, 1024.0)},
    "r7i": _R | _BIG_R | {"48xlarge": (192, 1536.0)},
}  # fmt: skip

CLASSES: dict[str, InstanceClass] = {
    f"dms.{family}.{size}": InstanceClass(
        f"dms.{family}.{size}", vcpus, int(gib * GIB), 50 if family == "t3" else 100
    )
    for family, sizes in _FAMILIES.items()
    for size, (vcpus, gib) in sizes.items()
}


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """One version of the replication engine; dates are ISO days or None where AWS set none."""

    version: str
    lifecycle: str
    launched: str
    no_new_after: str | None = None
    forced_off: str | None = None


DEFAULT_VERSION = "3.5.4"
VERSIONS: tuple[EngineVersion, ...] = (
    EngineVersion("3.5.4", "DEFAULT_VERSION", "2024-11-15", "2027-01-31", "2027-03-31"),
    EngineVersion("3.6.1", "ACTIVE", "2025-05-15"),
)


def newer(version: str, than: str) -> bool:
    """Whether an engine version is later than another."""
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
