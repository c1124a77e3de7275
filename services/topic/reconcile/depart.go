package reconcile

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openorder/openorder/services/topic/batch"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// depart lets a resource go whose deletion was asked for, with its topic where that is asked for too.
func (p *pass) depart(ctx context.Context) (*verdict, error) {
	if !controllerutil.ContainsFinalizer(p.resource, v1alpha1.Finalizer) {
		return nil, nil
	}
	if p.resource.Spec.DeletionPolicy != v1alpha1.Delete || p.resource.Policy() == v1alpha1.Observe {
		return nil, p.release(ctx)
	}
	if p.resource.Policy() != v1alpha1.Manage {
		return &verdict{ready: "Unknown", reason: ReasonPaused, message: "The deletion waits while managementPolicy is Pause and deletionPolicy is Delete. Set managementPolicy to Manage to delete the topic, or deletionPolicy to Retain to keep it."}, nil
	}
	if p.forbidden() != "" {
		p.say(normal, EventRetained, "Kept the topic %s: this namespace may not name it.", p.resource.TopicName())
		return nil, p.release(ctx)
	}
	if v, err := p.claim(ctx); v != nil || err != nil {
		return v, err
	}
	switch {
	case p.resource.Status.TopicID == "":
		p.say(normal, EventRetained, "Deleted no topic: this resource never managed one.")
		return nil, p.release(ctx)
	case !p.mayDelete():
		p.say(normal, EventRetained, "Kept the topic %s: it was there before this resource, and no annotation %s=%s confirms its deletion.", p.resource.TopicName(), v1alpha1.ConfirmDeletion, p.resource.TopicName())
		return nil, p.release(ctx)
	}
	return p.deleteTopic(ctx)
}

// claim writes down which topic this process made for the resource, where the deletion came before the status did.
func (p *pass) claim(ctx context.Context) (*verdict, error) {
	m, s := p.memory, &p.resource.Status
	if s.TopicID != "" || !m.attempted && !m.made {
		return nil, nil
	}
	if m.attempted || m.madeID == "" {
		have, err := p.Cluster.Describe(ctx, cluster.Query{Name: p.resource.TopicName()})
		if err != nil {
			return p.waits(err), nil
		}
		if have == nil {
			m.disown()
			return nil, nil
		}
		m.made, m.madeID = true, have.ID
	}
	if s.TopicID = m.madeID; s.TopicID == "" {
		s.TopicID = v1alpha1.TopicIDByName
	}
	s.Created = true
	return nil, p.writeStatus(ctx)
}

func (p *pass) deleteTopic(ctx context.Context) (*verdict, error) {
	name, id := p.resource.TopicName(), p.resource.Status.TopicID
	fate, err := p.departures.Ask(ctx, departure{key: p.resource.Key(), uid: p.resource.UID, topic: name, id: id})
	switch {
	case err != nil:
		return nil, err
	case fate.changed:
		return lookAgain(patience / 50), nil
	case fate.keeper != "":
		p.say(normal, EventRetained, "Kept the topic %s: the KafkaTopic %s names it too.", name, fate.keeper)
	case fate.err == nil:
		p.memory.deleted = true
		p.say(normal, EventDeleted, "Deleted the topic %s with the id %s.", name, id)
	case cluster.Is(fate.err, cluster.Gone) && p.memory.deleted:
		p.say(normal, EventDeleted, "Deleted the topic %s with the id %s.", name, id)
	case cluster.Is(fate.err, cluster.Gone):
		p.say(normal, EventDeleted, "The topic %s with the id %s was gone already.", name, id)
	default:
		return p.waits(fate.err), nil
	}
	return nil, p.release(ctx)
}

