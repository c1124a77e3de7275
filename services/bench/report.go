package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// measurement is what one row of one round gave; what it has not is zero.
type measurement struct {
	rate     float64 // a second
	ratio    float64 // to the row that it is compared with, as that was last
	p50, p99 time.Duration
	cpu      time.Duration // of the processes measured, an order
	memory   int64         // of the largest of them
	behind   time.Duration // from the last answer until all orders were published
}

// results are the measurements of each row, one after the other.
type results map[string][]measurement

// add keeps a measurement, and its ratio to the last one of another row, if it is compared with one.
func (r results) add(row, of string, m measurement) {
	if floor := r[of]; len(floor) > 0 {
		m.ratio = m.rate / floor[len(floor)-1].rate
	}
	r[row] = append(r[row], m)
}

// Rows that others are compared with.
const (
	floorHandler = "bare-handler"
	floorLoop    = "bare-loop"
)

// Report is what a run found: medians over its rounds.
type Report struct {
	CPUs        int    `json:"cpus"`
	Platform    string `json:"platform"`
	Go          string `json:"go"`
	Kafka       string `json:"kafka"`
	Database    string `json:"database"`
	Partitions  int32  `json:"partitions"`
	Records     int    `json:"records"`
	Rounds      int    `json:"rounds"`
	Connections int    `json:"connections"`
	Rows        []Row  `json:"rows"`
}

// Row is a line of the report. A field that does not apply is left out.
type Row struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Rate   float64  `json:"perSecond,omitempty"`
	Of     string   `json:"of,omitempty"`    // the row that it is compared with
	Ratio  float64  `json:"ratio,omitempty"` // to that, measured shortly before
	P50    float64  `json:"p50Ms,omitempty"`
	P99    float64  `json:"p99Ms,omitempty"`
	CPU    float64  `json:"cpuMicrosPerOrder,omitempty"`
	Memory int64    `json:"residentBytes,omitempty"`
	Behind float64  `json:"publishedMsAfterLastAnswer,omitempty"`
	Wanted []string `json:"wanted,omitempty"`
	Missed []string `json:"missed,omitempty"`
}

// want is what a row must reach, whatever the machine.
type want struct {
	ratio    float64
	p50, p99 time.Duration // below
	memory   int64         // at most
}

const (
	wantIdle  = 64 << 20
	wantBusy  = 256 << 20
	wantReady = 40 * time.Millisecond
)

func (b *bench) report() Report {
	c := b.command
	report := Report{
		CPUs: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Kafka: b.cluster.described, Database: b.databases.describe(), Partitions: c.Partitions,
		Records: c.Records, Rounds: c.Rounds, Connections: c.Connections,
	}
	for _, row := range []struct {
		name, title, of string
		want            want
	}{
		{floorHandler, fmt.Sprintf("bare handler, %d connections", c.Connections), "", want{}},
		{rowPost, fmt.Sprintf("durable POST, %d connections", c.Connections), floorHandler, want{ratio: 0.4, p99: wantReady, memory: wantBusy}},
		{floorLoop, "bare loop", "", want{}},
		{rowReserve, fmt.Sprintf("reserve, %s SKUs", thousands(c.SKUs)), floorLoop, want{ratio: 0.5, memory: wantBusy}},
		{rowHot, "reserve, one hot SKU", rowReserve, want{ratio: 0.8, memory: wantBusy}},
		{rowTwo, "reserve, two processes", rowReserve, want{ratio: 0.9, memory: wantBusy}},
		{rowFail, "reserve, 1 % FAIL, the clean ones", rowReserve, want{ratio: 0.95, memory: wantBusy}},
		{rowLatency, fmt.Sprintf("POST to RESERVED, %d/s", c.Rate), "", want{p50: 25 * time.Millisecond, p99: 100 * time.Millisecond, memory: wantBusy}},
		{rowIdle + "-order", "order, idle", "", want{memory: wantIdle}},
		{rowIdle + "-inventory", "inventory, idle", "", want{memory: wantIdle}},
		{rowIdle + "-notification", "notification, idle", "", want{memory: wantIdle}},
	} {
		if measured := b.results[row.name]; len(measured) > 0 {
			report.Rows = append(report.Rows, newRow(row.name, row.title, row.of, measured, row.want))
		}
	}
	return report
}

