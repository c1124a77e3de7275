package kubetest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Series are a metric's values in what a process answers at /metrics, by their labels: name="value",… in the names' order.
func Series(text io.Reader, metric string) (map[string]float64, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, slices.Collect(maps.Values(families))...)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	series := map[string]float64{}
	for _, sample := range samples {
		if sample.Metric[model.MetricNameLabel] == model.LabelValue(metric) {
			series[labels(sample.Metric)] = float64(sample.Value)
		}
	}
	return series, nil
}

func labels(metric model.Metric) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(metric)) {
		if name != model.MetricNameLabel {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, metric[name]))
		}
	}
	return strings.Join(pairs, ",")
}
