package reconcile_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/reconcile"
)

// These tests wait more than they compute, some of them for a turn on the real cluster: more run at once than there are cores.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	kubetest.Main(m)
}

// bundle is a controller of a test's own: its namespace, its brokers, and a gate to the API server.
type bundle struct {
	testing.TB
	client.Client
	config    *rest.Config
	brokers   kafka.Config
	admin     *kadm.Client
	wire      *kgo.Client
	namespace string
	gate      *gate
	metrics   *prometheus.Registry
	options   func(*reconcile.Options)
	sweeping  bool               // often
	stop      context.CancelFunc // asks the controller to end
	halt      func()             // waits until it has
}

// setup starts a controller that sweeps five times a second.
func setup(t testing.TB, brokers kafka.Config, options ...func(*reconcile.Options)) *bundle {
	t.Helper()
	return setupOn(t, kubetest.APIServer(t), brokers, options...)
}

// setupOn is setup on an API server of the test's own.
func setupOn(t testing.TB, config *rest.Config, brokers kafka.Config, options ...func(*reconcile.Options)) *bundle {
	t.Helper()
	api := kubetest.ClientOf(t, config)
	b := &bundle{TB: t, Client: api, config: config, brokers: brokers, namespace: kubetest.NamespaceOf(t, api)}
	b.admin = testenv.Admin(t, brokers)
	b.wire = wireClient(t, brokers)
	b.options = func(o *reconcile.Options) {
		for _, option := range options {
			option(o)
		}
	}
	b.start()
	t.Cleanup(func() { b.halt() })
	return b
}

func seldom(o *reconcile.Options) { o.SweepInterval = time.Hour }

// start starts the controller (again), as a new process would.
func (b *bundle) start() {
	b.Helper()
	b.gate = &gate{counts: map[string]int{}}
	b.metrics = prometheus.NewRegistry()
	config := rest.CopyConfig(b.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { b.gate.next = next; return b.gate })
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CONTROLLER_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	o := reconcile.Options{
		Kafka: b.brokers, Namespaces: []string{b.namespace}, SweepInterval: 200 * time.Millisecond, Workers: 64, MetricsTopics: 100,
		Log: log, Metrics: b.metrics, Report: func(string, error) {},
	}
	b.options(&o)
	b.sweeping = o.SweepInterval < time.Hour
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reconcile.Run(ctx, config, o) }()
	b.stop = stop
	b.halt = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			b.Errorf("the controller ended with: %v", err)
		}
	})
}

// kill ends the controller without another write.
func (b *bundle) kill() {
	b.gate.close()
	b.halt()
}

// crash kills the controller, and starts one that knows nothing.
func (b *bundle) crash() {
	b.kill()
	b.start()
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// rest waits until the controller has nothing more to do, which a few sweeps without a write show.
func (b *bundle) rest() {
	b.Helper()
	last, since, swept := b.gate.writes(), time.Now(), b.sweeps()
	testenv.Eventually(b, "the controller rests", func() bool {
		if now := b.gate.writes(); now != last || b.gate.writing() {
			last, since, swept = now, time.Now(), b.sweeps()
		}
		return time.Since(since) > 700*time.Millisecond && (!b.sweeping || b.sweeps() >= swept+3)
	})
}

// sweeps is how many have come to their end.
func (b *bundle) sweeps() float64 { return b.counted("openorder_topic_sweep_duration_seconds") }

// swept waits until a sweep has looked at a resource's topic as the resource stands, with a reason such as "Synced": the
// controller's cache may lag behind the API server.
func (b *bundle) swept(name, reason string) {
	b.Helper()
	testenv.Eventually(b, name+" is "+reason+" in the cache", func() bool { return b.shown(name, reason) })
	before := b.sweeps()
	testenv.Eventually(b, "two sweeps end", func() bool { return b.sweeps() >= before+2 }) // one may have begun earlier
}

// shown tells whether the controller's cache has a resource with a reason of its Ready condition.
func (b *bundle) shown(name, reason string) bool {
	b.Helper()
	return slices.ContainsFunc(b.series("openorder_topic_ready"), func(s series) bool { return s.has(name, reason) })
}

// counted adds the series of a metric that have the labels' values; of a histogram it is how much was observed.
func (b *bundle) counted(metric string, values ...string) (total float64) {
	b.Helper()
	for _, s := range b.series(metric) {
		if s.has(values...) {
			total += s.count
		}
	}
	return total
}

// series is one of a metric: its labels' values, and how much was counted or observed.
type series struct {
	labels []string
	count  float64
}

func (s series) has(values ...string) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return !slices.Contains(s.labels, value) })
}

func (b *bundle) series(metric string) (all []series) {
	b.Helper()
	families, err := b.metrics.Gather()
	b.must(err)
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.Metric {
			s := series{count: m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())}
			for _, label := range m.Label {
				s.labels = append(s.labels, label.GetValue())
			}
			all = append(all, s)
		}
	}
	return all
}

// await waits for something that the controller does.
func (b *bundle) await(done <-chan struct{}) {
	b.Helper()
	testenv.Eventually(b, "the controller comes to the step", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}