// waits is the verdict on a deletion that cannot be carried out. It is tried again, whatever the reason, and can always be
// given up.
func (p *pass) waits(err error) *verdict {
	v := p.trouble(err)
	v.stalled = false
	if v.patience == 0 {
		v.patience = patience
	}
	v.message = fmt.Sprintf("The topic cannot be deleted yet. %s It is tried again. To let this resource go and keep the topic: kubectl patch kafkatopics.kafka.openorder.io -n %s %s --type=merge -p '{\"spec\":{\"deletionPolicy\":\"Retain\"}}'",
		v.message, p.resource.Namespace, p.resource.Name)
	return v
}

// release takes the finalizer away, after which the API server deletes the resource.
func (p *pass) release(ctx context.Context) error {
	if err := p.holdFinalizer(ctx, false); err != nil {
		return client.IgnoreNotFound(err)
	}
	p.flush()
	return nil
}

// departure is a resource that asks for its topic to be deleted.
type departure struct {
	key   types.NamespacedName
	uid   types.UID
	topic string
	id    string
}

// fate is what became of a departure.
type fate struct {
	changed bool   // the resource is not what it was: look again
	keeper  string // another resource that names the topic
	err     error  // why the brokers did not delete it; nil: they did
}

// departAll carries out a batch of deletions. Whom a topic belongs to is asked of the API server, not of the caches: they
// have no order between them, and what is deleted wrongly never comes back.
func (r *Reconciler) departAll(ctx context.Context, asked []departure) []batch.Answer[fate] {
	answers := make([]batch.Answer[fate], len(asked))
	current, naming, err := r.list(ctx)
	if err != nil {
		for i := range answers {
			answers[i].Err = err
		}
		return answers
	}
	var leaving []int
	for i, d := range asked {
		now := current[d.key]
		switch keeper := keeperOf(naming[d.topic], d); {
		case now == nil || now.UID != d.uid || !now.Deleting() || now.Spec.DeletionPolicy != v1alpha1.Delete ||
			now.Policy() != v1alpha1.Manage || now.Status.TopicID != d.id:
			answers[i].Value.changed = true
		case keeper != nil:
			answers[i].Value.keeper = keeper.Key().String()
		default:
			leaving = append(leaving, i)
		}
	}
	r.deleteAll(ctx, asked, leaving, answers)
	return answers
}

func (r *Reconciler) deleteAll(ctx context.Context, asked []departure, leaving []int, answers []batch.Answer[fate]) {
	done := make(chan struct{})
	for _, i := range leaving {
		go func() {
			id := asked[i].id
			if id == v1alpha1.TopicIDByName {
				id = ""
			}
			answers[i].Value.err = r.Cluster.Delete(ctx, asked[i].topic, id)
			done <- struct{}{}
		}()
	}
	for range leaving {
		<-done
	}
}

// keeperOf is a resource, other than the one that goes, that names the topic and is not being deleted.
func keeperOf(naming []*v1alpha1.KafkaTopic, d departure) *v1alpha1.KafkaTopic {
	for _, other := range naming {
		if other.UID != d.uid && !other.Deleting() {
			return other
		}
	}
	return nil
}

// list reads all resources from the API server, by key and by the topic that they name.
func (r *Reconciler) list(ctx context.Context) (map[types.NamespacedName]*v1alpha1.KafkaTopic, map[string][]*v1alpha1.KafkaTopic, error) {
	namespaces := r.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	byKey, byName := map[types.NamespacedName]*v1alpha1.KafkaTopic{}, map[string][]*v1alpha1.KafkaTopic{}
	for _, namespace := range namespaces {
		var list v1alpha1.KafkaTopicList
		options := []client.ListOption{client.InNamespace(namespace)}
		if r.Selector != nil {
			options = append(options, client.MatchingLabelsSelector{Selector: r.Selector})
		}
		if err := r.API.List(ctx, &list, options...); err != nil {
			return nil, nil, fmt.Errorf("list the resources before a deletion: %w", err)
		}
		for i := range list.Items {
			resource := &list.Items[i]
			byKey[resource.Key()] = resource
			byName[resource.TopicName()] = append(byName[resource.TopicName()], resource)
		}
	}
	return byKey, byName, nil
}
