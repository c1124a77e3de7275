package deadletter_test

import (
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/deadletter"
)

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestHeaderConditions(t *testing.T) {
	t.Parallel()
	letter := deadletter.Letter{Headers: headers("a", "1", "a", "2", "b", "", "kafka_dlt-original-partition", int32Bytes(7))}
	tests := map[string]bool{
		"a": true, "!a": false, "c": false, "!c": true,
		"a=1": true, "a=2": true, "a=3": false, "a!=3": true, "a!=1": false, "c!=1": true, "c=": false, "b=": true,
		"a~^[12]$": true, "a~3": false, "a!~3": true, "a!~2": false,
		"kafka_dlt-original-partition=7": true, "kafka_dlt-original-partition=8": false,
	}
	for text, want := range tests {
		condition, err := deadletter.ParseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		filter := deadletter.Filter{Headers: []deadletter.Condition{condition}}
		if got := filter.Match(letter, deadletter.Failure{}, deadletter.Families); got != want {
			t.Errorf("%s: got %t, want %t", text, got, want)
		}
		if condition.String() != text {
			t.Errorf("%s shows as %s", text, condition)
		}
	}
	for _, text := range []string{"", "=1", "!", "!=1", "a~["} {
		if _, err := deadletter.ParseCondition(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestAFilterHoldsExactlyWhenAllItsPartsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letter, failure := drawLetter(t), drawFailure(t)
		var whole deadletter.Filter
		want := true
		for _, part := range drawParts(t) {
			want = want && part.Match(letter, failure, deadletter.Families)
			whole = join(whole, part)
		}
		if got := whole.Match(letter, failure, deadletter.Families); got != want {
			t.Errorf("%s: got %t, its parts say %t", whole, got, want)
		}
		if !(deadletter.Filter{}).Match(letter, failure, deadletter.Families) {
			t.Error("the empty filter refused a letter")
		}
	})
}

// What a filter refuses, a filter with a further condition refuses, and a condition or its opposite holds.
func TestAFurtherConditionOnlyNarrows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letter, failure := drawLetter(t), drawFailure(t)
		var filter deadletter.Filter
		for _, part := range drawParts(t) {
			filter = join(filter, part)
		}
		chosen := filter.Match(letter, failure, deadletter.Families)
		with := func(text string) bool {
			condition, err := deadletter.ParseCondition(text)
			if err != nil {
				t.Fatal(err)
			}
			further := deadletter.Filter{Headers: []deadletter.Condition{condition}}
			return join(filter, further).Match(letter, failure, deadletter.Families)
		}
		for text, opposite := range map[string]string{"a": "!a", "a=1": "a!=1", "b~[12]": "b!~[12]"} {
			if held, other := with(text), with(opposite); (held || other) != chosen || held && other {
				t.Errorf("%s: chosen %t, and with %s %t, with %s %t", filter, chosen, text, held, opposite, other)
			}
		}
	})
}

func join(a, b deadletter.Filter) deadletter.Filter {
	a.Headers = slices.Concat(a.Headers, b.Headers)
	a.Exceptions = slices.Concat(a.Exceptions, b.Exceptions)
	a.Topics = slices.Concat(a.Topics, b.Topics)
	a.Groups = slices.Concat(a.Groups, b.Groups)
	a.Keys = slices.Concat(a.Keys, b.Keys)
	a.Spans = slices.Concat(a.Spans, b.Spans)
	if b.Message != nil {
		a.Message = b.Message
	}
	if !b.Since.IsZero() {
		a.Since = b.Since
	}
	if !b.Until.IsZero() {
		a.Until = b.Until
	}
	return a
}

func drawLetter(t *rapid.T) deadletter.Letter {
	return deadletter.Letter{
		ID:        deadletter.ID{Partition: rapid.Int32Range(0, 2).Draw(t, "partition"), Offset: rapid.Int64Range(0, 9).Draw(t, "offset")},
		Key:       rapid.SampledFrom([][]byte{nil, {}, []byte("k1"), []byte("k2")}).Draw(t, "key"),
		Headers:   headers(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "header"), rapid.SampledFrom([]string{"1", "2"}).Draw(t, "value")),
		Timestamp: epoch.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "time")) * time.Hour),
	}
}

