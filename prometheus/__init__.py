"""Alerts and recording rules; `python -m prometheus` makes the PrometheusRule of them."""
