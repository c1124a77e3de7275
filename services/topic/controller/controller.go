// Package controller is the topic controller as a process: its settings, its probes and metrics, its orderly end.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openorder/openorder/services/internal/admin"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/topic/reconcile"
)

// Config is the controller's settings, read from flags and environment.
type Config struct {
	Kafka kafka.Config

	Kubeconfig    string
	Namespaces    []string
	Selector      string
	Allow         []string
	SweepInterval time.Duration
	Workers       int
	MetricsTopics int

	LeaderElection bool
	LeaseName      string
	LeaseNamespace string

	AdminListen string
	Pprof       bool
	Log         telemetry.LogConfig
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	f.StringVar(&c.Kubeconfig, "kubeconfig", "", "`FILE` with Kubernetes credentials (default in a pod its service account) ($KUBECONFIG).")
	f.StringSliceVar(&c.Namespaces, "namespaces", nil, "`NAMESPACE,...` whose KafkaTopics this controller works for (default all). Ownership of a topic is known only within them ($NAMESPACES).")
	f.StringVar(&c.Selector, "selector", "", "Label `SELECTOR` of the KafkaTopics that this controller works for, where there are several Kafka clusters (default all) ($SELECTOR).")
	f.StringArrayVar(&c.Allow, "allow", nil, "Topics that a namespace may name, `NAMESPACE=PREFIX,...`; repeatable, or separated by semicolons. Once given, other namespaces may name none (default all may name all) ($ALLOW).")
	f.DurationVar(&c.SweepInterval, "sweep-interval", time.Minute, "How often all topics are compared with their resources, give or take a tenth ($SWEEP_INTERVAL).")
	f.IntVar(&c.Workers, "workers", 256, "Resources worked on at once; their requests to the brokers are batched ($WORKERS).")
	f.IntVar(&c.MetricsTopics, "metrics-max-topics", 2000, "Series of openorder_topic_ready at most; those not ready come first ($METRICS_MAX_TOPICS).")
	f.BoolVar(&c.LeaderElection, "leader-election", true, "Let one of several replicas work at a time ($LEADER_ELECTION).")
	f.StringVar(&c.LeaseName, "lease-name", "openorder-topic-controller", "`NAME` of the election's lease; one for each Kafka cluster ($LEASE_NAME).")
	f.StringVar(&c.LeaseNamespace, "lease-namespace", "", "`NAMESPACE` of the lease (default in a pod its own) ($LEASE_NAMESPACE, $POD_NAMESPACE).")
	f.StringVar(&c.AdminListen, "admin-listen", ":9084", "`HOST:PORT` of /livez, /readyz and /metrics ($ADMIN_LISTEN).")
	f.BoolVar(&c.Pprof, "pprof", false, "Serve /debug/pprof on the admin address ($PPROF).")
	c.Log.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (c *Config) Validate() error {
	errs := []error{c.Kafka.Validate(), c.Log.Validate()}
	refuse := func(flag, format string, args ...any) {
		errs = append(errs, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, args...)))
	}
	for _, namespace := range c.Namespaces {
		if len(validation.IsDNS1123Label(namespace)) > 0 { // an empty one would be all
			refuse("namespaces", "%q is no name of a namespace", namespace)
		}
	}
	if _, err := labels.Parse(c.Selector); err != nil {
		refuse("selector", "%v", err)
	}
	if _, err := c.allow(); err != nil {
		refuse("allow", "%v", err)
	}
	if c.SweepInterval < time.Second {
		refuse("sweep-interval", "%s is less than 1s", c.SweepInterval)
	}
	if c.Workers < 1 || c.Workers > 1000 {
		refuse("workers", "%d is not from 1 to 1000", c.Workers)
	}
	if c.MetricsTopics < 0 {
		refuse("metrics-max-topics", "%d is negative", c.MetricsTopics)
	}
	if c.LeaderElection && c.LeaseName == "" {
		refuse("lease-name", "is needed with --leader-election")
	}
	if _, _, err := net.SplitHostPort(c.AdminListen); err != nil {
		refuse("admin-listen", "%q is not HOST:PORT", c.AdminListen)
	}
	return errors.Join(errs...)
}

// Run works until ctx is done, and then stops within 25 s. That the brokers or their credentials are missing ends
// nothing: it is shown under /readyz?verbose, and waited for.
func (c *Config) Run(ctx context.Context, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // memory is dearer than the little processor time that this process uses
	}
	api, err := c.api() // before it has a log: its error says the same
	if err != nil {
		return fmt.Errorf("find the Kubernetes API server: %w", err)
	}
	sink := logr.FromSlogHandler(log.Handler())
	ctrl.SetLogger(sink)
	klog.SetLogger(sink)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewBuildInfoCollector())
	if own, ok := ctrlmetrics.Registry.(prometheus.Collector); ok {
		registry.MustRegister(own) // controller-runtime's, with Go's and the process's
	}
	health := admin.NewHealth()
	listener, err := net.Listen("tcp", c.AdminListen)
	if err != nil {
		return fmt.Errorf("--admin-listen: %w", err)
	}
	server := &http.Server{Handler: admin.Handler(health, registry, c.Pprof), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown below
	defer func() {
		health.Drain()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	selector, err := labels.Parse(c.Selector)
	if err != nil {
		return fmt.Errorf("--selector: %w", err)
	}
	allow, err := c.allow()
	if err != nil {
		return fmt.Errorf("--allow: %w", err)
	}
	log.Info("working", "brokers", c.Kafka.Brokers, "namespaces", orAll(c.Namespaces), "selector", orAll([]string{c.Selector}),
		"allow", orAll(c.Allow), "sweep_interval", c.SweepInterval, "admin_listen", listener.Addr().String())
	return reconcile.Run(ctx, api, reconcile.Options{
		Kafka: c.Kafka, Namespaces: c.Namespaces, Selector: selector, Allow: allow, SweepInterval: c.SweepInterval,
		Workers: c.Workers, MetricsTopics: c.MetricsTopics,
		LeaderElection: c.LeaderElection, LeaseName: c.LeaseName, LeaseNamespace: c.LeaseNamespace,
		Log: log, Metrics: registry, Report: reporter(health, log),
	})
}

func (c *Config) api() (*rest.Config, error) {
	if c.Kubeconfig != "" {
		return clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	}
	api, err := ctrl.GetConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("this process runs in no cluster, and there is no ~/.kube/config: name a file with --kubeconfig (KUBECONFIG)")
	}
	return api, err
}

// reporter shows what is waited for, and logs it when it begins and when it ends.
func reporter(health *admin.Health, log *slog.Logger) func(string, error) {
	var mu sync.Mutex
	waiting := map[string]bool{}
	return func(name string, err error) {
		mu.Lock()
		defer mu.Unlock()
		health.Report(name, err)
		switch was := waiting[name]; {
		case err != nil && !was:
			log.Warn("waiting", "for", name, "error", err)
		case err == nil && was:
			log.Info("no longer waiting", "for", name)
		}
		waiting[name] = err != nil
	}
}

// allow reads --allow, which is repeatable, or has several entries separated by semicolons.
func (c *Config) allow() (reconcile.Allow, error) {
	return reconcile.ParseAllow(strings.FieldsFunc(strings.Join(c.Allow, ";"), func(r rune) bool { return r == ';' }))
}

func orAll(values []string) string {
	if text := strings.Join(values, ";"); text != "" {
		return text
	}
	return "all"
}

// Logger writes to standard error.
func (c *Config) Logger() *slog.Logger {
	return c.Log.Logger(os.Stderr).With("service", "topic-controller")
}
