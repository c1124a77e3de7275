package bench_test

import (
	"context"
	"testing"

	"github.com/openorder/openorder/services/bench"
	"github.com/openorder/openorder/services/internal/cli"
)

func parse(t *testing.T, args ...string) (*bench.Command, error) {
	t.Helper()
	for _, variable := range []string{"KAFKA_BROKERS", "DATABASE_URL"} {
		t.Setenv(variable, "")
	}
	settings := new(bench.Command)
	command := cli.Command("bench", "", settings, func(context.Context) error { return nil })
	command.SetArgs(args)
	return settings, command.Execute()
}

func TestNothingGivenMeansEmbeddedAndAllRows(t *testing.T) {
	command, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if command.Kafka.Brokers != "" || command.Database.URL != "" {
		t.Errorf("brokers %q and database %q, want neither: what listens on this machine is not the bench's", command.Kafka.Brokers, command.Database.URL)
	}
	if len(command.Rows) < 7 || command.Records != 300_000 {
		t.Errorf("rows %v, %d records", command.Rows, command.Records)
	}
}

func TestWrongSettingsAreRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"no broker's address":       {"--kafka-brokers=somewhere"},
		"no database's URL":         {"--database-url=mysql://here"},
		"a row that there is not":   {"--rows=reserve,fly"},
		"nothing to reserve":        {"--records=0"},
		"more SKUs than have names": {"--skus=10000"},
		"no time":                   {"--duration=1ms"},
		"no rounds":                 {"--rounds=0"},
		"no replica":                {"--replication-factor=0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(t, args...); err == nil {
				t.Errorf("%v is taken", args)
			}
		})
	}
}