func drawFailure(t *rapid.T) deadletter.Failure {
	text := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	return deadletter.Failure{
		Topic: text("origin", "", "o1", "o2"), Group: text("group", "", "g1", "g2"), Exception: text("exception", "", "p.E1", "p.E2"),
		Cause: text("cause", "", "p.C1"), Message: text("message", "", "m1", "m2"),
	}
}

// drawParts is at most one filter of each kind.
func drawParts(t *rapid.T) []deadletter.Filter {
	some := func(name string, of ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, 2, rapid.ID[string]).Draw(t, name)
	}
	condition, err := deadletter.ParseCondition(rapid.SampledFrom([]string{"a", "!b", "a=1", "a!=1", "b~2"}).Draw(t, "condition"))
	if err != nil {
		t.Fatal(err)
	}
	hour := func(name string) time.Time {
		return epoch.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, name)) * time.Hour)
	}
	from := rapid.Int64Range(0, 9).Draw(t, "from")
	kinds := []deadletter.Filter{
		{Headers: []deadletter.Condition{condition}},
		{Exceptions: some("exceptions", "E1", "p.E2", "C1")},
		{Message: regexp.MustCompile(rapid.SampledFrom([]string{"m", "1$", ""}).Draw(t, "pattern"))},
		{Topics: some("topics", "o1", "o2")},
		{Groups: some("groups", "g1", "g2")},
		{Keys: some("keys", "k1", "k2", "")},
		{Since: hour("since")},
		{Until: hour("until")},
		{Spans: []deadletter.Span{{Partition: rapid.Int32Range(0, 2).Draw(t, "p"), From: from, To: from + rapid.Int64Range(1, 5).Draw(t, "length")}}},
	}
	return slices.DeleteFunc(kinds, func(deadletter.Filter) bool { return rapid.Bool().Draw(t, "left out") })
}

func TestAFilterShowsAsFlags(t *testing.T) {
	t.Parallel()
	condition, err := deadletter.ParseCondition("tenant!=a b")
	if err != nil {
		t.Fatal(err)
	}
	filter := deadletter.Filter{
		Headers: []deadletter.Condition{condition}, Exceptions: []string{"a.B$C"}, Message: regexp.MustCompile(`no \w+`), Topics: []string{"orders"},
		Groups: []string{"inventory-service"}, Keys: []string{"42", ""}, Since: epoch, Spans: []deadletter.Span{{Partition: 1, From: 5, To: 6}},
	}
	want := `--header="tenant!=a b" --exception="a.B$C" --message="no \\w+" --origin=orders --group=inventory-service --key=42 --key="" --since=2026-03-01T00:00:00Z 1:5`
	if got := filter.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSpansAreShownAsTheyAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]deadletter.Span{
		"3":     {Partition: 3, To: math.MaxInt64},
		"0:7":   {Partition: 0, From: 7, To: 8},
		"0:7-9": {Partition: 0, From: 7, To: 10},
		"0:7-":  {Partition: 0, From: 7, To: math.MaxInt64},
	} {
		got, err := deadletter.ParseSpan(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %+v, shown %s (%v)", text, got, got, err)
		}
	}
	for _, text := range []string{"", "a", "-1", "0:", "0:a", "0:9-7", "0:-", "99999999999", "0:7-8-9", "0:99999999999999999999"} {
		if _, err := deadletter.ParseSpan(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzParseSpan(f *testing.F) {
	f.Add("0:1-2")
	f.Fuzz(func(t *testing.T, text string) {
		span, err := deadletter.ParseSpan(text)
		if err != nil {
			return
		}
		if again, err := deadletter.ParseSpan(span.String()); err != nil || again != span || span.From >= span.To {
			t.Errorf("%q is %+v, shown %s", text, span, span)
		}
	})
}

func TestMoments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"90m":                  epoch.Add(-90 * time.Minute),
		"7d":                   epoch.AddDate(0, 0, -7),
		"2026-02-01":           time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		"2026-02-01T08:00:00Z": time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := deadletter.ParseMoment(text, epoch); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-5m", "d", "2026-13-01"} {
		if _, err := deadletter.ParseMoment(text, epoch); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
