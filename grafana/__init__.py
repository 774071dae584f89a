"""The Grafana dashboards: the source of `grafana/dashboards/*.json`, which `python -m grafana` writes.

promql.py                            queries that every dashboard is made of
meanings.py                          what a value means, in words and colours
panels.py                            a panel is one call
boards.py                            a dashboard: its variables, its links, its grid
fleet.py, charger.py, exporter.py    the dashboards, each a table of panels
"""
