package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRowIsTheMedianOfItsMeasurementsAndItsRatioThatOfTheirRatios(t *testing.T) {
	t.Parallel()
	found := results{}
	for _, round := range []struct{ floor, row measurement }{
		{measurement{rate: 100}, measurement{rate: 50, memory: 3 << 20}},
		{measurement{rate: 125}, measurement{rate: 100, memory: 9 << 20}},
		{measurement{rate: 100}, measurement{rate: 30, memory: 1 << 20}},
	} {
		found.add("bare-loop", "", round.floor)
		found.add("reserve", "bare-loop", round.row)
	}
	found.add("reserve", "", measurement{rate: 40}) // measured for another's sake: compared with nothing
	row := newRow("reserve", "reserve", "bare-loop",
		found["reserve"], want{ratio: 0.5, memory: 8 << 20})
	if row.Rate != 45 || row.Ratio != 0.5 || row.Memory != 9<<20 {
		t.Errorf("rate %v, ratio %v, memory %d; want 45, 0.5 and the largest, 9 MiB", row.Rate, row.Ratio, row.Memory)
	}
	if diff := cmp.Diff([]string{"<= 8 MiB"}, row.Missed); diff != "" {
		t.Error(diff)
	}
}

func TestJudgement(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		measured measurement
		want     want
		missed   []string
	}{
		"all met":                  {measurement{ratio: 0.9, p50: 24 * ms, p99: 99 * ms, memory: 256 << 20}, want{ratio: 0.9, p50: 25 * ms, p99: 100 * ms, memory: 256 << 20}, nil},
		"too slow":                 {measurement{ratio: 0.89}, want{ratio: 0.9}, []string{"ratio >= 0.90"}},
		"median as long as wanted": {measurement{p50: 25 * ms}, want{p50: 25 * ms}, []string{"p50 < 25ms"}},
		"too long a tail":          {measurement{p99: 101 * ms}, want{p99: 100 * ms}, []string{"p99 < 100ms"}},
		"memory unknown":           {measurement{}, want{memory: 64 << 20}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := newRow("row", "row", "floor", []measurement{test.measured}, test.want)
			if diff := cmp.Diff(test.missed, row.Missed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReportForPeopleAndForPrograms(t *testing.T) {
	t.Parallel()
	report := Report{CPUs: 2, Platform: "linux/amd64", Go: "go1.26", Kafka: "embedded", Database: "SQLite", Partitions: 12, Records: 300_000, Rounds: 3}
	report.Rows = []Row{
		newRow(floorHandler, "bare handler", "", []measurement{{rate: 25_000, p50: 4 * time.Millisecond, cpu: 25 * time.Microsecond}}, want{}),
		newRow(rowPost, "durable POST", floorHandler, []measurement{{rate: 9_000, ratio: 0.36, p99: 50 * time.Millisecond, memory: 60 << 20}},
			want{ratio: 0.4, p99: 40 * time.Millisecond, memory: 256 << 20}),
	}
	var table, text strings.Builder
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	want := `2 CPUs, linux/amd64, go1.26; Kafka: embedded, 12 partitions; database: SQLite; 300,000 records; medians of 3 rounds

row           rate      ratio  of            p50     p99      CPU/order  resident  wanted
bare handler  25,000/s                       4.0 ms           25.0 µs              
durable POST  9,000/s   0.36   bare-handler          50.0 ms             60 MiB    !ratio >= 0.40, !p99 < 40ms, <= 256 MiB
`
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Error(diff)
	}
	if err := report.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal([]byte(text.String()), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, read); diff != "" {
		t.Error(diff)
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}

func TestRateIsFromTheFirstSampleToTheLast(t *testing.T) {
	t.Parallel()
	start := time.Unix(0, 0)
	grown := progress{{start, 1_000}, {start.Add(time.Second), 3_000}, {start.Add(3 * time.Second), 10_000}}
	if got := grown.rate(); got != 3_000 {
		t.Errorf("%v/s, want 3,000", got)
	}
	if got := grown.since(start.Add(time.Second)).rate(); got != 3_500 {
		t.Errorf("%v/s since the second sample, want 3,500", got)
	}
	if got := grown.since(start.Add(time.Hour)).rate(); got != 0 {
		t.Errorf("%v/s since after the end, want 0", got)
	}
}
