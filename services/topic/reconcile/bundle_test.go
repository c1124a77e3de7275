package reconcile_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/reconcile"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

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
	halt      func()
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

func wireClient(t testing.TB, brokers kafka.Config) *kgo.Client {
	t.Helper()
	wire, err := kgo.NewClient(brokers.Options("test", slog.New(slog.DiscardHandler))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	return wire
}

// login makes the user that the settings name.
func (b *bundle) login(as kafka.Config) {
	b.Helper()
	_, err := b.admin.AlterUserSCRAMs(b.Context(), nil, []kadm.UpsertSCRAM{{User: as.SASLUsername, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: as.SASLPassword}})
	b.must(err)
}

// grant gives a user what README says that the controller needs.
func (b *bundle) grant(user, prefix string) {
	b.Helper()
	acls := kadm.NewACLs().Allow("User:"+user).ResourcePatternType(kadm.ACLPatternPrefixed).Topics(prefix).
		Operations(kmsg.ACLOperationCreate, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs)
	results, err := b.admin.CreateACLs(b.Context(), acls)
	b.must(err)
	for _, r := range results {
		b.must(r.Err)
	}
}

func seldom(o *reconcile.Options) { o.SweepInterval = time.Hour }

// start starts the controller (again), as a new process would.
func (b *bundle) start() {
	b.Helper()
	b.gate = &gate{counts: map[string]int{}}
	b.metrics = prometheus.NewRegistry()
	config := rest.CopyConfig(b.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { b.gate.next = next; return b.gate })
	level := slog.LevelError + 1
	if os.Getenv("CONTROLLER_LOG") != "" {
		level = slog.LevelInfo
	}
	o := reconcile.Options{
		Kafka: b.brokers, Namespaces: []string{b.namespace}, SweepInterval: 200 * time.Millisecond, Workers: 64, MetricsTopics: 100,
		Log:     slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
		Metrics: b.metrics, Report: func(string, error) {},
	}
	b.options(&o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reconcile.Run(ctx, config, o) }()
	b.halt = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			b.Errorf("the controller ended with: %v", err)
		}
	})
}

// crash ends the controller without another write, and starts one that knows nothing.
func (b *bundle) crash() {
	b.gate.close()
	b.halt()
	b.start()
}

// gate counts what the controller writes, and can be closed as by kill -9.
type gate struct {
	next   http.RoundTripper
	mu     sync.Mutex
	counts map[string]int
	before func(what string) // called before a write goes through
	read   func()            // called once, before a read goes through
	last   bool              // closed once the request under way is answered
	closed bool
}

var errClosed = errors.New("the controller is dead")

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	what := kind(req)
	g.mu.Lock()
	before, read := g.before, g.read
	if what == "read" {
		g.read = nil
	}
	g.mu.Unlock()
	if read != nil && what == "read" {
		read()
	}
	if before != nil && what != "read" {
		before(what)
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil, errClosed
	}
	g.mu.Unlock()
	resp, err := g.next.RoundTrip(req)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed
	}
	if err == nil && resp.StatusCode < 300 {
		g.counts[what]++
	}
	if g.last && what != "read" && what != "watch" {
		g.closed = true
		return nil, errClosed
	}
	return resp, err
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (g *gate) closeAfter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = true
}

func (g *gate) onRead(read func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.read = read
}

func (g *gate) on(before func(what string)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before = before
}

// writes is how many writes to KafkaTopics there were.
func (g *gate) writes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts["status"] + g.counts["finalizer"]
}

// requests is all but watches and what concerns events and leases.
func (g *gate) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts["status"] + g.counts["finalizer"] + g.counts["read"]
}

func kind(req *http.Request) string {
	path := req.URL.Path
	switch {
	case strings.Contains(path, "/events"):
		return "event"
	case req.Method == http.MethodGet && req.URL.Query().Get("watch") != "":
		return "watch"
	case req.Method == http.MethodGet:
		return "read"
	case strings.HasSuffix(path, "/status"):
		return "status"
	case strings.Contains(path, "kafkatopics"):
		return "finalizer"
	}
	return "other"
}

// apply makes a resource.
func (b *bundle) apply(name, spec string) {
	b.Helper()
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}
	b.must(yaml.Unmarshal([]byte(spec), &resource.Spec))
	b.must(b.Create(b.Context(), resource))
}