func newRow(name, title, of string, measured []measurement, w want) Row {
	row := Row{
		Name: name, Title: title,
		Rate:   median(measured, func(m measurement) float64 { return m.rate }),
		P50:    median(measured, func(m measurement) float64 { return millis(m.p50) }),
		P99:    median(measured, func(m measurement) float64 { return millis(m.p99) }),
		CPU:    median(measured, func(m measurement) float64 { return float64(m.cpu) / float64(time.Microsecond) }),
		Behind: median(measured, func(m measurement) float64 { return millis(m.behind) }),
	}
	row.Memory = slices.MaxFunc(measured, func(a, b measurement) int { return cmp.Compare(a.memory, b.memory) }).memory
	compared := slices.DeleteFunc(slices.Clone(measured), func(m measurement) bool { return m.ratio == 0 })
	if len(compared) > 0 {
		row.Of, row.Ratio = of, median(compared, func(m measurement) float64 { return m.ratio })
	}
	row.judge(w)
	return row
}

// judge says what is wanted of the row, and what of that it misses.
func (r *Row) judge(w want) {
	check := func(applies, met bool, format string, args ...any) {
		if !applies {
			return
		}
		text := fmt.Sprintf(format, args...)
		r.Wanted = append(r.Wanted, text)
		if !met {
			r.Missed = append(r.Missed, text)
		}
	}
	check(w.ratio > 0 && r.Of != "", r.Ratio >= w.ratio, "ratio >= %.2f", w.ratio)
	check(w.p50 > 0, r.P50 < millis(w.p50), "p50 < %s", w.p50)
	check(w.p99 > 0, r.P99 < millis(w.p99), "p99 < %s", w.p99)
	check(w.memory > 0 && r.Memory > 0, r.Memory <= w.memory, "<= %d MiB", w.memory>>20)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(measured []measurement, of func(measurement) float64) float64 {
	values := make([]float64, len(measured))
	for i, m := range measured {
		values[i] = of(m)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// WriteJSON writes it for programs.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// WriteTable writes it for people. A wish that was missed is marked with an exclamation mark.
func (r Report) WriteTable(out io.Writer) error {
	fmt.Fprintf(out, "%d CPUs, %s, %s; Kafka: %s, %d partitions; database: %s; %s records; %s\n\n",
		r.CPUs, r.Platform, r.Go, r.Kafka, r.Partitions, r.Database, thousands(r.Records), rounds(r.Rounds))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "row\trate\tratio\tof\tp50\tp99\tCPU/order\tresident\twanted")
	for _, row := range r.Rows {
		fmt.Fprintln(table, strings.Join([]string{
			row.Title,
			blankZero(row.Rate, thousands(int(row.Rate))+"/s"),
			blankZero(row.Ratio, fmt.Sprintf("%.2f", row.Ratio)),
			row.Of,
			blankZero(row.P50, fmt.Sprintf("%.1f ms", row.P50)),
			blankZero(row.P99, fmt.Sprintf("%.1f ms", row.P99)),
			blankZero(row.CPU, fmt.Sprintf("%.1f µs", row.CPU)),
			blankZero(float64(row.Memory), fmt.Sprintf("%d MiB", row.Memory>>20)),
			row.wishes(),
		}, "\t"))
	}
	return table.Flush()
}

func (r Row) wishes() string {
	wishes := slices.Clone(r.Wanted)
	for i, wish := range wishes {
		if slices.Contains(r.Missed, wish) {
			wishes[i] = "!" + wish
		}
	}
	return strings.Join(wishes, ", ")
}

func rounds(n int) string {
	if n == 1 {
		return "one round"
	}
	return fmt.Sprintf("medians of %d rounds", n)
}

func blankZero(value float64, text string) string {
	if value == 0 {
		return ""
	}
	return text
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
