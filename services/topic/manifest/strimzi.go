package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

const strimziGroup = "kafka.strimzi.io"

// strimziVersions are those whose KafkaTopic has the fields of strimziTopic.
var strimziVersions = []string{"v1", "v1beta2"}

// strimziTopic is Strimzi's KafkaTopic.
type strimziTopic struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            struct {
		TopicName  string                          `json:"topicName"`
		Partitions *int32                          `json:"partitions"`
		Replicas   *int32                          `json:"replicas"`
		Config     map[string]v1alpha1.ConfigValue `json:"config"`
	} `json:"spec"`
	Status any `json:"status"`
}

// strimzi translates a resource of Strimzi's topic operator, and notes what becomes of what means something else there.
func (s *Set) strimzi(source, version string, text []byte) error {
	if !slices.Contains(strimziVersions, version) {
		return fmt.Errorf("%s: %s/%s is not known to this version, which reads Strimzi's KafkaTopic as %s", source, strimziGroup, version, strings.Join(strimziVersions, " and "))
	}
	if err := check(source, text, strimziTopic{}); err != nil {
		return err
	}
	var theirs strimziTopic
	if err := json.Unmarshal(text, &theirs); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	config, notes, err := translateConfig(theirs.Spec.Config)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	ours := v1alpha1.KafkaTopic{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind},
		ObjectMeta: metav1.ObjectMeta{Name: theirs.Metadata.Name, Namespace: theirs.Metadata.Namespace},
		Spec: v1alpha1.KafkaTopicSpec{
			TopicName: theirs.Spec.TopicName, Partitions: theirs.Spec.Partitions, Replicas: theirs.Spec.Replicas,
			Config: config, DeletionPolicy: v1alpha1.Retain,
		},
	}
	for annotation, off := range map[string]string{"strimzi.io/managed": "false", "strimzi.io/pause-reconciliation": "true"} {
		if theirs.Metadata.Annotations[annotation] == off {
			ours.Spec.ManagementPolicy = v1alpha1.Pause
			notes = append(notes, fmt.Sprintf("annotation %s=%s becomes managementPolicy Pause", annotation, off))
		}
	}
	if err := s.add(source, ours); err != nil {
		return err
	}
	s.Translated++
	for _, note := range notes {
		s.Notes = append(s.Notes, s.Topics[len(s.Topics)-1].Source+": "+note)
	}
	return nil
}

// translateConfig takes the values over. What Strimzi takes and we do not is noted: a list is a value with commas there, and
// null the cluster's default.
func translateConfig(theirs map[string]v1alpha1.ConfigValue) (ours map[string]v1alpha1.ConfigValue, notes []string, err error) {
	ours = maps.Clone(theirs)
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		if theirs[key].JSON == "null" {
			delete(ours, key)
			notes = append(notes, fmt.Sprintf("config %s, which is null, is left out", key))
			continue
		}
		var list []v1alpha1.ConfigValue
		if json.Unmarshal([]byte(theirs[key].JSON), &list) != nil || list == nil {
			continue
		}
		parts := make([]string, len(list))
		for i, part := range list {
			var wrong error
			if parts[i], wrong = part.Text(); wrong != nil {
				err = errors.Join(err, fmt.Errorf("spec.config.%s[%d] %w", key, i, wrong))
			}
		}
		joined := strings.Join(parts, ",")
		ours[key] = v1alpha1.StringValue(joined)
		notes = append(notes, fmt.Sprintf("the list of config %s becomes %q", key, joined))
	}
	return ours, notes, err
}
