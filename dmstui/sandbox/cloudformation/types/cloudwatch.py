"""CloudWatch: metric alarms and dashboards."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    is_gone,
    pick,
)


class Alarm(Provisioner):
    type = "AWS::CloudWatch::Alarm"
    required = "ComparisonOperator EvaluationPeriods"
    fixed = "AlarmName"
    mutable = (
        "ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions "
        "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName "
        "Metrics Namespace OKActions Period Statistic Tags Threshold ThresholdMetricId TreatMissingData Unit"
    )
    attributes = "Arn"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("AlarmName") or at.name(255)
        await self._put(at, name, p)
        return str(name)

    async def _put(self, at: Site, name: str, p: Properties) -> None:
        own = " ".join(item for item in self.mutable.split() if item != "Tags")
        await at.call("cloudwatch", "PutMetricAlarm", AlarmName=name, **pick(p, own), Tags=at.tags(p) or None)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        world = at.world
        return {
            "Arn": f"arn:{world.partition}:cloudwatch:{world.region}:{world.account_id}:alarm:{physical_id}"
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await self._put(at, physical_id, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("cloudwatch", "DeleteAlarms", AlarmNames=[physical_id])
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class Dashboard(Provisioner):
    type = "AWS::CloudWatch::Dashboard"
    required = "DashboardBody"
    fixed = "DashboardName"
    mutable = "DashboardBody"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("DashboardName") or at.name(255)
        await self.update(at, name, {}, p)
        return str(name)

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call("cloudwatch", "PutDashboard", DashboardName=physical_id, **pick(p, "DashboardBody"))

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("cloudwatch", "DeleteDashboards", DashboardNames=[physical_id])
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Alarm, Dashboard)
