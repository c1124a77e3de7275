package topic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestWhatNoSchemaRefusesIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ spec, sentence string }{
		"a list":                        {`{"config": {"cleanup.policy": ["compact"]}}`, `config cleanup.policy is a list; write a string, with commas between its parts, such as "compact,delete"`},
		"an object":                     {`{"config": {"retention.ms": {"days": 7}}}`, "config retention.ms is an object; write a string, a number or a boolean"},
		"null":                          {`{"config": {"retention.ms": null}}`, "config retention.ms is null; write a value, or take the key out to go back to the cluster's default"},
		"replicas by another name":      {`{"config": {"replication.factor": 3}}`, "config replication.factor: write spec.replicas instead"},
		"a key with blanks":             {`{"config": {" retention.ms": 1}}`, `config " retention.ms" is no name of a key`},
		"an illegal name":               {`{"topicName": "a b"}`, `the topic's name "a b" has the character ' '; Kafka takes letters, digits, dots, underscores and hyphens`},
		"a name too long":               {`{"topicName": "` + strings.Repeat("a", 250) + `"}`, "the topic's name has 250 characters; Kafka takes up to 249"},
		"another version's types":       {`{"partitions": "12"}`, "written for another version of this controller"},
		"another version's policy":      {`{"managementPolicy": "Dream"}`, `managementPolicy "Dream" is not known to this version of the controller: it is none of Manage, Observe, Pause`},
		"another version's deletion":    {`{"deletionPolicy": "Archive"}`, `deletionPolicy "Archive" is not known to this version of the controller: it is none of Retain, Delete`},
		"partitions past the admission": {`{"partitions": 0}`, "partitions is 0; a topic has at least 1"},
		"replicas past the admission":   {`{"replicas": 40000}`, "replicas is 40000; it is from 1 to 32767"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource := read(t, c.spec)
			if _, err := topic.FromResource(resource); err == nil || !strings.Contains(err.Error(), c.sentence) {
				t.Errorf("want %q, got %v", c.sentence, err)
			}
		})
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := topic.FromResource(read(t, `{"partitions": 0, "config": {"a": [], "b": {}}}`))
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 3 {
		t.Errorf("want three sentences, got %v", err)
	}
}

func TestAResourceOfAnotherVersionGivesNothingAway(t *testing.T) {
	t.Parallel()
	resource := read(t, `{"topicName": "kept", "partitions": "many", "deletionPolicy": "Delete"}`)
	if resource.TopicName() != "kept" || !resource.Owns() || resource.Spec.DeletionPolicy == v1alpha1.Delete {
		t.Errorf("an unreadable resource keeps its topic and deletes nothing: %+v", resource.Spec)
	}
}

func TestConfigValuesBecomeWhatBrokersTake(t *testing.T) {
	t.Parallel()
	desired, err := topic.FromResource(read(t, `{"config": {"a": 604800000, "b": 1e3, "c": true, "d": "TRUE", "e": "compact,delete", "f": 0.5}}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "604800000", "b": "1000", "c": "true", "d": "true", "e": "compact,delete", "f": "0.5"} {
		if desired.Config[key] != want {
			t.Errorf("%s: got %q, want %q", key, desired.Config[key], want)
		}
	}
}

// Whatever a resource holds, reading it neither panics nor fails, for one that cannot be read would hide all others.
func FuzzAnyResourceIsRead(f *testing.F) {
	f.Add([]byte(`{"spec":{"partitions":12,"config":{"a":[1]}},"status":{"partitions":"x"}}`))
	f.Add([]byte(`{"spec":{"config":{"a":1e400}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var shape struct {
			Spec   json.RawMessage `json:"spec"`
			Status json.RawMessage `json:"status"`
		}
		if json.Unmarshal(data, &shape) != nil {
			return
		}
		var resource v1alpha1.KafkaTopic
		for part, into := range map[*json.RawMessage]any{&shape.Spec: &resource.Spec, &shape.Status: &resource.Status} {
			if len(*part) == 0 {
				continue
			}
			if err := json.Unmarshal(*part, into); err != nil {
				t.Fatalf("cannot be read: %v", err)
			}
		}
		_, _ = topic.FromResource(&resource)
	})
}

func read(t *testing.T, spec string) *v1alpha1.KafkaTopic {
	t.Helper()
	var resource v1alpha1.KafkaTopic
	if err := json.Unmarshal([]byte(`{"metadata":{"name":"orders"},"spec":`+spec+`}`), &resource); err != nil {
		t.Fatal(err)
	}
	return &resource
}
