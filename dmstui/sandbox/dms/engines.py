"""The engines an endpoint may name: display name, settings block, direction, and what stands behind them here."""

from __future__ import annotations

from dataclasses import dataclass

# A source or target the worker can really read or write here.
POSTGRES, S3 = "postgres", "s3"


@dataclass(frozen=True, slots=True)
class Engine:
    """One EngineName. `block` is its settings member in the API; `kind` what the sandbox has for it, None = nothing."""

    display: str
    block: str | None
    source: bool
    target: bool
    cdc: bool = True
    kind: str | None = None
    login: bool = True

    def offers(self, endpoint_type: str) -> bool:
        return self.source if endpoint_type == "source" else self.target


ENGINES: dict[str, Engine] = {
    "mysql": Engine("MySQL", "MySQLSettings", True, True),
    "oracle": Engine("Oracle", "OracleSettings", True, True),
    "postgres": Engine("PostgreSQL", "PostgreSQLSettings", True, True, kind=POSTGRES),
    "mariadb": Engine("MariaDB", "MySQLSettings", True, True),
    "aurora": Engine("Amazon Aurora MySQL", "MySQLSettings", True, True),
    "aurora-postgresql": Engine("Amazon Aurora PostgreSQL", "PostgreSQLSettings", True, True, kind=POSTGRES),
    "aurora-serverless": Engine("Amazon Aurora MySQL Serverless", "MySQLSettings", True, True),
    "aurora-postgresql-serverless": Engine(
        "Amazon Aurora PostgreSQL Serverless", "PostgreSQLSettings", True, True, kind=POSTGRES
    ),
    "opensearch": Engine("Amazon OpenSearch Service", "ElasticsearchSettings", False, True, login=False),
    "redshift": Engine("Amazon Redshift", "RedshiftSettings", False, True),
    "redshift-serverless": Engine("Amazon Redshift Serverless", "RedshiftSettings", False, True),
    "s3": Engine("Amazon S3", "S3Settings", True, True, kind=S3, login=False),
    "db2": Engine("IBM Db2 LUW", "IBMDb2Settings", True, False),
    "db2-zos": Engine("IBM Db2 for z/OS", "IBMDb2Settings", True, True),
    "azuredb": Engine("Microsoft Azure SQL Database", "MicrosoftSQLServerSettings", True, False, cdc=False),
    "sybase": Engine("SAP Sybase ASE", "SybaseSettings", True, True),
    "dynamodb": Engine("Amazon DynamoDB", "DynamoDbSettings", False, True, login=False),
    "mongodb": Engine("MongoDB", "MongoDbSettings", True, False),
    "kinesis": Engine("Amazon Kinesis", "KinesisSettings", False, True, login=False),
    "kafka": Engine("Apache Kafka", "KafkaSettings", False, True, login=False),
    "elasticsearch": Engine("Amazon OpenSearch Service", "ElasticsearchSettings", False, True, login=False),
    "docdb": Engine("Amazon DocumentDB (with MongoDB compatibility)", "DocDbSettings", True, True),
    "sqlserver": Engine("Microsoft SQL Server", "MicrosoftSQLServerSettings", True, True),
    "neptune": Engine("Amazon Neptune", "NeptuneSettings", False, True, login=False),
    "babelfish": Engine("Babelfish for Aurora PostgreSQL", "PostgreSQLSettings", False, True),
    "redis": Engine("Redis OSS", "RedisSettings", False, True, login=False),
    "gcp-mysql": Engine("Google Cloud for MySQL", "GcpMySQLSettings", True, True),
    "azure-sql-managed-instance": Engine(
        "Microsoft Azure SQL Managed Instance", "MicrosoftSQLServerSettings", True, False
    ),
    "dms-transfer": Engine("DMS Transfer", "DmsTransferSettings", True, True, login=False),
}
