package topic_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/topic"
)

func TestThePlanFromWhatIsThereToWhatIsDesired(t *testing.T) {
	t.Parallel()
	own := func(text string) topic.Value { return topic.Value{Text: text, Own: true} }
	inherited := func(text string) topic.Value { return topic.Value{Text: text} }
	three := &topic.Topic{Name: "orders", Partitions: 3, Replicas: 2}
	with := func(config map[string]topic.Value) *topic.Topic {
		return &topic.Topic{Name: "orders", Partitions: 3, Replicas: 2, Config: config}
	}
	wants := func(config map[string]string, enforced ...string) topic.Desired {
		return topic.Desired{Name: "orders", Config: config, Enforced: enforced}
	}
	cases := map[string]struct {
		desired topic.Desired
		have    *topic.Topic
		can     topic.Ability
		plan    topic.Plan
	}{
		"nothing there":            {topic.Desired{Name: "orders"}, nil, topic.Ability{}, topic.Plan{Create: &topic.Desired{Name: "orders"}}},
		"nothing asked for":        {topic.Desired{Name: "orders"}, three, topic.Ability{}, topic.Plan{}},
		"as it is":                 {topic.Desired{Name: "orders", Partitions: 3, Replicas: 2}, three, topic.Ability{}, topic.Plan{}},
		"more partitions":          {topic.Desired{Name: "orders", Partitions: 6}, three, topic.Ability{}, topic.Plan{Partitions: 6}},
		"replicas where it can":    {topic.Desired{Name: "orders", Replicas: 3}, three, topic.Ability{Replicas: true}, topic.Plan{Replicas: 3}},
		"a key to set":             {wants(map[string]string{"retention.ms": "1"}), with(map[string]topic.Value{"retention.ms": inherited("2")}), topic.Ability{}, topic.Plan{Config: []topic.Change{{Key: "retention.ms", Old: "2", New: "1"}}}},
		"a key at its default":     {wants(map[string]string{"retention.ms": "1"}), with(map[string]topic.Value{"retention.ms": inherited("1")}), topic.Ability{}, topic.Plan{}},
		"a key nobody describes":   {wants(map[string]string{"flush.messages": "1"}), three, topic.Ability{}, topic.Plan{Config: []topic.Change{{Key: "flush.messages", New: "1"}}}},
		"a key without effect":     {wants(map[string]string{"flush.messages": "1"}), three, topic.Ability{Ineffective: func(key, _ string) bool { return key == "flush.messages" }}, topic.Plan{}},
		"a key taken out":          {wants(nil, "retention.ms"), with(map[string]topic.Value{"retention.ms": own("2")}), topic.Ability{}, topic.Plan{Config: []topic.Change{{Key: "retention.ms", Old: "2", Reset: true}}}},
		"a key taken out, reset":   {wants(nil, "retention.ms"), with(map[string]topic.Value{"retention.ms": inherited("2")}), topic.Ability{}, topic.Plan{}},
		"one whose reset may hide": {wants(nil, "retention.ms"), with(map[string]topic.Value{"retention.ms": inherited("2")}), topic.Ability{HidesOwn: true}, topic.Plan{Config: []topic.Change{{Key: "retention.ms", Old: "2", Reset: true}}}},
		"a key never enforced":     {wants(nil), with(map[string]topic.Value{"retention.ms": own("2")}), topic.Ability{}, topic.Plan{}},
		"the same in other words":  {wants(map[string]string{"cleanup.policy": "delete,compact", "retention.ms": "1e3", "preallocate": "TRUE"}), with(map[string]topic.Value{"cleanup.policy": own("compact,delete"), "retention.ms": own("1000"), "preallocate": own("true")}), topic.Ability{}, topic.Plan{}},
		"several keys, in order":   {wants(map[string]string{"b": "1", "a": "2"}, "c"), with(map[string]topic.Value{"c": own("3")}), topic.Ability{}, topic.Plan{Config: []topic.Change{{Key: "a", New: "2"}, {Key: "b", New: "1"}, {Key: "c", Old: "3", Reset: true}}}},
		"far too many partitions":  {topic.Desired{Name: "orders", Partitions: 10_000_000}, three, topic.Ability{}, topic.Plan{Refused: []string{"the topic has 3 partitions and the resource asks for 10000000: at most 10000 are added at once, for more have stopped whole clusters; lower partitions"}}},
		"fewer partitions":         {topic.Desired{Name: "orders", Partitions: 1}, three, topic.Ability{}, topic.Plan{Refused: []string{"the topic has 3 partitions and the resource asks for 1: Kafka cannot take partitions away; set partitions to 3 or more, or leave it out"}}},
		"replicas where it cannot": {topic.Desired{Name: "orders", Replicas: 3}, three, topic.Ability{}, topic.Plan{Refused: []string{"the topic has 2 replicas and the resource asks for 3: reassign its partitions (kafka-reassign-partitions), or set replicas to 2, or leave it out"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.plan.Name = "orders"
			got := topic.Diff(c.desired, c.have, c.can)
			if diff := cmp.Diff(c.plan, got, cmpopts.IgnoreUnexported(topic.Plan{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestValuesAreComparedByMeaning(t *testing.T) {
	t.Parallel()
	cases := []struct {
		key, a, b string
		same      bool
	}{
		{"retention.ms", "1000", "1e3", true},
		{"retention.ms", "1000", "1000.0", true},
		{"retention.ms", "-1", "-1.0", true},
		{"retention.ms", "9223372036854775807", "9223372036854775806", false},
		{"retention.ms", "1000", "", false},
		{"min.cleanable.dirty.ratio", "0.5", ".50", true},
		{"min.cleanable.dirty.ratio", "5e-1", "0.5", true},
		{"preallocate", "TRUE", "true", true},
		{"preallocate", "true", "false", false},
		{"cleanup.policy", "delete,compact", "compact, delete", true},
		{"cleanup.policy", "compact", "compact,delete", false},
		{"message.timestamp.type", "CreateTime", "createtime", false},
		{"unknown.list", "b,a", "a,b", false},
		{"unknown", "1e999999999", "1e999999998", false},
		{"unknown", "0x10", "16", false},
		{"unknown", "1/2", "0.5", false},
	}
	for _, c := range cases {
		if got := topic.SameValue(c.key, c.a, c.b); got != c.same {
			t.Errorf("SameValue(%s, %q, %q) = %v", c.key, c.a, c.b, got)
		}
		if topic.SameValue(c.key, c.a, c.b) != topic.SameValue(c.key, c.b, c.a) {
			t.Errorf("SameValue(%s, %q, %q) depends on the order", c.key, c.a, c.b)
		}
	}
}

func TestTheFormThatBrokersTake(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"1e3": "1000", "604800000": "604800000", "6.048e8": "604800000", "-1": "-1", "TRUE": "true", "False": "false",
		"0.50": "0.5", "1.0": "1", "compact,delete": "compact,delete", "": "", "gzip": "gzip", "1e99": "1e99",
	} {
		if got := topic.Canonical(given); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestWhatTakesRecordsAwayIsDestructive(t *testing.T) {
	t.Parallel()
	cases := map[topic.Change]bool{
		{Key: "retention.ms", Old: "1000", New: "10"}:                       true,
		{Key: "retention.ms", Old: "1000", New: "10000"}:                    false,
		{Key: "retention.ms", Old: "-1", New: "10000"}:                      true,
		{Key: "retention.ms", Old: "1000", New: "-1"}:                       false,
		{Key: "retention.bytes", Old: "1000", Reset: true}:                  true,
		{Key: "cleanup.policy", Old: "compact", New: "delete"}:              true,
		{Key: "cleanup.policy", Old: "delete", New: "compact"}:              true,
		{Key: "cleanup.policy", Old: "delete", New: "delete"}:               false,
		{Key: "max.message.bytes", Old: "1000", New: "10"}:                  false,
		{Key: "min.insync.replicas", Old: "2", New: "1"}:                    false,
		{Key: "delete.retention.ms", Old: "86400000", New: "1"}:             true,
		{Key: "cleanup.policy", Old: "compact,delete", New: "compact"}:      true,
		{Key: "cleanup.policy", Old: "compact", New: "compact,delete"}:      true,
		{Key: "message.timestamp.type", Old: "CreateTime", New: "whatever"}: false,
	}
	for change, want := range cases {
		if got := change.Destructive(); got != want {
			t.Errorf("%v: destructive %v", change, got)
		}
	}
}

// Applying a plan and planning again gives nothing, but for what was refused.
func TestAPlanConverges(t *testing.T) {
	t.Parallel()
	keys := []string{"retention.ms", "cleanup.policy", "preallocate", "min.cleanable.dirty.ratio", "x"}
	values := rapid.OneOf(
		rapid.SampledFrom([]string{"delete", "compact", "compact,delete", "delete, compact", "TRUE", "false", "1e3", "0.5", "-1", ""}),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.Float64(), func(f float64) string { return fmt.Sprint(f) }),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		desired := topic.Desired{
			Name:       "orders",
			Partitions: rapid.Int32Range(0, 9).Draw(t, "partitions"),
			Replicas:   rapid.Int32Range(0, 3).Draw(t, "replicas"),
			Config:     rapid.MapOf(rapid.SampledFrom(keys), values).Draw(t, "config"),
			Enforced:   rapid.SliceOfDistinct(rapid.SampledFrom(keys), rapid.ID).Draw(t, "enforced"),
		}
		var have *topic.Topic
		if rapid.Bool().Draw(t, "exists") {
			have = &topic.Topic{Name: "orders", Partitions: rapid.Int32Range(1, 9).Draw(t, "has partitions"), Replicas: rapid.Int32Range(1, 3).Draw(t, "has replicas"), Config: map[string]topic.Value{}}
			for key, text := range rapid.MapOf(rapid.SampledFrom(keys), values).Draw(t, "has config") {
				have.Config[key] = topic.Value{Text: text, Own: rapid.Bool().Draw(t, key)}
			}
		}
		can := topic.Ability{Replicas: rapid.Bool().Draw(t, "can set replicas")}
		plan := topic.Diff(desired, have, can)
		after := plan.Apply()
		again := topic.Diff(desired, &after, can)
		if again.Steps() || !slices.Equal(plan.Refused, again.Refused) {
			t.Fatalf("not settled after %+v: %+v", plan, again)
		}
		if have != nil && after.Partitions < have.Partitions {
			t.Fatalf("took partitions away: %+v", plan)
		}
		for _, change := range plan.Config {
			if _, named := desired.Config[change.Key]; !named && !slices.Contains(desired.Enforced, change.Key) {
				t.Fatalf("touched %s, which is neither named nor enforced", change.Key)
			}
		}
	})
}

func FuzzSameValue(f *testing.F) {
	f.Add("cleanup.policy", "delete,compact")
	f.Add("retention.ms", "1e3")
	f.Add("x", "-.5E-7")
	f.Fuzz(func(t *testing.T, key, text string) {
		canonical := topic.Canonical(text)
		if !topic.SameValue(key, text, canonical) && len(canonical) <= 64 {
			t.Errorf("%q and its canonical form %q differ", text, canonical)
		}
		if topic.Canonical(canonical) != canonical && len(canonical) <= 64 {
			t.Errorf("canonical form of %q is not stable: %q, %q", text, canonical, topic.Canonical(canonical))
		}
	})
}
