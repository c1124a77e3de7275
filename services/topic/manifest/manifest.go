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
	// Notes say what was passed over, and what means something else here than where it comes from.
	Notes []string
	// Translated is how many of the topics were written for another controller.
	Translated int
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
	err := set.parse(file, text)
	return set, err
}

func (s *Set) parse(file string, text []byte) error {
	var errs []error
	number := 0
	for _, d := range documents(text) {
		// Blank lines in front make the line numbers of the decoder those of the file.
		text, err := yaml.YAMLToJSONStrict(append(bytes.Repeat([]byte("\n"), d.line-1), d.text...))
		if err == nil && string(bytes.TrimSpace(text)) == "null" {
			continue // nothing but comments
		}
		number++
		source := fmt.Sprintf("%s, document %d (line %d)", file, number, d.line)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s", source, oneLine(err)))
		} else if err := s.resource(source, text); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// document is a part of a YAML stream.
type document struct {
	line int // of the file, where it begins
	text []byte
}

// documents are the parts of a YAML stream. A line that begins with --- or ... can stand nowhere but between two of them.
func documents(text []byte) []document {
	var found []document
	part := document{line: 1}
	line := 0
	for content := range bytes.Lines(text) {
		line++
		rest, marks := bytes.CutPrefix(content, []byte("---"))
		if !marks {
			rest, marks = bytes.CutPrefix(content, []byte("..."))
		}
		if marks && (len(bytes.TrimSpace(rest)) == 0 || rest[0] == ' ' || rest[0] == '\t') {
			found, part = append(found, part), document{line: line}
			content = append([]byte("   "), rest...)
		}
		if len(part.text) == 0 && len(bytes.TrimSpace(content)) == 0 {
			part.line = line + 1
			continue
		}
		part.text = append(part.text, content...)
	}
	return append(found, part)
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")), " ")
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
	if err := check(source, text, v1alpha1.KafkaTopic{}); err != nil {
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
