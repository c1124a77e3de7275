package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// byTopic is the cache's index of resources by the topic that they name.
const byTopic = "topic"

// owner is the resource that owns the topic: the oldest that may. None does when all only observe, are being deleted or may
// not name it.
func (p *pass) owner(ctx context.Context) (*v1alpha1.KafkaTopic, error) {
	name := p.resource.TopicName()
	siblings, err := p.siblings(ctx, name)
	if err != nil {
		return nil, err
	}
	var owner *v1alpha1.KafkaTopic
	for i := range siblings {
		if s := &siblings[i]; s.Owns() && p.Allow.Permits(s.Namespace, name) && (owner == nil || s.Before(owner)) {
			owner = s
		}
	}
	return owner, nil
}

// siblings are the resources that name a topic, as the cache shows them.
func (r *Reconciler) siblings(ctx context.Context, name string) ([]v1alpha1.KafkaTopic, error) {
	var list v1alpha1.KafkaTopicList
	if err := r.Client.List(ctx, &list, client.MatchingFields{byTopic: name}); err != nil {
		return nil, fmt.Errorf("list the resources that name %s: %w", name, err)
	}
	return list.Items, nil
}

// forbidden says why the resource may not have its topic, nothing when it may.
func (p *pass) forbidden() string {
	name := p.resource.TopicName()
	if topic.Internal(name) {
		return fmt.Sprintf("%s is one of the cluster's own topics, whose names begin with an underscore. Choose another topicName.", name)
	}
	if !p.Allow.Permits(p.resource.Namespace, name) {
		return fmt.Sprintf("The namespace %s may not name the topic %s: the controller's --allow gives it %s.", p.resource.Namespace, name, p.Allow.describe(p.resource.Namespace))
	}
	return ""
}

// Allow limits which topics a namespace may name: prefixes by namespace. Nil: all may name all.
type Allow map[string][]string

// ParseAllow reads NAMESPACE=PREFIX,… entries. An empty prefix stands for all topics.
func ParseAllow(entries []string) (Allow, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	allow := Allow{}
	var errs []error
	for _, entry := range entries {
		namespace, prefixes, ok := strings.Cut(entry, "=")
		if namespace = strings.TrimSpace(namespace); !ok || namespace == "" {
			errs = append(errs, fmt.Errorf("%q is not NAMESPACE=PREFIX,…", entry))
			continue
		}
		for prefix := range strings.SplitSeq(prefixes, ",") {
			prefix = strings.TrimSpace(prefix)
			if prefix == "" && prefixes != "" { // a comma too many must not stand for all topics
				errs = append(errs, fmt.Errorf("%q has an empty prefix beside others", entry))
			}
			allow[namespace] = append(allow[namespace], prefix)
		}
	}
	return allow, errors.Join(errs...)
}

// Permits tells whether a namespace may name a topic.
func (a Allow) Permits(namespace, name string) bool {
	return a == nil || slices.ContainsFunc(a[namespace], func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func (a Allow) describe(namespace string) string {
	if len(a[namespace]) == 0 {
		return "none"
	}
	return "those that begin with " + strings.Join(a[namespace], ", ")
}
