"""From what a chart file says to Superset's form data, one small function for each kind of chart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from citybrain.dashboards.datasets import Column, Dataset, Metric
from citybrain.dashboards.files import Band, ChartFile, Condition

VIZ_TYPES = {
    "number": "big_number",
    "total": "big_number_total",
    "bars": "echarts_timeseries_bar",
    "ranking": "echarts_timeseries_bar",
    "lines": "echarts_timeseries_line",
    "areas": "echarts_area",
    "mixed": "mixed_timeseries",
    "pie": "pie",
    "table": "table",
    "polygons": "deck_polygon",
    "points": "deck_scatter",
    "shapes": "deck_geojson",
    "map": "deck_multi",
}
OPERATORS = {
    "==": "EQUALS",
    "!=": "NOT_EQUALS",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_OR_EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_OR_EQUAL",
    "IN": "IN",
}


def form_data(chart: ChartFile, dataset: Dataset, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of the chart: the kind's defaults, what its columns and metrics mean for the kind, its options."""
    params: dict[str, Any] = {
        "viz_type": VIZ_TYPES[chart.kind],
        "adhoc_filters": filters(chart, dataset),
        "extra_form_data": {},
    }
    if chart.limit:
        params["row_limit"] = chart.limit
    if look := merged(defaults.get("echarts", {}), chart.echarts):
        params["echart_options"] = json.dumps(look, ensure_ascii=False)
    defaults = {name: value for name, value in defaults.items() if name != "echarts"}
    options = {name: value for name, value in chart.options.items() if name != "column_config"}
    return {**defaults, **params, **_PARAMS[chart.kind](chart, dataset), **options}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, key by key, as deep as both are mappings."""
    both = {key: merged(base[key], value) for key, value in over.items() if isinstance(base.get(key), dict)}
    return {**base, **over, **{key: value for key, value in both.items() if isinstance(over[key], dict)}}


def conditions(chart: ChartFile, dataset: Dataset) -> dict[str, Condition]:
    """What the rows of a chart have in certain columns. Along an axis they are only those of the indicators that it
    shows: else it would begin, or end, where others do."""
    shown = [dataset.metrics[name].indicator for name in (*chart.metrics, *chart.line_metrics)]
    own = tuple(sorted({indicator for indicator in shown if indicator}))
    along = {"indicator_id": own} if own and chart.x else {}
    return {**along, **chart.where}


def filters(chart: ChartFile, dataset: Dataset) -> list[dict[str, Any]]:
    return [_filter(column, *_operation(condition)) for column, condition in conditions(chart, dataset).items()]


def _operation(condition: Condition) -> tuple[str, Any]:
    if isinstance(condition, dict):
        return next(iter(condition.items()))
    return ("IN", list(condition)) if isinstance(condition, tuple) else ("==", condition)


def _filter(column: str, operator: str, value: Any) -> dict[str, Any]:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": operator,
        "operatorId": OPERATORS[operator],
        "comparator": value,
        "filterOptionName": f"filter_{column}",
        "isExtra": False,
        "isNew": False,
    }


def _number(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    """A figure with its unit, the time it speaks of, and who answers for it."""
    metric = dataset.metrics[chart.metrics[0]]
    return {
        "metric": metric.name,
        "x_axis": chart.x,
        "subtitle": metric.unit or "",
        "time_format": "截至 %Y-%m-%d" + (f" · {metric.owner}" if metric.owner else ""),
        **_format(dataset, chart.metrics),
    }


def _total(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    return {"metric": chart.metrics[0], **_format(dataset, chart.metrics)}


def _series(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    return {
        "x_axis": chart.x,
        "metrics": list(chart.metrics),
        "groupby": list(chart.dimensions),
        **_format(dataset, chart.metrics),
    }


def _ranking(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    return {**_series(chart, dataset), "x_axis_sort": chart.metrics[0]}


def _mixed(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    right = _format(dataset, chart.line_metrics)
    return {
        **_series(chart, dataset),
        "metrics_b": list(chart.line_metrics),
        "groupby_b": [],
        "adhoc_filters_b": filters(chart, dataset),
        "y_axis_format_secondary": right.get("y_axis_format"),
    }


def _pie(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    return {
        "metric": chart.metrics[0],
        "groupby": list(chart.dimensions),
        "number_format": d3_format(dataset.metrics[chart.metrics[0]]),
    }


def _table(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    columns: dict[str, dict[str, Any]] = {name: {"customColumnName": text} for name, text in chart.headers.items()}
    for name in chart.metrics:
        columns.setdefault(name, {})["d3NumberFormat"] = d3_format(dataset.metrics[name])
    for name, given in chart.options.get("column_config", {}).items():
        columns.setdefault(name, {}).update(given)
    if chart.columns:
        order = [json.dumps([chart.order_by, chart.order == "asc"])] if chart.order_by else []
        return {
            "query_mode": "raw",
            "all_columns": list(chart.columns),
            "order_by_cols": order,
            "column_config": columns,
        }
    return {
        "query_mode": "aggregate",
        "groupby": list(chart.dimensions),
        "metrics": list(chart.metrics),
        "timeseries_limit_metric": chart.order_by,
        "order_desc": chart.order == "desc",
        "column_config": columns,
    }


def _polygons(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    return {
        "line_column": chart.shape,
        "metric": chart.metrics[0],
        "tooltip_contents": _tooltip(chart, dataset),
        "color_scheme_type": "color_breakpoints",
        "color_breakpoints": _breakpoints(chart.bands),
    }


def _breakpoints(bands: tuple[Band, ...]) -> list[dict[str, Any]]:
    """Superset's classes hold both ends; the first that fits wins, so the highest comes first."""
    ends = [1e12, *(band.least for band in bands)]
    return [
        {"id": n, "color": rgba(band.color), "minValue": band.least, "maxValue": end}
        for n, (band, end) in enumerate(zip(bands, ends, strict=False))
    ]