// change changes a resource as kubectl patch does.
func (b *bundle) change(name, patch string) {
	b.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(patch))
	b.must(err)
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}
	b.must(b.Patch(b.Context(), resource, client.RawPatch(types.MergePatchType, encoded)))
}

func (b *bundle) delete(name string) {
	b.Helper()
	b.must(b.Delete(b.Context(), &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}))
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// get reads a resource, nil when there is none.
func (b *bundle) get(name string) *v1alpha1.KafkaTopic {
	b.Helper()
	var resource v1alpha1.KafkaTopic
	err := b.Get(b.Context(), client.ObjectKey{Namespace: b.namespace, Name: name}, &resource)
	if client.IgnoreNotFound(err) != nil {
		b.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return &resource
}

// until waits for a resource's condition, given as "True Synced".
func (b *bundle) until(name, condition string) *v1alpha1.KafkaTopic {
	b.Helper()
	return b.untilWithin(30*time.Second, name, condition)
}

func (b *bundle) untilWithin(within time.Duration, name, condition string) *v1alpha1.KafkaTopic {
	b.Helper()
	var resource *v1alpha1.KafkaTopic
	last := ""
	defer func() {
		if b.Failed() {
			b.Logf("%s: %s", name, last)
		}
	}()
	testenv.Eventually(b, within, fmt.Sprintf("%s is %s", name, condition), func() bool {
		resource = b.get(name)
		if resource == nil {
			last = "does not exist"
			return false
		}
		last = ready(resource)
		return strings.HasPrefix(last, condition) && resource.Status.ObservedGeneration == resource.Generation
	})
	return resource
}

// ready is the Ready condition as "False Conflict: sentence".
func ready(resource *v1alpha1.KafkaTopic) string {
	c := meta.FindStatusCondition(resource.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "no condition"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

func stalled(resource *v1alpha1.KafkaTopic) bool {
	return meta.IsStatusConditionTrue(resource.Status.Conditions, v1alpha1.ConditionStalled)
}

func (b *bundle) untilGone(name string) {
	b.Helper()
	testenv.Eventually(b, 20*time.Second, name+" is gone", func() bool { return b.get(name) == nil })
}

// detail is a topic as the cluster has it.
type detail struct {
	ID         string
	Partitions int
}

// topic is what the cluster has, nil when there is no such topic. It asks anew each time, where kadm may remember.
func (b *bundle) topic(name string) *detail {
	b.Helper()
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &name
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(b.Context(), b.wire)
	b.must(err)
	if t := resp.Topics[0]; t.ErrorCode == 0 {
		return &detail{base64.RawURLEncoding.EncodeToString(t.TopicID[:]), len(t.Partitions)}
	}
	return nil
}

func (b *bundle) value(name, key string) string {
	b.Helper()
	configs, err := b.admin.DescribeTopicConfigs(b.Context(), name)
	b.must(err)
	for _, c := range configs[0].Configs {
		if c.Key == key && c.Value != nil {
			return *c.Value
		}
	}
	return ""
}

func (b *bundle) set(name, key, value string) {
	b.Helper()
	_, err := b.admin.AlterTopicConfigs(b.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, name)
	b.must(err)
}

// eventsOf are the reasons of the events told about a resource, in order.
func (b *bundle) eventsOf(name string) []string {
	b.Helper()
	var list eventsv1.EventList
	b.must(b.List(b.Context(), &list, client.InNamespace(b.namespace)))
	slices.SortFunc(list.Items, func(x, y eventsv1.Event) int { return x.EventTime.Compare(y.EventTime.Time) })
	var reasons []string
	for _, e := range list.Items {
		if e.Regarding.Name == name {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

func (b *bundle) untilEvents(name string, want ...string) {
	b.Helper()
	var got []string
	defer func() {
		if b.Failed() {
			b.Logf("events of %s: %v, want %v", name, got, want)
		}
	}()
	testenv.Eventually(b, 10*time.Second, "events are told", func() bool { got = b.eventsOf(name); return slices.Equal(got, want) })
}

// rest waits until the controller has nothing more to do, which a few sweeps without a write show.
func (b *bundle) rest() {
	b.Helper()
	last, since := b.gate.writes(), time.Now()
	testenv.Eventually(b, 20*time.Second, "the controller rests", func() bool {
		if now := b.gate.writes(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 700*time.Millisecond
	})
}

// await waits for something that the controller does.
func (b *bundle) await(done <-chan struct{}) {
	b.Helper()
	testenv.Eventually(b, 20*time.Second, "the controller comes to the step", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}
