// Dashboards, alerts and recording rules for kube-prometheus and other users of monitoring mixins:
//
//   (import 'vecharge-exporter/mixin.libsonnet') + { _config+:: { grafanaUrl: 'https://grafana.example.com' } }
{
  _config+:: {
    // The start of the links in notifications.
    grafanaUrl: 'http://localhost:3000',
  },

  local config = self._config,
  local configured(rule) =
    if std.objectHas(rule, 'record') && rule.record == 'vecharge:grafana:url'
    then rule { labels: { url: config.grafanaUrl } }
    else rule,

  // jsonnet resolves no anchors of YAML: prometheusrule.yaml is generated without.
  local rules = std.parseYaml(importstr 'prometheus/prometheusrule.yaml').spec.groups,
  local recordings = [group.name for group in std.parseYaml(importstr 'prometheus/recording.yml').groups],

  grafanaDashboards+:: {
    'vecharge-charger.json': import 'grafana/dashboards/charger.json',
    'vecharge-exporter.json': import 'grafana/dashboards/exporter.json',
    'vecharge-fleet.json': import 'grafana/dashboards/fleet.json',
  },

  prometheusAlerts+:: {
    groups: [
      group { rules: std.map(configured, group.rules) }
      for group in rules
      if !std.member(recordings, group.name)
    ],
  },
  prometheusRules+:: {
    groups: [group for group in rules if std.member(recordings, group.name)],
  },
}
