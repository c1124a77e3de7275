package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

const strimziGroup = "kafka.strimzi.io"

// strimziVersions are those whose KafkaTopic has the fields of strimziTopic.
var strimziVersions = []string{"v1", "v1beta2"}

// strimziTopic is Strimzi's KafkaTopic, as far as it means something here.
type strimziTopic struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   strimziMetadata `json:"metadata"`
	Spec       struct {
		TopicName  string                          `json:"topicName"`
		Partitions *int32                          `json:"partitions"`
		Replicas   *int32                          `json:"replicas"`
		Config     map[string]v1alpha1.ConfigValue `json:"config"`
	} `json:"spec"`
	Status any `json:"status"`
}

type strimziMetadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Annotations map[string]string `json:"annotations"`
}

var strimziShape = shape{strimziTopic{}, []string{"status", "metadata"}}

// strimzi translates a resource of Strimzi's topic operator, and notes what becomes of what means something else there.
func (s *Set) strimzi(source, version string, text []byte) error {
	if !slices.Contains(strimziVersions, version) {
		return fmt.Errorf("%s: %s/%s is not known to this version, which reads Strimzi's KafkaTopic as %s", source, strimziGroup, version, strings.Join(strimziVersions, " and "))
	}
	if err := check(source, text, strimziShape); err != nil {
		return err
	}
	var theirs strimziTopic
	if err := json.Unmarshal(text, &theirs); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	ours := v1alpha1.KafkaTopic{}
	ours.APIVersion, ours.Kind = v1alpha1.GroupVersion.String(), v1alpha1.Kind
	ours.Name, ours.Namespace = theirs.Metadata.Name, theirs.Metadata.Namespace
	ours.Spec = v1alpha1.KafkaTopicSpec{
		TopicName: theirs.Spec.TopicName, Partitions: unlessDefault(theirs.Spec.Partitions), Replicas: unlessDefault(theirs.Spec.Replicas),
		DeletionPolicy: v1alpha1.Retain,
	}
	notes := []string{"translated from Strimzi's KafkaTopic"}
	if err := translateConfig(&ours.Spec, theirs.Spec.Config, &notes); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	if theirs.Metadata.Annotations["strimzi.io/managed"] == "false" || theirs.Metadata.Annotations["strimzi.io/paused-reconciliation"] == "true" {
		ours.Spec.ManagementPolicy = v1alpha1.Pause
		notes = append(notes, "its annotation that keeps Strimzi's operator off is managementPolicy Pause here")
	}
	notes = append(notes, "deletionPolicy is Retain, where Strimzi would delete the topic with its resource")
	before := len(s.Topics)
	if err := s.add(source, ours); err != nil {
		return err
	}
	s.Notes = append(s.Notes, s.Topics[before].Source+": "+strings.Join(notes, "; "))
	return nil
}

// unlessDefault is a number of partitions or replicas; Strimzi takes -1 for the cluster's default.
func unlessDefault(n *int32) *int32 {
	if n != nil && *n == -1 {
		return nil
	}
	return n
}

// translateConfig takes the values over. Lists, which Strimzi takes, become values with commas; a null is left out.
func translateConfig(ours *v1alpha1.KafkaTopicSpec, theirs map[string]v1alpha1.ConfigValue, notes *[]string) error {
	ours.Config = make(map[string]v1alpha1.ConfigValue, len(theirs))
	var errs []error
	for key, value := range theirs {
		var list []json.RawMessage
		if json.Unmarshal([]byte(value.JSON), &list) != nil || list == nil {
			ours.Config[key] = value
			continue
		}
		parts := make([]string, len(list))
		for i, part := range list {
			text, err := v1alpha1.ConfigValue{JSON: string(part)}.Text()
			if err != nil {
				errs = append(errs, fmt.Errorf("spec.config.%s: part %d of the list %w", key, i+1, err))
			}
			parts[i] = text
		}
		ours.Config[key] = v1alpha1.StringValue(strings.Join(parts, ","))
		*notes = append(*notes, fmt.Sprintf("the list of %s is %q", key, strings.Join(parts, ",")))
	}
	slices.Sort((*notes)[1:])
	return errors.Join(errs...)
}
