"""The source of the Grafana dashboards: `python -m grafana` writes `grafana/dashboards/*.json`.

promql.py                            queries that the dashboards share
meanings.py                          the words and colours of a value
frames.py                            what every panel has
charts.py, tables.py                 a panel is one call
boards.py                            a dashboard: variables, links, annotations, grid
fleet.py, fleet_history.py           the fleet dashboard
charger.py, exporter.py              the others
"""
