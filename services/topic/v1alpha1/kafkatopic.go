package v1alpha1

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/types"
)

// Annotations that confirm what the controller would not do by itself.
const (
	// AcceptTopicID names the id of a topic that took the managed one's place, and lets the resource manage it.
	AcceptTopicID = "kafka.openorder.io/accept-topic-id"
	// ConfirmDeletion names a topic that existed before its resource, and lets deletionPolicy Delete delete it.
	ConfirmDeletion = "kafka.openorder.io/confirm-deletion"
)

// Finalizer holds a resource while its topic is to be deleted with it, and at no other time.
const Finalizer = "kafka.openorder.io/delete-topic"

// TopicIDByName stands in status.topicId where the cluster has no topic ids.
const TopicIDByName = "by-name"

// The conditions.
const (
	ConditionReady   = "Ready"
	ConditionStalled = "Stalled"
)

// TopicName is the name of the topic in the Kafka cluster.
func (t *KafkaTopic) TopicName() string {
	if t.Spec.TopicName != "" {
		return t.Spec.TopicName
	}
	return t.Name
}

// Key is the resource's namespace and name.
func (t *KafkaTopic) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
}

// Deleting tells whether the resource's deletion was asked for.
func (t *KafkaTopic) Deleting() bool { return !t.DeletionTimestamp.IsZero() }

// Owns tells whether the resource may own its topic, that is whether it takes part in deciding who does. A policy that
// only another version of the definition knows counts like Pause: it gives nothing away.
func (t *KafkaTopic) Owns() bool {
	return !t.Deleting() && t.Policy() != Observe
}

// Before tells which of two resources that name the same topic owns it: the older one.
func (t *KafkaTopic) Before(other *KafkaTopic) bool {
	if !t.CreationTimestamp.Equal(&other.CreationTimestamp) {
		return t.CreationTimestamp.Before(&other.CreationTimestamp)
	}
	return t.Key().String() < other.Key().String()
}

// Policy is the management policy, with its default.
func (t *KafkaTopic) Policy() ManagementPolicy {
	if t.Spec.ManagementPolicy == "" {
		return Manage
	}
	return t.Spec.ManagementPolicy
}

// UnmarshalJSON reads a specification. One that another version of the definition wrote does not fail: a single
// resource that cannot be read would stop the controller from seeing any.
func (s *KafkaTopicSpec) UnmarshalJSON(data []byte) error {
	type plain KafkaTopicSpec
	var read plain
	if err := json.Unmarshal(data, &read); err != nil {
		var name struct {
			TopicName string `json:"topicName"`
		}
		_ = json.Unmarshal(data, &name) // without its name it is taken for the resource's own
		*s = KafkaTopicSpec{TopicName: name.TopicName, DeletionPolicy: Retain, ManagementPolicy: Pause, Unreadable: err.Error()}
		return nil
	}
	*s = KafkaTopicSpec(read)
	return nil
}

// UnmarshalJSON reads a status, as UnmarshalJSON of KafkaTopicSpec does. What can be read of it is kept: it says which topic
// is the resource's.
func (s *KafkaTopicStatus) UnmarshalJSON(data []byte) error {
	type plain KafkaTopicStatus
	var read plain
	err := json.Unmarshal(data, &read)
	if err == nil {
		*s = KafkaTopicStatus(read)
		return nil
	}
	*s = KafkaTopicStatus{Unreadable: err.Error()}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(data, &fields) // what is no object has none
	for name, value := range fields {
		single, _ := json.Marshal(map[string]json.RawMessage{name: value}) // as it came
		if json.Unmarshal(single, new(plain)) == nil {
			_ = json.Unmarshal(single, (*plain)(s))
		}
	}
	return nil
}
