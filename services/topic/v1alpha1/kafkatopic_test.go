package v1alpha1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestTheOlderResourceComesFirstThenTheSmallerName(t *testing.T) {
	t.Parallel()
	resource := func(namespace, name string, second int) *v1alpha1.KafkaTopic {
		return &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.Unix(int64(second), 0)}}
	}
	cases := map[string]struct{ first, second *v1alpha1.KafkaTopic }{
		"older":                            {resource("z", "z", 1), resource("a", "a", 2)},
		"of the same second, by namespace": {resource("a", "z", 1), resource("b", "a", 1)},
		"then by name":                     {resource("a", "a", 1), resource("a", "b", 1)},
	}
	for name, c := range cases {
		if !c.first.Before(c.second) || c.second.Before(c.first) {
			t.Errorf("%s: %s must come before %s, and not after", name, c.first.Key(), c.second.Key())
		}
	}
}

func TestWhoMayOwnATopic(t *testing.T) {
	t.Parallel()
	now := metav1.NewTime(time.Unix(1, 0))
	cases := map[string]struct {
		resource v1alpha1.KafkaTopic
		owns     bool
	}{
		"without any policy":     {v1alpha1.KafkaTopic{}, true},
		"Manage":                 {v1alpha1.KafkaTopic{Spec: v1alpha1.KafkaTopicSpec{ManagementPolicy: v1alpha1.Manage}}, true},
		"Pause":                  {v1alpha1.KafkaTopic{Spec: v1alpha1.KafkaTopicSpec{ManagementPolicy: v1alpha1.Pause}}, true},
		"Observe":                {v1alpha1.KafkaTopic{Spec: v1alpha1.KafkaTopicSpec{ManagementPolicy: v1alpha1.Observe}}, false},
		"one of another version": {v1alpha1.KafkaTopic{Spec: v1alpha1.KafkaTopicSpec{ManagementPolicy: "Admire"}}, true},
		"being deleted":          {v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}}, false},
	}
	for name, c := range cases {
		if c.resource.Owns() != c.owns {
			t.Errorf("%s: owns %v", name, !c.owns)
		}
	}
}

func TestOfAStatusThatAnotherVersionWroteIsKeptWhatCanBeRead(t *testing.T) {
	t.Parallel()
	known := v1alpha1.KafkaTopicStatus{TopicName: "orders", TopicID: "id", Created: true, Partitions: 3, ConfigKeys: []string{"retention.ms"}}
	cases := map[string]struct {
		status string
		want   v1alpha1.KafkaTopicStatus
	}{
		"conditions of another shape": {`{"topicName": "orders", "topicId": "id", "created": true, "partitions": 3, "configKeys": ["retention.ms"], "conditions": {"Ready": true}}`, known},
		"a time that is none":         {`{"topicName": "orders", "topicId": "id", "created": true, "partitions": 3, "configKeys": ["retention.ms"], "conditions": [{"type": "Ready", "lastTransitionTime": "yesterday"}]}`, known},
		"keys with their values":      {`{"topicId": "id", "configKeys": ["retention.ms", {"key": "cleanup.policy"}]}`, v1alpha1.KafkaTopicStatus{TopicID: "id"}},
		"an id that is no text":       {`{"topicId": {"cluster": "id"}, "created": true}`, v1alpha1.KafkaTopicStatus{Created: true}},
		"no object":                   {`"Ready"`, v1alpha1.KafkaTopicStatus{}},
	}
	for name, c := range cases {
		var read v1alpha1.KafkaTopicStatus
		if err := json.Unmarshal([]byte(c.status), &read); err != nil || read.Unreadable == "" {
			t.Errorf("%s: %v, %+v: one that cannot be read must say so and stop no other", name, err, read)
		}
		read.Unreadable = ""
		if diff := cmp.Diff(c.want, read); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
