// Package topic knows what a Kafka topic is, what somebody wants it to be, and the steps from the one to the other.
// It is pure: whoever calls it reads the cluster and carries out the plan.
package topic

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// Desired is what somebody wants a topic to be.
type Desired struct {
	Name       string
	Partitions int32             // 0: the cluster's default at creation, hands off afterwards
	Replicas   int32             // the same
	Config     map[string]string // in the form that brokers take
	Enforced   []string          // keys set earlier on somebody's behalf: reset when Config no longer names them
}

// Topic is a topic as the cluster describes it.
type Topic struct {
	Name       string
	ID         string // empty where the cluster has no ids
	Internal   bool
	Partitions int32
	Replicas   int32
	// Config holds the keys that were asked for and that the cluster knows.
	Config map[string]Value
}

// Value is a configuration value as the cluster describes it.
type Value struct {
	Text string
	// Own tells that the topic itself sets the value. Otherwise it comes from the cluster.
	Own bool
}

// FromResource reads what a resource wants. The error joins a sentence for everything in it that cannot be used.
func FromResource(resource *v1alpha1.KafkaTopic) (Desired, error) {
	var errs []error
	if resource.Spec.Unreadable != "" {
		errs = append(errs, fmt.Errorf("the specification was written for another version of this controller and cannot be read: %s", resource.Spec.Unreadable))
	}
	if resource.Status.Unreadable != "" {
		errs = append(errs, fmt.Errorf("the status was written by another version of this controller and cannot be read: %s", resource.Status.Unreadable))
	}
	if !slices.Contains([]v1alpha1.ManagementPolicy{v1alpha1.Manage, v1alpha1.Observe, v1alpha1.Pause}, resource.Policy()) {
		errs = append(errs, fmt.Errorf("managementPolicy %q is not known to this version of the controller: it is none of Manage, Observe, Pause", resource.Spec.ManagementPolicy))
	}
	if !slices.Contains([]v1alpha1.DeletionPolicy{"", v1alpha1.Retain, v1alpha1.Delete}, resource.Spec.DeletionPolicy) {
		errs = append(errs, fmt.Errorf("deletionPolicy %q is not known to this version of the controller: it is none of Retain, Delete", resource.Spec.DeletionPolicy))
	}
	desired := Desired{Name: resource.TopicName(), Enforced: resource.Status.ConfigKeys, Config: make(map[string]string, len(resource.Spec.Config))}
	if err := CheckName(desired.Name); err != nil {
		errs = append(errs, err)
	}
	if p := resource.Spec.Partitions; p != nil {
		if desired.Partitions = *p; *p < 1 {
			errs = append(errs, fmt.Errorf("partitions is %d; a topic has at least 1", *p))
		}
	}
	if r := resource.Spec.Replicas; r != nil {
		if desired.Replicas = *r; *r < 1 || *r > 32767 {
			errs = append(errs, fmt.Errorf("replicas is %d; it is from 1 to 32767", *r))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(resource.Spec.Config)) {
		text, err := resource.Spec.Config[key].Text()
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("config %s %w", key, err))
		case strings.TrimSpace(key) != key || key == "":
			errs = append(errs, fmt.Errorf("config %q is no name of a key", key))
		case key == replicationFactor:
			errs = append(errs, errors.New("config replication.factor: write spec.replicas instead"))
		default:
			desired.Config[key] = Canonical(text)
		}
	}
	return desired, errors.Join(errs...)
}

// CheckName says in a sentence what is wrong with a topic's name.
func CheckName(name string) error {
	if name == "" || name == "." || name == ".." {
		return fmt.Errorf("%q is no name for a topic", name)
	}
	if len(name) > 249 {
		return fmt.Errorf("the topic's name has %d characters; Kafka takes up to 249", len(name))
	}
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", c) {
			return fmt.Errorf("the topic's name %q has the character %q; Kafka takes letters, digits, dots, underscores and hyphens", name, c)
		}
	}
	return nil
}

// Internal tells whether a name is one of the cluster's own.
func Internal(name string) bool { return strings.HasPrefix(name, "_") }

// Keys are the configuration keys whose values must be known to plan for a topic.
func (d Desired) Keys() []string {
	keys := slices.AppendSeq(slices.Clone(d.Enforced), maps.Keys(d.Config))
	slices.Sort(keys)
	return slices.Compact(keys)
}
