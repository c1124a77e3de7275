package reconcile_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

const benchClients = 64

// benchTopics is how many resources there are, a thousand unless OPENORDER_BENCH_TOPICS says otherwise.
var benchTopics = func() int {
	if n, err := strconv.Atoi(os.Getenv("OPENORDER_BENCH_TOPICS")); err == nil {
		return n
	}
	return 1000
}()

// BenchmarkThousandTopics measures the controller's own binary against a real API server and a real Kafka, next to a bare
// client-go writer that makes the same number of writes in the same run:
//
//	go test ./services/topic/reconcile -run '^$' -bench ThousandTopics -benchtime 1x
func BenchmarkThousandTopics(b *testing.B) {
	brokers := testenv.RealKafka(b)
	for b.Loop() {
		m := measure{B: b, api: kubetest.Client(b), namespace: kubetest.Namespace(b), brokers: testenv.Admin(b, brokers)}
		m.controller(brokers.Brokers)
		made := m.phase("created", func(name string) error { return m.api.Create(b.Context(), m.resource(name)) }, func(t *v1alpha1.KafkaTopic) bool {
			return meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ConditionReady)
		})
		m.leaders()
		changed := m.phase("changed", func(name string) error {
			return m.api.Patch(b.Context(), m.resource(name), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"config":{"retention.ms":2000}}}`)))
		}, func(t *v1alpha1.KafkaTopic) bool { return t.Generation == 2 && t.Status.ObservedGeneration == 2 })
		m.sweeps()
		deleted := m.phase("deleted", func(name string) error { return m.api.Delete(b.Context(), m.resource(name)) }, nil)
		m.namespace = kubetest.Namespace(b)
		floors := m.floors()
		for i, name := range []string{"created", "changed", "deleted"} {
			took := []time.Duration{made, changed, deleted}[i]
			fmt.Printf("%-10s %6.2f s   bare writer %6.2f s   ratio %.2f\n", name, took.Seconds(), floors[i].Seconds(), took.Seconds()/floors[i].Seconds())
		}
		b.ReportMetric(made.Seconds(), "s-created")
		b.ReportMetric(changed.Seconds(), "s-changed")
		b.ReportMetric(deleted.Seconds(), "s-deleted")
	}
}

// measure is one run.
type measure struct {
	*testing.B
	api       client.WithWatch
	namespace string
	brokers   *kadm.Client
	admin     string
	pid       int
}

func (m *measure) resource(name string) *v1alpha1.KafkaTopic {
	one := int32(1)
	return &v1alpha1.KafkaTopic{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: name},
		Spec: v1alpha1.KafkaTopicSpec{
			Partitions: &one, Replicas: &one, DeletionPolicy: v1alpha1.Delete,
			Config: map[string]v1alpha1.ConfigValue{"retention.ms": {JSON: "1000"}},
		},
	}
}

// phase does something to all resources, and returns how long it took until each is done, or gone where done is nil.
func (m *measure) phase(what string, do func(name string) error, done func(*v1alpha1.KafkaTopic) bool) time.Duration {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 2*time.Minute)
	defer cancel()
	events := m.watch(ctx)
	defer func() { events.Stop() }()
	before := m.writes()
	started := time.Now()
	go eachTopic(func(name string) {
		if err := do(name); err != nil {
			m.Errorf("%s: %v", name, err)
		}
	})
	seen := map[string]bool{}
	for len(seen) < benchTopics {
		select {
		case e, open := <-events.ResultChan():
			if !open { // the API server does so when a definition settles
				events = m.watch(ctx)
				if done == nil {
					m.note(seen)
				}
				continue
			}
			if e.Type == watch.Error {
				m.Fatalf("%s: watch: %v", what, e.Object)
			}
			t, ok := e.Object.(*v1alpha1.KafkaTopic)
			if ok && (done == nil && e.Type == watch.Deleted || done != nil && done(t)) {
				seen[t.Name] = true
			}
		case <-ctx.Done():
			m.leftovers(seen)
			m.Fatalf("%s: %d of %d after two minutes", what, len(seen), benchTopics)
		}
	}
	took := time.Since(started)
	fmt.Printf("%-10s %6.2f s for %d resources, %v writes by the controller, %s resident\n", what, took.Seconds(), benchTopics, m.settledWrites()-before, m.resident())
	return took
}

// leaders waits until the brokers serve all topics. They answer a create before they have made the files, and show no change
// of a topic meanwhile.
func (m *measure) leaders() {
	m.Helper()
	started := time.Now()
	testenv.Eventually(m, "the brokers serve the topics", func() bool {
		offsets, err := m.brokers.ListEndOffsets(m.Context())
		return err == nil && offsets.Error() == nil && len(offsets) == benchTopics
	})
	fmt.Printf("brokers    %6.2f s more until they serve the topics\n", time.Since(started).Seconds())
}

// note counts those that went while nobody watched.
func (m *measure) note(seen map[string]bool) {
	m.Helper()
	left := map[string]bool{}
	for _, t := range m.list() {
		left[t.Name] = true
	}
	for i := range benchTopics {
		if name := fmt.Sprintf("bench-%04d", i+1); !left[name] {
			seen[name] = true
		}
	}
}

func (m *measure) list() []v1alpha1.KafkaTopic {
	m.Helper()
	var list v1alpha1.KafkaTopicList
	if err := m.api.List(m.Context(), &list, client.InNamespace(m.namespace)); err != nil {
		m.Fatal(err)
	}
	return list.Items
}

// leftovers tells of some that are not done.
func (m *measure) leftovers(seen map[string]bool) {
	m.Helper()
	told := 0
	for _, t := range m.list() {
		if !seen[t.Name] && told < 5 {
			told++
			m.Logf("%s: %s, deleting %v, finalizers %v", t.Name, ready(&t), t.Deleting(), t.Finalizers)
		}
	}
}

func (m *measure) watch(ctx context.Context) watch.Interface {
	m.Helper()
	events, err := m.api.Watch(ctx, &v1alpha1.KafkaTopicList{}, client.InNamespace(m.namespace))
	if err != nil {
		m.Fatal(err)
	}
	return events
}

func eachTopic(do func(name string)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range benchClients {
		all.Go(func() {
			for i := next.Add(1); i <= int64(benchTopics); i = next.Add(1) {
				do(fmt.Sprintf("bench-%04d", i))
			}
		})
	}
	all.Wait()
}

// sweeps measures the controller at rest.
func (m *measure) sweeps() {
	m.Helper()
	sweeps := func() float64 { return m.sum("openorder_topic_sweep_duration_seconds_count") }
	// Events are told after the statuses, at a rate of their own.
	testenv.Eventually(m, "the events are told", func() bool {
		before := m.sum("rest_client_requests_total")
		at := sweeps()
		testenv.Eventually(m, "a sweep", func() bool { return sweeps() > at })
		return m.sum("rest_client_requests_total") == before
	})
	first := sweeps()
	requests, admin, cpu, started := m.sum("rest_client_requests_total"), m.sum("openorder_topic_admin_requests_total"), m.cpu(), time.Now()
	<-time.After(20 * time.Second) // a window without scrapes, which would be what is measured otherwise
	used := m.cpu() - cpu
	took := time.Since(started)
	n := sweeps() - first
	fmt.Printf("at rest: %.1f admin calls and %.1f API requests a sweep of %d topics; %.1f %% of a core with a sweep every 5 s (with 60 s: a twelfth); %s resident\n",
		(m.sum("openorder_topic_admin_requests_total")-admin)/n, (m.sum("rest_client_requests_total")-requests)/n, benchTopics,
		100*used.Seconds()/took.Seconds(), m.resident())
}

// floors is how long a bare writer takes for the same writes: the resources', and those that the controller made.
func (m *measure) floors() [3]time.Duration {
	m.Helper()
	must := func(err error) {
		if err != nil {
			m.Error(err)
		}
	}
	timed := func(do func(name string)) time.Duration {
		started := time.Now()
		eachTopic(do)
		return time.Since(started)
	}
	var held sync.Map
	status := func(t *v1alpha1.KafkaTopic) {
		t.Status = v1alpha1.KafkaTopicStatus{ObservedGeneration: t.Generation, TopicName: t.Name, TopicID: "AAAAAAAAQACAAAAAAAAAAA", Created: true, Partitions: 1, Replicas: 1, ConfigKeys: []string{"retention.ms"}}
		meta.SetStatusCondition(&t.Status.Conditions, metav1.Condition{Type: "Ready", Status: "True", Reason: "Synced", Message: "The topic is as this resource says.", ObservedGeneration: t.Generation})
		must(m.api.Status().Update(m.Context(), t))
	}
	finalizer := func(t *v1alpha1.KafkaTopic, finalizers ...string) {
		base := t.DeepCopy()
		t.Finalizers = finalizers
		must(client.IgnoreNotFound(m.api.Patch(m.Context(), t, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))))
	}
	created := timed(func(name string) {
		t := m.resource(name)
		must(m.api.Create(m.Context(), t))
		finalizer(t, v1alpha1.Finalizer)
		status(t)
		held.Store(name, t)
	})
	get := func(name string) *v1alpha1.KafkaTopic {
		t, _ := held.Load(name)
		return t.(*v1alpha1.KafkaTopic)
	}
	changed := timed(func(name string) {
		t := get(name)
		must(m.api.Patch(m.Context(), t, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"config":{"retention.ms":2000}}}`))))
		status(t)
	})
	deleted := timed(func(name string) {
		t := get(name)
		must(m.api.Delete(m.Context(), t))
		must(m.api.Get(m.Context(), client.ObjectKeyFromObject(t), t)) // a watch brings it to the controller
		finalizer(t)
	})
	return [3]time.Duration{created, changed, deleted}
}
