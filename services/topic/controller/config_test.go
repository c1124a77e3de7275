package controller_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/topic/controller"
)

func TestEverySettingThatIsWrongIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	good := controller.Config{
		Kafka: kafka.Config{Brokers: "localhost:9092"}, SweepInterval: time.Minute, Workers: 1, AdminListen: ":9084",
		LeaderElection: true, LeaseName: "lease", Selector: "cluster in (a, b)", Allow: []string{"shop=order.,inventory.;stock=", "all=", ""},
		Log: telemetry.LogConfig{Level: "info", Format: "auto"},
	}
	if err := good.Validate(); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	bad := controller.Config{
		Kafka: kafka.Config{}, SweepInterval: time.Millisecond, Workers: 0, MetricsTopics: -1, AdminListen: "9084",
		LeaderElection: true, Selector: "cluster in", Allow: []string{"shop=order.;inventory."}, Log: telemetry.LogConfig{Level: "loud", Format: "auto"},
	}
	err := bad.Validate()
	for _, flag := range []string{"kafka-brokers", "sweep-interval", "workers", "metrics-max-topics", "admin-listen", "lease-name", "selector", "allow", "log-level"} {
		if err == nil || !strings.Contains(err.Error(), "--"+flag+":") {
			t.Errorf("--%s is not named: %v", flag, err)
		}
	}
}

func TestWithoutAClusterItSaysHowToNameOne(t *testing.T) {
	for _, variable := range []string{"HOME", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"} {
		t.Setenv(variable, "")
	}
	var said strings.Builder
	err := new(controller.Config).Run(t.Context(), slog.New(slog.NewTextHandler(&said, nil)))
	if err == nil || !strings.Contains(err.Error(), "--kubeconfig (KUBECONFIG)") || said.Len() > 0 {
		t.Errorf("%v\n%s", err, said.String())
	}
}

// A slip must not widen what the controller works for: an empty namespace is all of them.
func TestANamespaceThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, namespaces := range [][]string{{"shop", ""}, {"shop", " stock"}, {"Shop"}} {
		config := controller.Config{
			Kafka: kafka.Config{Brokers: "localhost:9092"}, SweepInterval: time.Minute, Workers: 1, AdminListen: ":9084",
			Namespaces: namespaces, Log: telemetry.LogConfig{Level: "info", Format: "auto"},
		}
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "--namespaces: ") {
			t.Errorf("%q: %v", namespaces, err)
		}
	}
}
