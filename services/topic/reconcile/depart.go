package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	if s.TopicID != "" || m.attempted == nil && m.made == nil {
		return nil, nil
	}
	if m.attempted != nil || m.madeID == "" {
		query := cluster.Query{Name: p.resource.TopicName()}
		if m.attempted != nil {
			query.Keys = m.attempted.Keys()
		}
		have, err := p.Cluster.Describe(ctx, query)
		if err != nil {
			return p.waits(err), nil
		}
		if have == nil || !p.ours(have) {
			m.disown()
			return nil, nil
		}
		m.made, m.madeID = cmp.Or(m.attempted, m.made), have.ID
	}
	if s.TopicID = m.madeID; s.TopicID == "" {
		s.TopicID = v1alpha1.TopicIDByName
	}
	s.Created = true
	return nil, p.writeStatus(ctx)
}

func (p *pass) deleteTopic(ctx context.Context) (*verdict, error) {
	name, id := p.resource.TopicName(), p.resource.Status.TopicID
	if p.memory.deleted { // and the resource could not go then; somebody may have made a topic of this name since
		p.say(normal, EventDeleted, "Deleted the topic %s with the id %s.", name, id)
		return nil, p.release(ctx)
	}
	fate, err := p.departures.Ask(ctx, departure{uid: p.resource.UID, topic: name, id: id})
	switch {
	case err != nil:
		return nil, err
	case fate.changed:
		return lookAgain(time.Second), nil
	case fate.keeper != "":
		p.say(normal, EventRetained, "Kept the topic %s: the KafkaTopic %s names it too.", name, fate.keeper)
	case fate.err == nil:
		p.memory.deleted = true
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
	if kind := cluster.AsError(err).Kind; kind == cluster.Disabled || kind == cluster.Denied || kind == cluster.Refused {
		v.again = refusedDeletion
	}
	v.message = fmt.Sprintf("The topic cannot be deleted yet. %s It is tried again. To let this resource go and keep the topic: kubectl patch kafkatopics.kafka.openorder.io -n %s %s --type=merge -p '{\"spec\":{\"deletionPolicy\":\"Retain\"}}'",
		v.message, p.resource.Namespace, p.resource.Name)
	return v
}

// release takes the finalizer away, after which the API server deletes the resource.
func (p *pass) release(ctx context.Context) error {
	err := p.holdFinalizer(ctx, false)
	if client.IgnoreNotFound(err) == nil {
		p.flush()
	}
	return err
}

// departure is a resource that asks for its topic to be deleted.
type departure struct {
	uid   types.UID
	topic string
	id    string
}

// listPage is how many resources are read at once before a deletion.
const listPage = 250

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
	naming, err := r.naming(ctx, asked)
	if err != nil {
		for i := range answers {
			answers[i].Err = err
		}
		return answers
	}
	var leaving []int
	for i, d := range asked {
		own, keeper := d.among(naming[d.topic])
		switch {
		case own == nil || !own.Deleting() || own.Spec.DeletionPolicy != v1alpha1.Delete ||
			own.Policy() != v1alpha1.Manage || own.Status.TopicID != d.id:
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

// among finds, among the resources that name the topic, the one that goes, and another that is not being deleted. One that
// --allow forbids to name it keeps it, too: --allow may be a slip, is mended in a minute, and no topic comes back.
func (d departure) among(naming []*v1alpha1.KafkaTopic) (own, keeper *v1alpha1.KafkaTopic) {
	for _, resource := range naming {
		switch {
		case resource.UID == d.uid:
			own = resource
		case !resource.Deleting():
			keeper = resource
		}
	}
	return own, keeper
}

// naming reads from the API server which resources name the topics of these departures. It reads all, in pages, for
// nothing else finds those that name a topic; what names others is forgotten at once, so that many cost no memory.
func (r *Reconciler) naming(ctx context.Context, asked []departure) (map[string][]*v1alpha1.KafkaTopic, error) {
	naming := make(map[string][]*v1alpha1.KafkaTopic, len(asked))
	for _, d := range asked {
		naming[d.topic] = nil
	}
	namespaces := r.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		options := []client.ListOption{client.InNamespace(namespace), client.Limit(listPage)}
		if r.Selector != nil {
			options = append(options, client.MatchingLabelsSelector{Selector: r.Selector})
		}
		for next := ""; ; {
			var page v1alpha1.KafkaTopicList
			if err := r.API.List(ctx, &page, append(options, client.Continue(next))...); err != nil {
				return nil, fmt.Errorf("list the resources before a deletion: %w", err)
			}
			for _, resource := range page.Items {
				if others, wanted := naming[resource.TopicName()]; wanted {
					naming[resource.TopicName()] = append(others, &resource)
				}
			}
			if next = page.Continue; next == "" {
				break
			}
		}
	}
	return naming, nil
}
