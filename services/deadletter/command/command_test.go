package command_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter/command"
	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/terminal"
	"github.com/openorder/openorder/services/internal/testenv"
)

// operator is someone at a terminal, or a script.
type operator struct {
	t        *testing.T
	brokers  kafka.Config
	terminal bool
	answer   string
}

type result struct {
	out, err string
	code     int
}

func (o operator) runs(args ...string) result {
	o.t.Helper()
	var out, errs bytes.Buffer
	code := func() int {
		dlt := command.Command(terminal.IO{In: strings.NewReader(o.answer), Out: &out, Err: &errs, Person: o.terminal})
		dlt.SetArgs(append(args, "--kafka-brokers="+o.brokers.Brokers))
		err := dlt.ExecuteContext(o.t.Context())
		if err != nil {
			fmt.Fprintln(&errs, err)
		}
		return cli.ExitCode(err)
	}()
	return result{out.String(), errs.String(), code}
}

func (r result) want(t *testing.T, code int, parts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	for _, part := range parts {
		if !strings.Contains(r.out+r.err, part) {
			t.Errorf("nothing says %q:\n%s%s", part, r.out, r.err)
		}
	}
}

var died = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// letter is the pipeline's own.
func letter(n int, class, message string) *kgo.Record {
	return &kgo.Record{
		Topic: event.TopicDeadLetter, Key: fmt.Append(nil, n), Value: fmt.Appendf(nil, `{"orderId":%d,"items":[]}`, n), Timestamp: died.Add(time.Duration(n) * time.Minute),
		Headers: []kgo.RecordHeader{
			{Key: "ce_id", Value: fmt.Append(nil, "event-", n)},
			{Key: kafka.HeaderOriginalTopic, Value: []byte(event.TopicOrderCreated)},
			{Key: kafka.HeaderOriginalPartition, Value: binary.BigEndian.AppendUint32(nil, 0)},
			{Key: kafka.HeaderOriginalOffset, Value: binary.BigEndian.AppendUint64(nil, uint64(n))},
			{Key: kafka.HeaderOriginalGroup, Value: []byte(event.GroupInventory)},
			{Key: kafka.HeaderExceptionClass, Value: []byte(class)},
			{Key: kafka.HeaderExceptionMessage, Value: []byte(message)},
		},
	}
}

func letters(count int) []*kgo.Record {
	var all []*kgo.Record
	for n := range count {
		all = append(all, letter(n, "openorder.fail-sku", fmt.Sprintf("order %d: fails on purpose", n)))
	}
	return all
}

// setup is the pipeline's topics, and letters in order.
func setup(t *testing.T, letters ...*kgo.Record) operator {
	t.Helper()
	_, brokers := testenv.FakeKafka(t)
	testenv.Topics(t, brokers, 1)
	o := operator{t: t, brokers: brokers}
	o.bury(letters...)
	return o
}

