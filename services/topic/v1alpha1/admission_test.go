package v1alpha1_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

func TestAdmissionOfANewResource(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		name, spec string
		refusal    string // part of the sentence; empty: admitted
	}{
		"no spec at all":                       {"orders", ``, ""},
		"everything at its default":            {"orders", `{}`, ""},
		"all kinds of config values":           {"orders", `{config: {retention.ms: 604800000, cleanup.policy: "compact,delete", preallocate: true, min.cleanable.dirty.ratio: 0.5}}`, ""},
		"what no schema can refuse":            {"orders", `{config: {cleanup.policy: [compact, delete], retention.ms: {a: 1}}}`, ""},
		"a name with capitals and underscores": {"orders", `{topicName: "Order_Created.V-1"}`, ""},
		"the longest name":                     {"orders", `{topicName: "` + strings.Repeat("a", 249) + `"}`, ""},
		"a name too long":                      {"orders", `{topicName: "` + strings.Repeat("a", 250) + `"}`, "may not be more than 249"},
		"a resource's name too long":           {strings.Repeat("a", 250), `{}`, "set spec.topicName"},
		"the same with a topicName":            {strings.Repeat("a", 250), `{topicName: orders}`, ""},
		"an illegal character":                 {"orders", `{topicName: "order created"}`, "should match"},
		"a line break at the end":              {"orders", `{topicName: "orders\n"}`, "should match"},
		"an empty name":                        {"orders", `{topicName: ""}`, "at least 1 chars"},
		"one dot":                              {"orders", `{topicName: "."}`, "cannot be named . or .."},
		"two dots":                             {"orders", `{topicName: ".."}`, "cannot be named . or .."},
		"no partitions":                        {"orders", `{partitions: 0}`, "greater than or equal to 1"},
		"ten million partitions":               {"orders", `{partitions: 10000000}`, ""}, // the brokers' business
		"more partitions than an int32 holds":  {"orders", `{partitions: 3000000000}`, "int32"},
		"no replicas":                          {"orders", `{replicas: 0}`, "greater than or equal to 1"},
		"more replicas than Kafka can say":     {"orders", `{replicas: 40000}`, "less than or equal to 32767"},
		"an unknown deletion policy":           {"orders", `{deletionPolicy: Orphan}`, `supported values: "Retain", "Delete"`},
		"an unknown management policy":         {"orders", `{managementPolicy: Ignore}`, `supported values: "Manage", "Observe", "Pause"`},
		"partitions that are text":             {"orders", `{partitions: "12"}`, "must be of type integer"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := kubetest.Client(t).Create(t.Context(), manifest(t, kubetest.Namespace(t), c.name, c.spec))
			check(t, err, c.refusal)
		})
	}
}

func TestAdmissionOfAChangeLooksAtWhatTheTopicHas(t *testing.T) {
	t.Parallel()
	const has12 = `{partitions: 12}`
	cases := map[string]struct {
		specs   []string // one after the other; all but the last are admitted
		status  string
		refusal string
	}{
		"more partitions":                                  {[]string{`{partitions: 12}`, `{partitions: 24}`}, has12, ""},
		"fewer partitions":                                 {[]string{`{partitions: 12}`, `{partitions: 6}`}, has12, "below what the topic has"},
		"fewer by way of unset":                            {[]string{`{partitions: 12}`, `{}`, `{partitions: 6}`}, has12, "below what the topic has"},
		"unset, then what it has":                          {[]string{`{partitions: 12}`, `{}`, `{partitions: 12}`}, has12, ""},
		"set for the first time, below":                    {[]string{`{}`, `{partitions: 6}`}, has12, "below what the topic has"},
		"a number the brokers refused, corrected":          {[]string{`{partitions: 12}`, `{partitions: 10000000}`, `{partitions: 12}`}, has12, ""},
		"corrected to something in between":                {[]string{`{partitions: 12}`, `{partitions: 10000000}`, `{partitions: 18}`}, has12, ""},
		"corrected too far":                                {[]string{`{partitions: 12}`, `{partitions: 10000000}`, `{partitions: 6}`}, has12, "below what the topic has"},
		"fewer, where there is no topic yet":               {[]string{`{partitions: 12}`, `{partitions: 6}`}, "", ""},
		"too few from the start (adopted), otherwise kept": {[]string{`{partitions: 6}`, `{partitions: 6, config: {retention.ms: 1}}`}, has12, ""},
		"the name given":                                   {[]string{`{}`, `{topicName: other}`}, "", "cannot be changed"},
		"the name changed":                                 {[]string{`{topicName: one}`, `{topicName: two}`}, "", "cannot be changed"},
		"the name taken out":                               {[]string{`{topicName: one}`, `{}`}, "", "cannot be changed"},
		"the default name spelt out":                       {[]string{`{}`, `{topicName: orders}`}, "", ""},
		"the default name left out again":                  {[]string{`{topicName: orders}`, `{}`}, "", ""},
		"all the rest":                                     {[]string{`{}`, `{replicas: 3, config: {a: "1"}, deletionPolicy: Delete, managementPolicy: Pause}`}, has12, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, namespace := kubetest.Client(t), kubetest.Namespace(t)
			topic := manifest(t, namespace, "orders", c.specs[0])
			if err := api.Create(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			if c.status != "" {
				topic.Object["status"] = parse(t, c.status)
				if err := api.Status().Update(t.Context(), topic); err != nil {
					t.Fatal(err)
				}
			}
			for i, spec := range c.specs[1:] {
				topic.Object["spec"] = parse(t, spec)
				err := api.Update(t.Context(), topic)
				if last := i == len(c.specs)-2; last {
					check(t, err, c.refusal)
				} else if err != nil {
					t.Fatalf("%s: %v", spec, err)
				}
			}
		})
	}
}

func TestAStatusIsThereBeforeAnyPass(t *testing.T) {
	t.Parallel()
	api, namespace := kubetest.Client(t), kubetest.Namespace(t)
	if err := api.Create(t.Context(), manifest(t, namespace, "orders", `{}`)); err != nil {
		t.Fatal(err)
	}
	var read v1alpha1.KafkaTopic
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "orders"}, &read); err != nil {
		t.Fatal(err)
	}
	if read.Status.ObservedGeneration != -1 || len(read.Status.Conditions) != 1 || read.Status.Conditions[0].Status != "Unknown" {
		t.Errorf("a new resource must read as in progress, at no write: got %+v", read.Status)
	}
	if read.Spec.DeletionPolicy != v1alpha1.Retain || read.Spec.ManagementPolicy != v1alpha1.Manage {
		t.Errorf("defaults: got %+v", read.Spec)
	}
}

func check(t *testing.T, err error, refusal string) {
	t.Helper()
	switch {
	case refusal == "" && err != nil:
		t.Errorf("must be admitted: %v", err)
	case refusal != "" && err == nil:
		t.Errorf("must be refused with %q", refusal)
	case refusal != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), refusal)):
		t.Errorf("must be refused with %q: %v", refusal, err)
	}
}

func manifest(t *testing.T, namespace, name, spec string) *unstructured.Unstructured {
	t.Helper()
	topic := &unstructured.Unstructured{Object: map[string]any{}}
	topic.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))
	topic.SetNamespace(namespace)
	topic.SetName(name)
	if spec != "" {
		topic.Object["spec"] = parse(t, spec)
	}
	return topic
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	encoded, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		var u unstructured.Unstructured
		err = u.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"x","value":` + string(encoded) + `}`))
		object, _ = u.Object["value"].(map[string]any)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}
