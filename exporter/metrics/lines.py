"""The parts of a line of the text formats: its name and labels, and the header of a metric."""

from exporter.metrics.metric import Metric, Series, Subject


def escape(label_value: str) -> str:
    """Return a label value as both formats write it."""
    return label_value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def header(metric: Metric[Subject], *, openmetrics: bool) -> str:
    """Return HELP and TYPE. OpenMetrics names a counter without its `_total`."""
    name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n"


def head(metric: Metric[Subject], series: Series[Subject], own: dict[str, str], subject: Subject | None) -> str:
    """Return a line of a row up to its value."""
    values = metric.info(subject) if metric.info and subject is not None else series.label_values
    return labelled(metric.name, own | dict(zip(metric.labels, values, strict=True)))


def labelled(name: str, labels: dict[str, str]) -> str:
    """Return a line up to its value."""
    text = ",".join(f'{label}="{escape(value)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{text}}} " if text else f"{name} "
