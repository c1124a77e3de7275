package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/topic/batch"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// What the controller may do in Kubernetes, exactly. Leases and events of the election are in its own namespace.
//
// +kubebuilder:rbac:groups=kafka.openorder.io,resources=kafkatopics,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=kafka.openorder.io,resources=kafkatopics/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=openorder,resources=leases,verbs=get;create;update
// +kubebuilder:rbac:groups="",namespace=openorder,resources=events,verbs=create;patch

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 rbac:roleName=openorder-topic-controller paths=. output:rbac:dir=../config/rbac

// Options is what a controller needs beside the API server.
type Options struct {
	Kafka          kafka.Config
	Namespaces     []string // none: all
	Selector       labels.Selector
	Allow          Allow
	SweepInterval  time.Duration
	Workers        int
	MetricsTopics  int
	LeaderElection bool
	LeaseName      string
	LeaseNamespace string
	Log            *slog.Logger
	Metrics        prometheus.Registerer
	// Report is told what is waited for under a name, nil when it is no longer.
	Report func(name string, err error)
}

// Run works until ctx is done, or the lead is lost.
func Run(ctx context.Context, api *rest.Config, o Options) error {
	c, err := cluster.Open(o.Kafka, o.Log, o.Metrics, func(err error) { o.Report("kafka", waitingFor(o.Kafka, err)) })
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := newManager(api, o)
	if err != nil {
		return fmt.Errorf("reach the API server: %w", err)
	}
	metrics := NewMetrics(o.Metrics, time.Now())
	events := newRecorder(m.GetClient(), metrics, o.Log)
	if err := add(ctx, m, c, metrics, events, o); err != nil {
		return err
	}
	if o.LeaderElection {
		o.Report("lease", fmt.Errorf("waiting for the lease %s: another replica works until it ends", o.LeaseName))
		go func() {
			select {
			case <-m.Elected():
				o.Report("lease", nil)
			case <-ctx.Done():
			}
		}()
	}
	if err := recording(ctx, events, m.Start); err != nil {
		return fmt.Errorf("run the controller: %w", err)
	}
	return nil
}

// recording works with a recorder that outlives the work: the last passes have something to tell, too.
func recording(ctx context.Context, events *Recorder, work func(context.Context) error) error {
	telling, worked := context.WithCancel(context.WithoutCancel(ctx))
	told := make(chan struct{})
	go func() {
		defer close(told)
		events.run(telling)
	}()
	err := work(ctx)
	worked()
	<-told
	return err
}

// waitingFor names the file that is missing, where that is why no broker lets us in.
func waitingFor(config kafka.Config, err error) error {
	if err == nil {
		return nil
	}
	if file := config.MissingFile(); file != "" {
		return fmt.Errorf("waiting for the file %s: %w", file, err)
	}
	return fmt.Errorf("waiting for the brokers %s: %w", config.Brokers, err)
}

func newManager(api *rest.Config, o Options) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	// Only what is used: each kind that a scheme knows costs memory.
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, eventsv1.AddToScheme, coordinationv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	api = rest.CopyConfig(api)
	api.QPS = -1                  // the API server's own fairness decides
	api.DisableCompression = true // of the lists before deletions: it would cost the API server more than the network
	api.UserAgent = "openorder-topic-controller"
	watched := map[string]cache.Config{}
	for _, namespace := range o.Namespaces {
		watched[namespace] = cache.Config{}
	}
	always := true
	grace := 20 * time.Second
	return ctrl.NewManager(api, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultNamespaces: watched,
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject:          map[client.Object]cache.ByObject{&v1alpha1.KafkaTopic{}: {Label: o.Selector}},
		},
		Metrics:                       server.Options{BindAddress: "0"},
		HealthProbeBindAddress:        "0",
		LeaderElection:                o.LeaderElection,
		LeaderElectionID:              o.LeaseName,
		LeaderElectionNamespace:       o.LeaseNamespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,
		Logger:                        logr.FromSlogHandler(o.Log.Handler()),
		Controller:                    config.Controller{SkipNameValidation: &always, CacheSyncTimeout: 10 * time.Minute},
	})
}

func add(ctx context.Context, m manager.Manager, c *cluster.Cluster, metrics *Metrics, events *Recorder, o Options) error {
	r := &Reconciler{
		Client: m.GetClient(), API: m.GetAPIReader(), Cluster: c, Metrics: metrics, Events: events,
		Allow: o.Allow, Namespaces: o.Namespaces, Selector: o.Selector,
	}
	r.departures = &batch.Batcher[departure, fate]{Context: context.WithoutCancel(ctx), Most: 1000, Linger: departing, Run: r.departAll}
	o.Metrics.MustRegister(&readyCollector{m.GetClient(), o.MetricsTopics})
	if err := m.GetFieldIndexer().IndexField(ctx, &v1alpha1.KafkaTopic{}, byTopic, func(o client.Object) []string {
		return []string{o.(*v1alpha1.KafkaTopic).TopicName()}
	}); err != nil {
		return fmt.Errorf("index the resources by topic: %w", err)
	}
	work, err := controller.New("kafkatopic", m, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: o.Workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](20*time.Millisecond, 10*time.Second),
	})
	if err != nil {
		return err
	}
	sweep := &sweeper{Reconciler: r, every: o.SweepInterval, found: make(chan event.TypedGenericEvent[*v1alpha1.KafkaTopic], 1), log: o.Log}
	sources := []source.Source{
		source.Kind(m.GetCache(), &v1alpha1.KafkaTopic{}, r.watch(), worthAPass()),
		source.TypedChannel(sweep.found, enqueueOne()),
	}
	for _, s := range sources {
		if err := work.Watch(s); err != nil {
			return err
		}
	}
	return m.Add(sweep)
}
