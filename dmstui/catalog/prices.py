"""What things cost in us-east-1, each figure with its date and source or marked unverified; the only file with prices.

Called by cli and console for a scenario's estimate. None of it is a bill: the Price List API (service code
`AWSDatabaseMigrationSvc` for DMS) is what AWS charges by. `verified` is False where no dated copy of AWS's own
page was read: screens then say "about".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dmstui.catalog.scenario import CostItem

Unit = Literal["hour", "GB-month", "month", "GB", "1000 requests"]
HOURS_PER_MONTH = 730
_TABLE = "third-party price table, undated"
_MEMORY = "from memory"


@dataclass(frozen=True, slots=True)
class Price:
    """One price: dollars per unit, what it is, where and when the figure was found."""

    key: str
    usd: float
    unit: Unit
    text: str
    source: str
    date: str
    verified: bool = False

    @property
    def per_hour(self) -> float:
        """Dollars an hour for one piece or GB held; 0 for what is paid by use."""
        if self.unit == "hour":
            return self.usd
        return self.usd / HOURS_PER_MONTH if self.unit in {"GB-month", "month"} else 0.0


def _dms(family: str, sizes: dict[str, float]) -> list[Price]:
    return [
        Price(
            f"dms.{family}.{size}", usd, "hour", f"DMS replication instance dms.{family}.{size}", _TABLE, ""
        )
        for size, usd in sizes.items()
    ]


_ALL: list[Price] = [
    *_dms("t3", {"micro": 0.018, "small": 0.036, "medium": 0.072, "large": 0.144}),
    *_dms(
        "c5",
        {
            "large": 0.154,
            "xlarge": 0.308,
            "2xlarge": 0.616,
            "4xlarge": 1.232,
            "9xlarge": 2.772,
            "12xlarge": 3.696,
            "18xlarge": 5.544,
            "24xlarge": 7.392,
        },
    ),
    *_dms(
        "c6i",
        {
            "large": 0.17,
            "xlarge": 0.34,
            "2xlarge": 0.68,
            "4xlarge": 1.36,
            "8xlarge": 2.72,
            "12xlarge": 4.08,
            "16xlarge": 5.44,
            "24xlarge": 8.16,
            "32xlarge": 10.88,
        },
    ),
    # The table's r5 row is below what the class can cost; r6i's figures are used for both.
    *_dms("r5", {"large": 0.252, "xlarge": 0.504, "2xlarge": 1.008, "4xlarge": 2.016}),
    *_dms(
        "r6i",
        {
            "large": 0.252,
            "xlarge": 0.504,
            "2xlarge": 1.008,
            "4xlarge": 2.016,
            "8xlarge": 4.032,
            "12xlarge": 6.048,
            "16xlarge": 8.064,
            "24xlarge": 12.096,
            "32xlarge": 16.128,
        },
    ),
    Price("storage.dms.gp2", 0.115, "GB-month", "DMS storage above the 50 or 100 GB included", _TABLE, ""),
    Price("rds.mysql.db.t3.micro", 0.017, "hour", "RDS MySQL db.t3.micro", _TABLE, ""),
    Price("rds.mysql.db.t4g.micro", 0.016, "hour", "RDS MySQL db.t4g.micro", _TABLE, ""),
    Price("rds.mysql.db.t4g.small", 0.032, "hour", "RDS MySQL db.t4g.small", _TABLE, ""),
    Price("rds.postgres.db.t3.micro", 0.018, "hour", "RDS PostgreSQL db.t3.micro", _MEMORY, ""),
    Price("rds.postgres.db.t3.small", 0.036, "hour", "RDS PostgreSQL db.t3.small", _MEMORY, ""),
    Price("rds.postgres.db.t4g.micro", 0.016, "hour", "RDS PostgreSQL db.t4g.micro", _MEMORY, ""),
    Price("rds.postgres.db.t4g.small", 0.032, "hour", "RDS PostgreSQL db.t4g.small", _MEMORY, ""),
    Price("rds.oracle-se2.db.t3.small", 0.10, "hour", "RDS Oracle SE2 with licence db.t3.small", _MEMORY, ""),
    Price("aurora.postgres.db.t3.medium", 0.082, "hour", "Aurora PostgreSQL db.t3.medium", _TABLE, "2026"),
    Price("aurora.postgres.db.t4g.medium", 0.073, "hour", "Aurora PostgreSQL db.t4g.medium", _TABLE, "2026"),
    Price(
        "docdb.db.t3.medium",
        0.078,
        "hour",
        "DocumentDB db.t3.medium",
        "copy of the Price List API",
        "2026-10",
    ),
    Price(
        "docdb.db.t4g.medium",
        0.07566,
        "hour",
        "DocumentDB db.t4g.medium",
        "copy of the Price List API",
        "2026-10",
    ),
    Price(
        "redshift.ra3.large", 0.543, "hour", "Redshift ra3.large", "third-party copy of AWS's page", "2026-03"
    ),
    Price("ec2.t3.micro", 0.0104, "hour", "EC2 t3.micro", _MEMORY, ""),
    Price("ec2.t4g.micro", 0.0084, "hour", "EC2 t4g.micro", _MEMORY, ""),
    Price("ec2.t4g.small", 0.0168, "hour", "EC2 t4g.small", _MEMORY, ""),
    Price("storage.ebs.gp3", 0.08, "GB-month", "EBS gp3 storage", _MEMORY, ""),
    Price("storage.rds.gp3", 0.115, "GB-month", "RDS gp3 storage", _MEMORY, ""),
    Price("storage.rds.gp2", 0.115, "GB-month", "RDS gp2 storage", _MEMORY, ""),
    Price("storage.s3", 0.023, "GB-month", "S3 Standard storage", _MEMORY, ""),
    Price("s3.put", 0.005, "1000 requests", "S3 PUT requests", _MEMORY, ""),
    Price("vpc.endpoint.interface", 0.01, "hour", "interface VPC endpoint, each zone", _TABLE, ""),
    Price("vpc.nat", 0.045, "hour", "NAT gateway", _TABLE, ""),
    Price("vpc.ipv4", 0.005, "hour", "public IPv4 address", "AWS blog as cited in code", "2024-02", True),
    Price("secret", 0.40, "month", "Secrets Manager secret", _MEMORY, ""),
    Price("logs.ingest", 0.50, "GB", "CloudWatch Logs taken in", _MEMORY, ""),
    Price("cloudwatch.metrics.get", 0.01, "1000 requests", "metrics asked for by GetMetricData", _MEMORY, ""),
    Price("transfer.internet.out", 0.09, "GB", "data transfer to the internet", _MEMORY, ""),
    Price("transfer.zone", 0.01, "GB", "data transfer between zones, each direction", _MEMORY, ""),
]
PRICES: dict[str, Price] = {price.key: price for price in _ALL}


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of an estimate; per_hour is 0 where it is paid by use."""

    item: CostItem
    price: Price
    per_hour: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stack costs while it stands."""

    lines: tuple[CostLine, ...]

    @property
    def per_hour(self) -> float:
        """Dollars an hour."""
        return sum(line.per_hour for line in self.lines)

    @property
    def verified(self) -> bool:
        """Every figure was read in a dated copy of AWS's own text; else say "about"."""
        return all(line.price.verified for line in self.lines)


def estimate(items: Iterable[CostItem]) -> Estimate:
    """Cost items of a scenario -> lines with dollars an hour. KeyError for an unknown price."""
    lines = []
    for item in items:
        price = PRICES[item.price]
        lines.append(CostLine(item, price, price.per_hour * item.quantity))
    return Estimate(tuple(lines))
