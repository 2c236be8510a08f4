"""Amazon S3 as a target: Parquet and CSV objects under the names DMS gives them."""
