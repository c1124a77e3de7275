package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// passing are the keys that Kafka's tools set for as long as they move replicas: enforced, they would never be taken off.
var passing = []string{"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}

// FromTopics are resources that say what topics are, in the order of their names. Whoever deletes one keeps its topic.
func FromTopics(topics []topic.Topic, namespace string) []v1alpha1.KafkaTopic {
	topics = slices.SortedFunc(slices.Values(topics), func(a, b topic.Topic) int { return cmp.Compare(a.Name, b.Name) })
	names := resourceNames(topics)
	resources := make([]v1alpha1.KafkaTopic, len(topics))
	for i, t := range topics {
		config := map[string]v1alpha1.ConfigValue{}
		for key, value := range t.Config {
			if value.Own && !slices.Contains(passing, key) {
				config[key] = plainValue(value.Text)
			}
		}
		resources[i] = v1alpha1.KafkaTopic{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind},
			ObjectMeta: metav1.ObjectMeta{Name: names[t.Name], Namespace: namespace},
			Spec: v1alpha1.KafkaTopicSpec{
				TopicName: t.Name, Partitions: &t.Partitions, Replicas: &t.Replicas, Config: config, DeletionPolicy: v1alpha1.Retain,
			},
		}
	}
	return resources
}

// plainValue is a value as people write it: a number or a boolean where it is one in just these letters. Beyond 2^53 it is a
// string: Helm, for one, reads numbers as floating point.
func plainValue(text string) v1alpha1.ConfigValue {
	const exact = 1 << 53
	n, err := strconv.ParseInt(text, 10, 64)
	if text == "true" || text == "false" || err == nil && n > -exact && n < exact && strconv.FormatInt(n, 10) == text {
		return v1alpha1.ConfigValue{JSON: text}
	}
	return v1alpha1.StringValue(text)
}

// resourceNames are names that Kubernetes takes, by topic. Most are the topic's own in small letters; where two topics would
// share one, the topic that has it by itself keeps it, and the others get a suffix that depends on nothing but their name.
func resourceNames(topics []topic.Topic) map[string]string {
	wanted := map[string]int{}
	for _, t := range topics {
		wanted[resourceName(t.Name)]++
	}
	names := make(map[string]string, len(topics))
	for _, t := range topics {
		name := resourceName(t.Name)
		if wanted[name] > 1 && name != t.Name {
			name = withSum(name, t.Name)
		}
		names[t.Name] = name
	}
	return names
}

// resourceName is the nearest name of small letters, digits, hyphens and dots, that begins and ends each part between dots
// with a letter or digit.
func resourceName(name string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.ToLower(name), ".") {
		if part = strings.Trim(strings.ReplaceAll(part, "_", "-"), "-"); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return withSum("topic", name)
	}
	return strings.Join(parts, ".")
}

func withSum(name, of string) string {
	const room = 200 // of the 253 characters that a name may have
	sum := fnv.New64a()
	sum.Write([]byte(of))
	return fmt.Sprintf("%s-%016x", strings.TrimRight(name[:min(len(name), room)], "-."), sum.Sum64())
}

// written is a resource without what only a cluster adds.
type written struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace,omitempty"`
	} `json:"metadata"`
	Spec v1alpha1.KafkaTopicSpec `json:"spec"`
}

// Write writes resources as one stream of YAML documents.
func Write(w io.Writer, resources []v1alpha1.KafkaTopic) error {
	var stream bytes.Buffer
	for i, resource := range resources {
		if i > 0 {
			stream.WriteString("---\n")
		}
		document := written{TypeMeta: resource.TypeMeta, Spec: resource.Spec}
		document.Metadata.Name, document.Metadata.Namespace = resource.Name, resource.Namespace
		text, err := yaml.Marshal(document)
		if err != nil {
			return fmt.Errorf("write KafkaTopic %s: %w", resource.Name, err)
		}
		stream.Write(text)
	}
	_, err := stream.WriteTo(w)
	return err
}
