package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifest is a resource that will be installed.
type manifest struct{ unstructured.Unstructured }

// String is Kind name, as people say it.
func (m manifest) String() string { return m.GetKind() + " " + m.GetName() }

// podSpec is the pod that the resource makes, if it makes one of Kubernetes' own kinds.
func (m manifest) podSpec() (map[string]any, bool) {
	path := []string{"spec", "template", "spec"}
	switch m.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet", "Job":
	case "Pod":
		path = []string{"spec"}
	default:
		return nil, false
	}
	spec, found, err := unstructured.NestedMap(m.Object, path...)
	return spec, found && err == nil
}

// decode reads a stream of YAML documents; those without a namespace get the one given.
func decode(in io.Reader, namespace string) ([]manifest, error) {
	reader := yaml.NewYAMLReader(bufio.NewReader(in))
	var manifests []manifest
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return manifests, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the manifests: %w", err)
		}
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, fmt.Errorf("read the manifests: document %d: %w", len(manifests)+1, err)
		}
		if len(object) == 0 {
			continue
		}
		m := manifest{unstructured.Unstructured{Object: runtime.DeepCopyJSON(object)}}
		if m.GetKind() == "" || m.GetAPIVersion() == "" || m.GetName() == "" {
			return nil, fmt.Errorf("read the manifests: document %d lacks apiVersion, kind or metadata.name", len(manifests)+1)
		}
		if m.GetNamespace() == "" {
			m.SetNamespace(namespace)
		}
		manifests = append(manifests, m)
	}
}