func (o operator) bury(letters ...*kgo.Record) {
	o.t.Helper()
	client, err := kgo.NewClient(o.brokers.Options("test", slog.New(slog.DiscardHandler))...)
	if err != nil {
		o.t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(o.t.Context(), letters...).FirstErr(); err != nil {
		o.t.Fatal(err)
	}
}

func (o operator) redriven() int {
	o.t.Helper()
	ends, err := testenv.Admin(o.t, o.brokers).ListCommittedOffsets(o.t.Context(), event.TopicOrderCreated)
	if err != nil {
		o.t.Fatal(err)
	}
	end, _ := ends.Lookup(event.TopicOrderCreated, 0)
	return int(end.Offset)
}

func TestTheDefaultTopicIsThePipelines(t *testing.T) {
	t.Parallel()
	setup(t, letters(1)...).runs("list").want(t, 0, event.TopicDeadLetter+": 1 letter,")
}

func TestListGroupsByError(t *testing.T) {
	t.Parallel()
	o := setup(t, append(letters(3), letter(9, "openorder.undecodable", "unexpected end of JSON input"))...)
	o.runs("redrive", "0:1").want(t, 0, "redriven 1 letter of order.created.DLT to order.created")

	got := o.runs("list")
	got.want(t, 0)
	want := `order.created.DLT: 4 letters, 1 of them redriven already
LETTERS  REDRIVEN  FIRST                 LAST                  FROM           GROUP              SAMPLE  ERROR
3        1         2026-03-01T08:00:00Z  2026-03-01T08:02:00Z  order.created  inventory-service  0:2     openorder.fail-sku: order #: fails on purpose
1        0         2026-03-01T08:09:00Z  2026-03-01T08:09:00Z  order.created  inventory-service  0:3     openorder.undecodable: unexpected end of JSON input
`
	if diff := cmp.Diff(want, got.out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	var group map[string]any
	line, _, _ := strings.Cut(o.runs("list", "--json").out, "\n")
	if err := json.Unmarshal([]byte(line), &group); err != nil {
		t.Fatal(err)
	}
	if group["letters"] != 3.0 || group["redriven"] != 1.0 || group["exception"] != "openorder.fail-sku" || group["sample"] != "0:2" {
		t.Errorf("as JSON: %s", line)
	}
}

func TestListShowsSingleLetters(t *testing.T) {
	t.Parallel()
	o := setup(t, letters(3)...)
	o.runs("redrive", "0:1").want(t, 0)
	got := o.runs("list", "--letters", "--not-redriven")
	want := `0:0  2026-03-01T08:00:00Z  order.created 0:0  key "0"  openorder.fail-sku: order 0: fails on purpose
0:2  2026-03-01T08:02:00Z  order.created 0:2  key "2"  openorder.fail-sku: order 2: fails on purpose
`
	if diff := cmp.Diff(want, got.out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShowTellsAllOfALetter(t *testing.T) {
	t.Parallel()
	o := setup(t, letters(2)...)
	o.runs("redrive", "0:1", "--by=alice").want(t, 0)
	got := o.runs("show", "0:1")
	got.want(t, 0, "by alice to order.created 0:0", "kafka_dlt-original-offset = 1\n", "order 1: fails on purpose", "\n  \"orderId\": 1,\n")

	var view struct {
		Key    string
		Value  string
		Trail  []map[string]any
		Origin struct{ Offset int64 }
	}
	if err := json.Unmarshal([]byte(o.runs("show", "0:1", "--json").out), &view); err != nil {
		t.Fatal(err)
	}
	if view.Key != "1" || view.Value != `{"orderId":1,"items":[]}` || len(view.Trail) != 1 || view.Origin.Offset != 1 {
		t.Errorf("as JSON: %+v", view)
	}
	o.runs("show", "0:7").want(t, 1, "no such letter")
	o.runs("show").want(t, cli.ExitUsage, "say which")
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	t.Parallel()
	evil := "\x1b]0;owned\x07\x1b[2J\u009b31m\u202egnp.exe\x7f\r\x00"
	hostile := letter(0, evil, evil)
	hostile.Key, hostile.Value = []byte(evil), []byte(`{"a":"`+"\u009b\u202e"+`"}`)
	hostile.Headers = append(hostile.Headers, kgo.RecordHeader{Key: evil, Value: []byte(evil)}, kgo.RecordHeader{Key: "broken", Value: []byte("\xff\xfe\x1b")})
	hostile.Headers[1].Value = []byte(evil) // where from
	binaryValue := letter(1, "a.B", "no")
	binaryValue.Value = []byte(evil)
	o := setup(t, hostile, binaryValue)
	for _, args := range [][]string{
		{"list"}, {"list", "--json"}, {"list", "--letters"}, {"list", "--letters", "--json"},
		{"show", "0"}, {"show", "0", "--json"}, {"redrive", "--dry-run"}, {"redrive", "--dry-run", "--json"}, {"list", "--topic=" + evil},
	} {
		got := o.runs(args...)
		for _, r := range got.out + got.err {
			if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e' {
				t.Errorf("%q lets %U through:\n%q", args, r, got.out+got.err)
				break
			}
		}
	}
}

func TestMoreThanAHandfulIsConfirmed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		letters  int
		terminal bool
		answer   string
		args     []string
		code     int
		redriven int
	}{
		"a handful needs no answer":   {letters: 10, redriven: 10},
		"more, and nobody is there":   {letters: 11, code: command.ExitDeclined},
		"more, and --yes":             {letters: 11, args: []string{"--yes"}, redriven: 11},
		"more, and yes":               {letters: 11, terminal: true, answer: "y\n", redriven: 11},
		"more, and no":                {letters: 11, terminal: true, answer: "n\n", code: command.ExitDeclined},
		"more, and no answer":         {letters: 11, terminal: true, code: command.ExitDeclined},
		"more, but at most a handful": {letters: 11, args: []string{"--max=3"}, redriven: 3},
		"a dry run needs none":        {letters: 11, args: []string{"--dry-run"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t, letters(test.letters)...)
			o.terminal, o.answer = test.terminal, test.answer
			o.runs(append([]string{"redrive"}, test.args...)...).want(t, test.code)
			if got := o.redriven(); test.redriven == 0 && got != 0 || test.redriven > 0 && got < test.redriven {
				t.Errorf("%d letters are redriven, want %d", got, test.redriven)
			}
		})
	}
}

