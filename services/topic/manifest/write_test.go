package manifest_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/manifest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

var (
	names  = rapid.StringMatching(`[a-zA-Z0-9.-][a-zA-Z0-9._-]{0,8}`).Filter(func(name string) bool { return topic.CheckName(name) == nil })
	keys   = rapid.SampledFrom([]string{"retention.ms", "preallocate", "min.cleanable.dirty.ratio", "compression.type"})
	values = rapid.OneOf(
		rapid.SampledFrom([]string{"", "true", "yes", "null", "~", "0x10", "010", "1e3", "0.5", "-1", "9223372036854775807", "compact,delete", "2026-01-01", "a: b", "- a", "# a", "---", "a\n---\nb"}),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.StringMatching(`[ -~\n\t]*`),
	)
)

func topics(t *rapid.T) []topic.Topic {
	var drawn []topic.Topic
	for _, name := range rapid.SliceOfNDistinct(names, 1, 12, rapid.ID).Draw(t, "names") {
		one := topic.Topic{Name: name, Partitions: rapid.Int32Range(1, 99).Draw(t, "partitions"), Replicas: rapid.Int32Range(1, 5).Draw(t, "replicas"), Config: map[string]topic.Value{}}
		for key, text := range rapid.MapOf(keys, values).Draw(t, "config") {
			one.Config[key] = topic.Value{Text: text, Own: rapid.Bool().Draw(t, "own")}
		}
		one.Config["cleanup.policy"] = topic.Value{Text: rapid.SampledFrom([]string{"delete", "compact", "compact,delete"}).Draw(t, "policy"), Own: rapid.Bool().Draw(t, "own")}
		drawn = append(drawn, one)
	}
	return drawn
}

// What is exported and read again asks for nothing that is not there already.
func TestAnExportDiffersInNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		have := topics(t)
		var stream bytes.Buffer
		if err := manifest.Write(&stream, manifest.FromTopics(have, "kafka")); err != nil {
			t.Fatal(err)
		}
		set, err := manifest.Parse("export", stream.Bytes())
		if err != nil || len(set.Topics) != len(have) || len(set.Notes) > 0 {
			t.Fatalf("%d of %d topics read again, %v, %v\n%s", len(set.Topics), len(have), set.Notes, err, &stream)
		}
		for _, read := range set.Topics {
			i := slices.IndexFunc(have, func(h topic.Topic) bool { return h.Name == read.Desired.Name })
			if plan := topic.Diff(read.Desired, &have[i], topic.Ability{}); !plan.Empty() {
				t.Errorf("%s\n%s\n%s", read.Desired.Name, strings.Join(plan.Lines(), "\n"), &stream)
			}
			if read.Resource.Spec.DeletionPolicy != v1alpha1.Retain || read.Resource.Namespace != "kafka" {
				t.Errorf("got %+v", read.Resource)
			}
			for key, value := range have[i].Config {
				if _, written := read.Resource.Spec.Config[key]; written != value.Own {
					t.Errorf("%s: own %v, written %v", key, value.Own, written)
				}
			}
		}
	})
}

func TestResourceNamesAreOnesThatKubernetesTakesAndEachIsOneTopics(t *testing.T) {
	t.Parallel()
	long := rapid.Map(names, func(name string) string { return strings.Repeat(name, 249/len(name)) })
	rapid.Check(t, func(t *rapid.T) {
		var have []topic.Topic
		for _, name := range rapid.SliceOfNDistinct(rapid.OneOf(names, long), 1, 20, rapid.ID).Draw(t, "names") {
			have = append(have, topic.Topic{Name: name, Partitions: 1, Replicas: 1})
		}
		taken := map[string]string{}
		for _, resource := range manifest.FromTopics(have, "") {
			if wrong := validation.IsDNS1123Subdomain(resource.Name); len(wrong) > 0 {
				t.Errorf("%q for %q: %v", resource.Name, resource.Spec.TopicName, wrong)
			}
			if other, twice := taken[resource.Name]; twice {
				t.Errorf("%q stands for %q and %q", resource.Name, other, resource.Spec.TopicName)
			}
			taken[resource.Name] = resource.Spec.TopicName
		}
	})
}

func TestResourceNamesAreNearTheirTopics(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"order.created.DLT": "order.created.dlt", "orders_by_day": "orders-by-day", "orders": "orders", "Orders": "orders-e87b30a62af9f12c", ".a..b.": "a.b", "-x-": "x",
		"...": "topic-f7d93e17ec4b1219",
	}
	var have []topic.Topic
	for name := range want {
		have = append(have, topic.Topic{Name: name})
	}
	got := map[string]string{}
	for _, resource := range manifest.FromTopics(have, "") {
		got[resource.Spec.TopicName] = resource.Name
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestThrottlesOfAReassignmentAreNotWritten(t *testing.T) {
	t.Parallel()
	own := func(text string) topic.Value { return topic.Value{Text: text, Own: true} }
	resources := manifest.FromTopics([]topic.Topic{{Name: "a", Config: map[string]topic.Value{"leader.replication.throttled.replicas": own("0:1"), "follower.replication.throttled.replicas": own("*"), "retention.ms": own("1")}}}, "")
	if got := resources[0].Spec.Config; len(got) != 1 || got["retention.ms"].JSON != "1" {
		t.Errorf("got %v", got)
	}
}

// Whatever the bytes are, reading ends; and what was read can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(ours + "metadata: {name: a}\nspec: {partitions: 3, config: {retention.ms: 1e3}}\n---\n" + ours + "metadata: {name: b}"))
	f.Add([]byte("apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {name: a}\nspec: {config: {cleanup.policy: [compact, delete], x: null}}"))
	f.Add([]byte(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"kafka.openorder.io/v1alpha1","kind":"KafkaTopic"},1,null]}`))
	f.Add([]byte("--- &a [*a]\n...\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := manifest.Parse("f", text)
		if err != nil {
			return
		}
		var resources []v1alpha1.KafkaTopic
		for _, one := range set.Topics {
			resources = append(resources, one.Resource)
		}
		var stream bytes.Buffer
		if err := manifest.Write(&stream, resources); err != nil {
			t.Fatal(err)
		}
		again, err := manifest.Parse("again", stream.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, &stream)
		}
		for i, one := range again.Topics {
			if diff := cmp.Diff(set.Topics[i].Desired, one.Desired); diff != "" {
				t.Errorf("(-first +again)\n%s", diff)
			}
		}
	})
}
