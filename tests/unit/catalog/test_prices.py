"""Prices: every figure has a source, estimates add up by the hour."""

from __future__ import annotations

import pytest

from dmstui.catalog import CostItem, prices


def test_every_price_names_its_source_and_a_verified_one_its_date() -> None:
    for price in prices.PRICES.values():
        assert price.source, price.key
        assert price.usd > 0
        assert price.date or not price.verified, price.key


def test_an_estimate_counts_hours_and_months_but_not_what_is_paid_by_use() -> None:
    found = prices.estimate(
        [CostItem("dms.t3.medium", 2), CostItem("storage.rds.gp3", 73), CostItem("transfer.internet.out", 5)]
    )
    assert found.per_hour == pytest.approx(2 * 0.072 + 73 * 0.115 / 730)
    assert not found.verified


def test_an_unknown_price_is_an_error() -> None:
    with pytest.raises(KeyError):
        prices.estimate([CostItem("gold", 1)])
