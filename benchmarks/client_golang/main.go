// Serves the gauges and counters of a page, read from the standard input, with Go's client_golang.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func main() {
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(os.Stdin)
	if err != nil {
		panic(err)
	}
	registry := prometheus.NewRegistry()
	for name, family := range families {
		register(registry, name, family)
	}
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}

func register(registry *prometheus.Registry, name string, family *dto.MetricFamily) {
	var labels []string
	for _, pair := range family.Metric[0].Label {
		labels = append(labels, pair.GetName())
	}
	switch family.GetType() {
	case dto.MetricType_GAUGE:
		gauges := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: family.GetHelp()}, labels)
		registry.MustRegister(gauges)
		for _, metric := range family.Metric {
			gauges.With(labelsOf(metric)).Set(metric.Gauge.GetValue())
		}
	case dto.MetricType_COUNTER:
		counters := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: family.GetHelp()}, labels)
		registry.MustRegister(counters)
		for _, metric := range family.Metric {
			counters.With(labelsOf(metric)).Add(metric.Counter.GetValue())
		}
	}
}

func labelsOf(metric *dto.Metric) prometheus.Labels {
	labels := prometheus.Labels{}
	for _, pair := range metric.Label {
		labels[pair.GetName()] = pair.GetValue()
	}
	return labels
}
