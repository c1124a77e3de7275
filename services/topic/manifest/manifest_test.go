package manifest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/manifest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

const ours = "apiVersion: kafka.openorder.io/v1alpha1\nkind: KafkaTopic\n"

func TestAManifestsWishes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want []topic.Desired
	}{
		"the name is the resource's":     {ours + "metadata: {name: orders}", []topic.Desired{{Name: "orders"}}},
		"unless it is said":              {ours + "metadata: {name: o}\nspec: {topicName: Orders_1}", []topic.Desired{{Name: "Orders_1"}}},
		"sizes":                          {ours + "metadata: {name: o}\nspec: {partitions: 3, replicas: 2}", []topic.Desired{{Name: "o", Partitions: 3, Replicas: 2}}},
		"null is unset":                  {ours + "metadata: {name: o}\nspec: {partitions: null, config: null}", []topic.Desired{{Name: "o"}}},
		"values of all kinds":            {ours + "metadata: {name: o}\nspec: {config: {a: 9223372036854775807, b: 1e3, c: 0.5, d: TRUE, e: 'compact,delete'}}", []topic.Desired{{Name: "o", Config: map[string]string{"a": "9223372036854775807", "b": "1000", "c": "0.5", "d": "true", "e": "compact,delete"}}}},
		"several documents":              {"---\n# first\n---\n" + ours + "metadata: {name: a}\n--- # next\n" + ours + "metadata: {name: b}\n...\n---\n", []topic.Desired{{Name: "a"}, {Name: "b"}}},
		"line ends of another system":    {strings.ReplaceAll(ours+"metadata: {name: a}\n---\n"+ours+"metadata: {name: b}\n", "\n", "\r\n"), []topic.Desired{{Name: "a"}, {Name: "b"}}},
		"three hyphens inside a value":   {ours + "metadata:\n  name: a\n  annotations:\n    x: |\n      ---\n      y\n", []topic.Desired{{Name: "a"}}},
		"JSON":                           {`{"apiVersion": "kafka.openorder.io/v1alpha1", "kind": "KafkaTopic", "metadata": {"name": "a"}, "spec": {"config": {"b": 1}}}`, []topic.Desired{{Name: "a", Config: map[string]string{"b": "1"}}}},
		"a list, as kubectl prints it":   {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: kafka.openorder.io/v1alpha1, kind: KafkaTopic, metadata: {name: a}}\n- {apiVersion: kafka.openorder.io/v1alpha1, kind: KafkaTopic, metadata: {name: b}}", []topic.Desired{{Name: "a"}, {Name: "b"}}},
		"what the API server has added":  {ours + "metadata: {name: a, uid: x, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', managedFields: [{manager: kubectl}]}\nstatus: {configKeys: [retention.ms], more: 1}", []topic.Desired{{Name: "a"}}},
		"other resources are passed":     {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n" + ours + "metadata: {name: a}", []topic.Desired{{Name: "a"}}},
		"nothing":                        {"\n# nothing\n", nil},
		"nothing at all":                 {"", nil},
		"Strimzi's topic":                {"apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: a, labels: {strimzi.io/cluster: c}}\nspec: {partitions: 3, replicas: 1, config: {retention.ms: 1, cleanup.policy: [compact, delete], flush.ms: null}}\nstatus: {x: 1}", []topic.Desired{{Name: "a", Partitions: 3, Replicas: 1, Config: map[string]string{"retention.ms": "1", "cleanup.policy": "compact,delete"}}}},
		"Strimzi's topic, newer version": {"apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {name: a}\nspec: {topicName: A}", []topic.Desired{{Name: "A"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := manifest.Parse("topics.yaml", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []topic.Desired
			for _, one := range set.Topics {
				if len(one.Desired.Config) == 0 {
					one.Desired.Config = nil
				}
				got = append(got, one.Desired)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"a field of the spec":     {ours + "metadata: {name: a}\nspec: {partitons: 3}", "topics.yaml, document 1 (line 1): spec.partitons: is not known; known are config, deletionPolicy, managementPolicy, partitions, replicas, topicName"},
		"a field at the top":      {ours + "metadata: {name: a}\nsepc: {}", "topics.yaml, document 1 (line 1): sepc: is not known; known are apiVersion, kind, metadata, spec, status"},
		"a field of the metadata": {ours + "metadata: {name: a, labls: {}}", "topics.yaml, document 1 (line 1): metadata.labls: is not known"},
		"letters of another size": {ours + "metadata: {name: a}\nspec: {Partitions: 3}", "spec.Partitions: is not known"},
		"the second document":     {ours + "metadata: {name: a}\n---\n\n# second\n" + ours + "metadata: {name: b}\nspec: {x: 1}", "topics.yaml, document 2 (line 6): spec.x: is not known"},
		"an item of a list":       {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: kafka.openorder.io/v1alpha1, kind: KafkaTopic, metadata: {name: a}, spec: {x: 1}}", "document 1 (line 1), item 1: spec.x: is not known"},
		"text for a number":       {ours + "metadata: {name: a}\nspec: {partitions: many}", `spec.partitions: must be a whole number up to 2147483647, not "many"`},
		"too large a number":      {ours + "metadata: {name: a}\nspec: {partitions: 9999999999}", "spec.partitions: must be a whole number up to 2147483647, not 9999999999"},
		"half a partition":        {ours + "metadata: {name: a}\nspec: {partitions: 1.5}", "spec.partitions: must be a whole number up to 2147483647, not 1.5"},
		"a list for the spec":     {ours + "metadata: {name: a}\nspec: [1]", "spec: must be an object, not [1]"},
		"a number for a name":     {ours + "metadata: {name: 5}", "metadata.name: must be text, not 5"},
		"no partitions":           {ours + "metadata: {name: a}\nspec: {partitions: 0}", "KafkaTopic a: partitions is 0; a topic has at least 1"},
		"null as a value":         {ours + "metadata: {name: a}\nspec: {config: {x: null}}", "config x is null; write a value, or take the key out"},
		"a list as a value":       {ours + "metadata: {name: a}\nspec: {config: {x: [1]}}", "config x is a list; write a string, with commas between its parts"},
		"an unknown policy":       {ours + "metadata: {name: a}\nspec: {deletionPolicy: Shred}", `deletionPolicy "Shred" is not known`},
		"an illegal name":         {ours + "metadata: {name: a}\nspec: {topicName: a/b}", `has the character '/'`},
		"a topic of the cluster":  {ours + "metadata: {name: a}\nspec: {topicName: __consumer_offsets}", "names that begin with _ are the cluster's own: __consumer_offsets is not touched"},
		"no name":                 {ours + "spec: {}", "metadata.name is missing"},
		"another version":         {"apiVersion: kafka.openorder.io/v9\nkind: KafkaTopic\nmetadata: {name: a}", "kafka.openorder.io/v9 KafkaTopic is not known to this version, which reads kafka.openorder.io/v1alpha1 KafkaTopic"},
		"another kind of ours":    {"apiVersion: kafka.openorder.io/v1alpha1\nkind: KafkaTopc\nmetadata: {name: a}", "kafka.openorder.io/v1alpha1 KafkaTopc is not known"},
		"no resource":             {"a: 1", "is no Kubernetes resource: apiVersion and kind are needed"},
		"no object":               {"just text", "is no Kubernetes resource"},
		"a key twice":             {ours + "metadata: {name: a}\nspec:\n  partitions: 1\n  partitions: 2", `line 6: key "partitions" already set in map`},
		"no YAML":                 {ours + "metadata: {name: a}\n---\n" + ours + "metadata: {name", "topics.yaml, document 2 (line 5): line 7:"},
		"a topic twice":           {ours + "metadata: {name: a}\n---\n" + ours + "metadata: {name: b}\nspec: {topicName: a}", "document 2 (line 5), KafkaTopic b: topic a is declared twice, first in topics.yaml, document 1 (line 1), KafkaTopic a"},
		"Strimzi's unknown field": {"apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {name: a}\nspec: {affinity: {}}", "spec.affinity: is not known; known are config, partitions, replicas, topicName"},
		"Strimzi's old version":   {"apiVersion: kafka.strimzi.io/v1alpha1\nkind: KafkaTopic\nmetadata: {name: a}", "kafka.strimzi.io/v1alpha1 is not known to this version, which reads Strimzi's KafkaTopic as v1 and v1beta2"},
		"Strimzi's nested list":   {"apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {name: a}\nspec: {config: {x: [[1]]}}", "spec.config.x[0] is a list"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := manifest.Parse("topics.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("one mistake, several lines: %v", err)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := manifest.Parse("f", []byte(ours+"metadata: {name: a}\nspec: {x: 1, partitions: no}\n---\n"+ours+"metadata: {name: b}\nspec: {y: 1}"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three mistakes", err)
	}
}

func TestWhatStrimziMeansOtherwiseIsSaid(t *testing.T) {
	t.Parallel()
	set, err := manifest.Parse("f", []byte("apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: a, annotations: {strimzi.io/managed: 'false'}}\nspec: {config: {cleanup.policy: [compact], flush.ms: null}}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Topics[0].Resource; got.Policy() != v1alpha1.Pause || got.Spec.DeletionPolicy != v1alpha1.Retain {
		t.Errorf("got %+v", got.Spec)
	}
	want := []string{
		`f, document 1 (line 1), KafkaTopic a: the list of config cleanup.policy becomes "compact"`,
		"f, document 1 (line 1), KafkaTopic a: config flush.ms, which is null, is left out",
		"f, document 1 (line 1), KafkaTopic a: annotation strimzi.io/managed=false becomes managementPolicy Pause",
	}
	if diff := cmp.Diff(want, set.Notes); diff != "" || set.Translated != 1 {
		t.Errorf("%d translated (-want +got)\n%s", set.Translated, diff)
	}
}

func TestWhatStrimziLeavesAloneIsPaused(t *testing.T) {
	t.Parallel()
	for _, annotation := range []string{"strimzi.io/managed: 'false'", "strimzi.io/pause-reconciliation: 'true'"} {
		set, err := manifest.Parse("f", []byte("apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {name: a, annotations: {"+annotation+"}}"))
		if err != nil || set.Topics[0].Resource.Policy() != v1alpha1.Pause {
			t.Errorf("%s: %+v, %v", annotation, set.Topics, err)
		}
	}
}

func TestFilesFoldersAndStandardInputAreReadTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, topic := range map[string]string{"a.yaml": "a", "b.yml": "b", "c.json": "c", "d.txt": "d"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(ours+"metadata: {name: "+topic+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := manifest.Read([]string{dir, manifest.Stdin}, strings.NewReader(ours+"metadata: {name: e}"))
	var got []string
	for _, one := range set.Topics {
		got = append(got, one.Desired.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "e"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	twice := []string{dir, filepath.Join(dir, "a.yaml")}
	if _, err := manifest.Read(twice, nil); err == nil || !strings.Contains(err.Error(), "declared twice") {
		t.Errorf("a topic of two files: %v", err)
	}
	if _, err := manifest.Read([]string{filepath.Join(dir, "none.yaml")}, nil); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("no such file: %v", err)
	}
	if _, err := manifest.Read([]string{t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "there is no KafkaTopic in") {
		t.Errorf("an empty folder: %v", err)
	}
}
