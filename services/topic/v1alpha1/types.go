package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DeletionPolicy says what becomes of the topic when its resource is deleted.
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// The deletion policies.
const (
	Retain DeletionPolicy = "Retain"
	Delete DeletionPolicy = "Delete"
)

// ManagementPolicy says how much the controller may do.
// +kubebuilder:validation:Enum=Manage;Observe;Pause
type ManagementPolicy string

// The management policies.
const (
	Manage  ManagementPolicy = "Manage"
	Observe ManagementPolicy = "Observe"
	Pause   ManagementPolicy = "Pause"
)

// KafkaTopicSpec is what the topic shall be.
type KafkaTopicSpec struct {
	// TopicName is the topic's name in the Kafka cluster: up to 249 letters, digits, dots, underscores and hyphens.
	// Default: metadata.name. It cannot be changed: make another resource for another topic. Names that begin with an
	// underscore are the cluster's own and refused.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=249
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9._-]+$`
	// +kubebuilder:validation:XValidation:rule="self != '.' && self != '..'",message="a topic cannot be named . or .."
	TopicName string `json:"topicName,omitempty"`

	// Partitions is the number of partitions, at least 1. Default: the cluster's default when the topic is created, and
	// hands off afterwards. Raised, partitions are added, and keys land on other partitions than before; it cannot be
	// lowered below what the topic has, for Kafka cannot take partitions away.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Partitions *int32 `json:"partitions,omitempty"`

	// Replicas is the number of copies of each partition, at least 1 and at most the number of brokers; odd on Redpanda.
	// Default: the cluster's default when the topic is created, and hands off afterwards. Changed, Redpanda moves the
	// copies by itself; on Apache Kafka, which needs a plan of reassignment for it, the change is refused, and Ready says so.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32767
	Replicas *int32 `json:"replicas,omitempty"`

	// Config holds topic configuration by its Kafka names, such as retention.ms (milliseconds), cleanup.policy or
	// max.message.bytes (bytes). A value is a string, a number or a boolean. Default: none. Keys named here are enforced:
	// a value that differs in the cluster is set back. A key taken out goes back to the cluster's default; keys that were
	// never named are left alone.
	// +optional
	// +kubebuilder:validation:MaxProperties=200
	Config map[string]ConfigValue `json:"config,omitempty"`

	// DeletionPolicy says what becomes of the topic, with all its records, when this resource is deleted. Default: Retain,
	// the topic stays. Delete: exactly the topic of status.topicId is deleted, unless another KafkaTopic names it; a topic
	// that existed before this resource is deleted only if the annotation kafka.openorder.io/confirm-deletion names it. May
	// be changed at any time, also while the deletion waits.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// ManagementPolicy says how much the controller may do. Default: Manage, the topic is created and kept as this
	// resource says. Observe: differences are reported in Ready, nothing is ever written to the brokers. Pause: the topic
	// is not even looked at, still belongs to this resource, and a deletion with deletionPolicy Delete waits. May be changed
	// at any time.
	// +optional
	// +kubebuilder:default=Manage
	ManagementPolicy ManagementPolicy `json:"managementPolicy,omitempty"`

	// Unreadable says why this specification cannot be read, where another version of the definition wrote it.
	Unreadable string `json:"-"`
}

// KafkaTopicStatus is what the topic is.
type KafkaTopicStatus struct {
	// ObservedGeneration is the metadata.generation that this status answers; -1 before the controller's first pass.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// TopicName is the topic's name in the Kafka cluster.
	// +optional
	TopicName string `json:"topicName,omitempty"`

	// TopicID is the cluster's id of the topic that this resource manages, as Kafka's tools print it; by-name where the
	// cluster has no ids. Only this topic is ever altered or deleted. Empty: none yet, or it belongs to another resource.
	// +optional
	TopicID string `json:"topicId,omitempty"`

	// Created tells that the controller created this very topic for this resource. Otherwise it was there before, and
	// deletionPolicy Delete acts as Retain unless the annotation kafka.openorder.io/confirm-deletion names the topic.
	// +optional
	Created bool `json:"created,omitempty"`

	// Partitions is the number of partitions that the topic has.
	// +optional
	Partitions int32 `json:"partitions,omitempty"`

	// Replicas is the number of copies that each partition has.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// ConfigKeys are the configuration keys that this resource enforces, or has set and not yet reset.
	// +optional
	// +listType=set
	ConfigKeys []string `json:"configKeys,omitempty"`

	// Conditions: Ready, with a reason and a sentence that says what to do; Stalled, True while the controller cannot go on
	// until somebody changes something.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Unreadable says why this status cannot be read, where another version of the definition wrote it.
	Unreadable string `json:"-"`
}

// KafkaTopic makes a topic of a Kafka cluster, and what this resource says of it, agree. Docs name it
// kafkatopics.kafka.openorder.io, for Strimzi has the same plural.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=kafka
// +kubebuilder:printcolumn:name="Topic",type=string,JSONPath=`.status.topicName`
// +kubebuilder:printcolumn:name="Partitions",type=integer,JSONPath=`.status.partitions`
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=`.status.replicas`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="has(self.spec.topicName) || size(self.metadata.name) <= 249",message="metadata.name is longer than the 249 characters that a topic's name may have: set spec.topicName"
// +kubebuilder:validation:XValidation:rule="(has(self.spec.topicName) ? self.spec.topicName : self.metadata.name) == (has(oldSelf.spec.topicName) ? oldSelf.spec.topicName : oldSelf.metadata.name)",message="the topic's name cannot be changed: make another KafkaTopic for another topic"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.partitions) || (has(oldSelf.spec.partitions) && self.spec.partitions == oldSelf.spec.partitions) || !has(oldSelf.status) || !has(oldSelf.status.partitions) || self.spec.partitions >= oldSelf.status.partitions",message="spec.partitions is below what the topic has (status.partitions): Kafka cannot take partitions away"
type KafkaTopic struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the topic shall be. All of it is optional.
	// +optional
	// +kubebuilder:default={}
	Spec KafkaTopicSpec `json:"spec,omitempty"`

	// Status is what the topic is. Before the controller's first pass it reads as in progress.
	// +optional
	// +default={"observedGeneration": -1, "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "No topic controller has looked at this resource yet.", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status KafkaTopicStatus `json:"status,omitempty"`
}

// KafkaTopicList is a list of KafkaTopics.
//
// +kubebuilder:object:root=true
type KafkaTopicList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []KafkaTopic `json:"items"`
}
