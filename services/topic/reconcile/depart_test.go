package reconcile

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openorder/openorder/services/topic/batch"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// patched is an API server that answers patches one after the other.
type patched struct {
	client.Client
	answers []error
}

func (p *patched) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	answer := p.answers[0]
	p.answers = p.answers[1:]
	return answer
}

// Between the topic's deletion and that of its resource somebody may make a topic of its name, which on brokers without ids
// looks the same.
func TestATopicIsDeletedOnceThoughTheResourceCannotGoAtOnce(t *testing.T) {
	t.Parallel()
	changed := apierrors.NewConflict(schema.GroupResource{}, "orders", nil)
	gone := apierrors.NewNotFound(schema.GroupResource{}, "orders")
	for name, last := range map[string]error{"let go": nil, "gone already": gone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := metav1.Now()
			resource := &v1alpha1.KafkaTopic{
				ObjectMeta: metav1.ObjectMeta{Name: "orders", UID: "1", DeletionTimestamp: &now, Finalizers: []string{v1alpha1.Finalizer}},
				Spec:       v1alpha1.KafkaTopicSpec{DeletionPolicy: v1alpha1.Delete},
				Status:     v1alpha1.KafkaTopicStatus{TopicID: v1alpha1.TopicIDByName, Created: true},
			}
			deletions := 0
			events := newRecorder(nil, NewMetrics(prometheus.NewRegistry(), time.Now()), slog.New(slog.DiscardHandler))
			r := &Reconciler{Client: &patched{answers: []error{changed, last}}, Events: events}
			r.departures = &batch.Batcher[departure, fate]{Context: t.Context(), Most: 1, Run: func(_ context.Context, asked []departure) []batch.Answer[fate] {
				deletions++
				return make([]batch.Answer[fate], len(asked)) // deleted
			}}
			known := &memory{}
			for turn := range 2 {
				p := &pass{Reconciler: r, resource: resource.DeepCopy(), memory: known}
				if _, err := p.depart(t.Context()); apierrors.IsConflict(err) != (turn == 0) || turn == 1 && err != last {
					t.Fatalf("pass %d: %v", turn, err)
				}
			}
			if deletions != 1 {
				t.Errorf("the topic was deleted %d times", deletions)
			}
			if len(events.queue) != 1 || (<-events.queue).Reason != EventDeleted {
				t.Error("nobody is told that it was deleted")
			}
		})
	}
}
