// Package manifest reads and writes KafkaTopic manifests: our own, and those of Strimzi, which it translates. It takes
// nothing that it does not understand: a mistyped field is refused with its file, document and path.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// Set is what manifests declare.
type Set struct {
	Topics []Topic
	// Notes say what was translated from another kind of resource, and what was passed over.
	Notes []string
}

// Topic is one resource.
type Topic struct {
	Source   string // file and document
	Resource v1alpha1.KafkaTopic
	Desired  topic.Desired
}

// Parse reads a file of one or more YAML or JSON documents. The error joins everything that is wrong in it.
func Parse(file string, text []byte) (Set, error) {
	var set Set
	var errs []error
	for i, document := range documents(text) {
		source := fmt.Sprintf("%s, document %d", file, i+1)
		if err := set.read(source, document); err != nil {
			errs = append(errs, err)
		}
	}
	return set, errors.Join(errs...)
}

// documents are the parts of a YAML stream. A line that begins with --- can stand nowhere but between two of them.
func documents(text []byte) [][]byte {
	var parts [][]byte
	var part []byte
	for line := range bytes.Lines(text) {
		if marker, rest := bytes.CutPrefix(line, []byte("---")); rest && (len(bytes.TrimSpace(marker)) == 0 || marker[0] == ' ' || marker[0] == '\t') {
			parts, part = append(parts, part), append([]byte(nil), marker...)
			continue
		}
		part = append(part, line...)
	}
	return append(parts, part)
}

// read takes one document, which is a resource, a list of them, or nothing but comments.
func (s *Set) read(source string, document []byte) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return fmt.Errorf("%s: %s", source, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if string(bytes.TrimSpace(text)) == "null" {
		return nil
	}
	return s.resource(source, text)
}

// resource takes one resource as JSON.
func (s *Set) resource(source string, text []byte) error {
	var head struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("%s: is no Kubernetes resource: %w", source, err)
	}
	group, version, _ := strings.Cut(head.APIVersion, "/")
	switch {
	case head.APIVersion == v1alpha1.GroupVersion.String() && head.Kind == v1alpha1.Kind:
		return s.own(source, text)
	case head.Kind == "" || head.APIVersion == "":
		return fmt.Errorf("%s: is no Kubernetes resource: apiVersion and kind are needed", source)
	case head.Kind == "List" && head.APIVersion == "v1", head.Kind == v1alpha1.Kind+"List":
		var errs []error
		for i, item := range head.Items {
			errs = append(errs, s.resource(fmt.Sprintf("%s, item %d", source, i+1), item))
		}
		return errors.Join(errs...)
	case group == v1alpha1.GroupVersion.Group:
		return fmt.Errorf("%s: %s %s is not known to this version, which reads %s %s", source, head.APIVersion, head.Kind, v1alpha1.GroupVersion, v1alpha1.Kind)
	case group == strimziGroup && head.Kind == v1alpha1.Kind:
		return s.strimzi(source, version, text)
	}
	s.Notes = append(s.Notes, fmt.Sprintf("%s: passed over %s %s: it is no KafkaTopic", source, head.APIVersion, head.Kind))
	return nil
}

func (s *Set) own(source string, text []byte) error {
	if err := check(source, text, ownShape); err != nil {
		return err
	}
	var resource v1alpha1.KafkaTopic
	if err := json.Unmarshal(text, &resource); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	return s.add(source, resource)
}

// add takes a resource that names a topic, which it must be the only one to do.
func (s *Set) add(source string, resource v1alpha1.KafkaTopic) error {
	resource.Status = v1alpha1.KafkaTopicStatus{} // a manifest asks for things; what once was is not read
	if resource.Name == "" {
		return fmt.Errorf("%s: metadata.name is missing", source)
	}
	source += ", " + v1alpha1.Kind + " " + resource.Name
	desired, err := topic.FromResource(&resource)
	if err != nil {
		return fmt.Errorf("%s: %s", source, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if topic.Internal(desired.Name) {
		return fmt.Errorf("%s: names that begin with _ are the cluster's own: %s is not touched", source, desired.Name)
	}
	for _, other := range s.Topics {
		if other.Desired.Name == desired.Name {
			return fmt.Errorf("%s: topic %s is declared twice, first in %s", source, desired.Name, other.Source)
		}
	}
	s.Topics = append(s.Topics, Topic{source, resource, desired})
	return nil
}