func TestWhatIsLeftOutIsSaidAndTheExitCodeTells(t *testing.T) {
	t.Parallel()
	cut := letter(1, "a.B", "no")
	cut.Headers = append(cut.Headers, kgo.RecordHeader{Key: kafka.HeaderTruncated, Value: []byte("stacktrace,value")})
	o := setup(t, letter(0, "a.B", "no"), cut)
	o.runs("redrive").want(t, command.ExitIncomplete, "redriven 1 letter", "left out 1 letter, cut", "0:1")
	o.runs("redrive", "--truncated").want(t, 0, "redriven 1 letter", "left out 1 letter, redriven already")
	o.runs("redrive", "--to=missing").want(t, command.ExitFailed, "no such topic: missing")
	o.runs("list", "--topic=missing").want(t, command.ExitFailed, "no such topic: missing")
}

func TestRedriveChoosesByTheSameFiltersAsList(t *testing.T) {
	t.Parallel()
	o := setup(t, letter(0, "a.Timeout", "late"), letter(1, "a.Refused", "no"), letter(2, "a.Timeout", "late"))
	for _, args := range [][]string{
		{"--exception=Timeout", "--key=2"}, {"--header=ce_id=event-2"}, {"--since=2026-03-01T08:02:00Z"}, {"0:2-"}, {"--message=^late", "--header=kafka_dlt-original-offset!=0"},
	} {
		o.runs(append([]string{"list", "--letters"}, args...)...).want(t, 0, "0:2  ")
		o.runs(append([]string{"redrive", "--dry-run"}, args...)...).want(t, 0, "would redrive 1 letter of")
	}
	o.runs("redrive", "--group=billing").want(t, 0, "redriven 0 letters")
}

func TestFrameworksNotKnownAreReadByFlags(t *testing.T) {
	t.Parallel()
	o := setup(t, &kgo.Record{Topic: event.TopicDeadLetter, Headers: []kgo.RecordHeader{
		{Key: "src", Value: []byte(event.TopicOrderCreated)}, {Key: "why", Value: []byte("no")}, {Key: "tries", Value: []byte("3")},
	}})
	o.runs("redrive").want(t, command.ExitIncomplete, "origin unknown", "--origin-topic-header")
	o.runs("redrive", "--origin-topic-header=src", "--message-header=why", "--message=no", "--strip-header=tries").want(t, 0, "redriven 1 letter of order.created.DLT to order.created")
}

func TestBrokersThatAreNotThereAreSaidWithWhatToDo(t *testing.T) {
	t.Parallel()
	o := operator{t: t, brokers: kafka.Config{Brokers: "127.0.0.1:1"}}
	for _, args := range [][]string{{"list"}, {"show", "0:1"}, {"redrive", "--dry-run"}} {
		o.runs(args...).want(t, 1, "no broker answers at 127.0.0.1:1", "--kafka-brokers (KAFKA_BROKERS)")
	}
}

func TestWrongFlagsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	o := operator{t: t, brokers: kafka.Config{Brokers: "nowhere"}}
	o.runs("redrive", "--header==x", "--since=soon", "--rate=-1", "--max=-1", "x:y").want(t, cli.ExitUsage,
		"--kafka-brokers", "--header", "--since", "--rate", "--max", "LETTERS")
}
