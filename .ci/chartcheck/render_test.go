// Package chartcheck holds what must be true of the charts, whatever values they are given. It renders them with the real
// helm (HELM, else helm on the PATH) and looks at the result as a cluster would.
package chartcheck

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the goldens and generated tables instead of comparing them")

const root = "../.."

// profile is a chart with one of the sets of values that it is meant for.
type profile struct {
	chart   string
	values  []string
	set     []string
	release string // the chart's name when empty
}

func profiles() map[string]profile {
	chart := root + "/charts/openorder"
	operator := root + "/charts/openorder-operator"
	return map[string]profile{
		"default":             {chart: chart},
		"kind":                {chart: chart, values: []string{chart + "/values-kind.yaml"}},
		"production":          {chart: chart, values: []string{chart + "/values-production.yaml"}},
		"external":            {chart: chart, values: []string{"testdata/values/openorder.yaml"}},
		"operator-default":    {chart: operator},
		"operator-production": {chart: operator, values: []string{operator + "/values-production.yaml"}},
		"operator-namespaced": {chart: operator, values: []string{"testdata/values/openorder-operator.yaml"}},
	}
}

// each runs a test for every profile.
func each(t *testing.T, test func(t *testing.T, resources []resource)) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(profiles())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, profiles()[name].resources(t))
		})
	}
}

type renderError struct{ text string }

func (e renderError) Error() string { return e.text }

// render is what `helm template` prints. A refusal is the error.
func (p profile) render(t *testing.T) ([]byte, error) {
	t.Helper()
	name := p.release
	if name == "" {
		name = filepath.Base(p.chart)
	}
	args := []string{"template", name, p.chart, "--namespace=shop", "--kube-version=1.37.0"}
	if !slices.ContainsFunc(p.set, func(s string) bool { return strings.HasPrefix(s, "checkCRDs=") }) {
		args = append(args, "--set=checkCRDs=false")
	}
	for _, file := range p.values {
		args = append(args, "--values="+file)
	}
	for _, value := range p.set {
		args = append(args, "--set-json="+jsonValue(value))
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), helm(), args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, renderError{stderr.String()}
	}
	return stdout.Bytes(), nil
}

// resources are what the profile renders.
func (p profile) resources(t *testing.T) []resource {
	t.Helper()
	out, err := p.render(t)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, out)
}

// document is a file of the project.
func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(root + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func helm() string {
	if path := os.Getenv("HELM"); path != "" {
		return path
	}
	return "helm"
}

// jsonValue quotes the value of NAME=VALUE unless it is JSON already.
func jsonValue(assignment string) string {
	name, value, _ := strings.Cut(assignment, "=")
	if json.Valid([]byte(value)) {
		return assignment
	}
	return name + "=" + compact(value)
}

// resource is one rendered manifest.
type resource map[string]any

func parse(t *testing.T, out []byte) []resource {
	t.Helper()
	var resources []resource
	for _, document := range strings.Split(string(out), "\n---\n") {
		var r resource
		if err := yaml.UnmarshalStrict([]byte(document), &r); err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		if r != nil {
			resources = append(resources, r)
		}
	}
	if len(resources) == 0 {
		t.Fatal("nothing was rendered")
	}
	return resources
}

func (r resource) String() string { return r.kind() + " " + r.name() }
func (r resource) kind() string   { kind, _ := r["kind"].(string); return kind }
func (r resource) name() string   { return text(r, "metadata", "name") }

// at walks into maps; nil when there is nothing.
func at(value any, path ...string) any {
	for _, key := range path {
		switch m := value.(type) {
		case map[string]any:
			value = m[key]
		case resource:
			value = m[key]
		default:
			return nil
		}
	}
	return value
}

func text(value any, path ...string) string { s, _ := at(value, path...).(string); return s }
func list(value any, path ...string) []any  { l, _ := at(value, path...).([]any); return l }

func ofKind(resources []resource, kinds ...string) []resource {
	return slices.DeleteFunc(slices.Clone(resources), func(r resource) bool { return !slices.Contains(kinds, r.kind()) })
}

// pod is a pod template with the labels its pods will have.
type pod struct {
	owner  string
	labels map[string]any
	spec   any
}

// pods are all pods that the resources make, those of Redpanda's clusterSpec apart.
func pods(resources []resource) []pod {
	var all []pod
	for _, r := range resources {
		switch r.kind() {
		case "Deployment", "StatefulSet", "DaemonSet", "Job":
			labels, _ := at(r, "spec", "template", "metadata", "labels").(map[string]any)
			all = append(all, pod{r.String(), labels, at(r, "spec", "template", "spec")})
		case "Pod":
			labels, _ := at(r, "metadata", "labels").(map[string]any)
			all = append(all, pod{r.String(), labels, r["spec"]})
		}
	}
	return all
}

func (p pod) selectedBy(selector any) bool {
	labels, _ := selector.(map[string]any)
	for key, value := range labels {
		if p.labels[key] != value {
			return false
		}
	}
	return len(labels) > 0
}

// ports are the names of the pod's container ports, by number too.
func (p pod) ports() []any {
	var ports []any
	for _, container := range list(p.spec, "containers") {
		for _, port := range list(container, "ports") {
			ports = append(ports, at(port, "name"), at(port, "containerPort"))
		}
	}
	return ports
}