def rgba(color: str, alpha: float = 1) -> dict[str, float]:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return {"r": red, "g": green, "b": blue, "a": alpha}


def _points(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    size = {"type": "metric", "value": chart.metrics[0]} if chart.metrics else {"type": "fix", "value": 100}
    return {
        "spatial": {"type": "latlong", "lonCol": chart.lon, "latCol": chart.lat},
        "point_radius_fixed": size,
        "dimension": chart.dimensions[0] if chart.dimensions else None,
        "tooltip_contents": _tooltip(chart, dataset),
    }


def _shapes(chart: ChartFile, dataset: Dataset) -> dict[str, Any]:
    return {"geojson": chart.shape, "tooltip_contents": _tooltip(chart, dataset)}


def _map(_chart: ChartFile, _dataset: Dataset) -> dict[str, Any]:
    return {"deck_slices": []}  # the importer puts the layers' numbers in


def _tooltip(chart: ChartFile, dataset: Dataset) -> list[dict[str, str]]:
    return [_tooltip_item(dataset, name) for name in chart.tooltip]


def _tooltip_item(dataset: Dataset, name: str) -> dict[str, str]:
    if name in dataset.columns:
        return {"item_type": "column", "column_name": name, "verbose_name": dataset.columns[name].label}
    metric = dataset.metrics[name]
    return {"item_type": "metric", "metric_name": name, "verbose_name": label(metric)}


def label(thing: Column | Metric) -> str:
    return f"{thing.title}（{thing.unit}）" if thing.unit else thing.title


def d3_format(metric: Metric) -> str:
    return f",.{metric.decimals}f" if metric.decimals else ",d"


def _format(dataset: Dataset, metrics: tuple[str, ...]) -> dict[str, Any]:
    return {"y_axis_format": d3_format(dataset.metrics[metrics[0]])} if metrics else {}


_PARAMS: dict[str, Callable[[ChartFile, Dataset], dict[str, Any]]] = {
    "number": _number,
    "total": _total,
    "bars": _series,
    "ranking": _ranking,
    "lines": _series,
    "areas": _series,
    "mixed": _mixed,
    "pie": _pie,
    "table": _table,
    "polygons": _polygons,
    "points": _points,
    "shapes": _shapes,
    "map": _map,
}
