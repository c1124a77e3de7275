package main

import (
	"os"
	"strings"
	"testing"
)

// instance leaves word of an all-in-one that seems to run until end.
func instance(t *testing.T) (end func()) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", os.Getenv("XDG_CACHE_HOME"))
	for _, variable := range []string{"KAFKA_BROKERS", "DATABASE_URL", "DATABASE_URL_FILE"} {
		t.Setenv(variable, "") // which the test's end restores
		_ = os.Unsetenv(variable)
	}
	dir, err := openDataDir(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dir.close)
	_, err = running{
		Brokers: "127.0.0.1:19092", Lock: dir.lock.Path(),
		Databases: map[string]string{"order": "sqlite:o", "inventory": "sqlite:i", "notification": "sqlite:n"},
	}.leaveWord()
	if err != nil {
		t.Fatal(err)
	}
	return dir.close
}

// parse reads a command line and returns its refusal, if any.
func parse(t *testing.T, args ...string) (commands, string) {
	t.Helper()
	var all commands
	_, err := newParser(t.Context(), &all).Parse(args)
	if err != nil {
		return all, err.Error()
	}
	return all, ""
}

func TestTheToolsFindTheInstanceThatRuns(t *testing.T) {
	instance(t)
	all, refusal := parse(t, "audit")
	if a := all.Audit; refusal != "" || a.Kafka.Brokers != "127.0.0.1:19092" || a.Order != "sqlite:o" || a.Inventory != "sqlite:i" || a.Notification != "sqlite:n" {
		t.Errorf("audit looks at %+v: %s", a, refusal)
	}
	if all, refusal = parse(t, "dlt", "list"); all.DLT.List.Kafka.Brokers != "127.0.0.1:19092" {
		t.Errorf("dlt list goes to %s: %s", all.DLT.List.Kafka.Brokers, refusal)
	}
	if all, refusal = parse(t, "topics", "export"); all.Topics.Export.Kafka.Brokers != "127.0.0.1:19092" {
		t.Errorf("topics export goes to %s: %s", all.Topics.Export.Kafka.Brokers, refusal)
	}
	if all, refusal = parse(t, "bench"); all.Bench.Kafka.Brokers != "" {
		t.Errorf("bench goes to %s: %s", all.Bench.Kafka.Brokers, refusal)
	}
}

func TestNothingOfTheInstanceIsMixedWithASystemThatIsNamed(t *testing.T) {
	const other = "postgres://prod/openorder"
	for name, test := range map[string]struct {
		variables map[string]string
		flags     []string
		brokers   string
		refuses   []string
	}{
		"a variable's brokers":   {map[string]string{"KAFKA_BROKERS": "prod:9092"}, nil, "prod:9092", []string{"--order-database-url", "--notification-database-url"}},
		"a flag's brokers":       {nil, []string{"--kafka-brokers=prod:9092"}, "prod:9092", []string{"--order-database-url", "--notification-database-url"}},
		"a variable's databases": {map[string]string{"DATABASE_URL": other}, nil, "", []string{"--kafka-brokers"}},
		"a flag's database":      {nil, []string{"--order-database-url=" + other}, "", []string{"--kafka-brokers", "--inventory-database-url"}},
		"all":                    {map[string]string{"KAFKA_BROKERS": "prod:9092", "DATABASE_URL": other}, nil, "prod:9092", nil},
	} {
		t.Run(name, func(t *testing.T) {
			instance(t)
			for variable, value := range test.variables {
				t.Setenv(variable, value)
			}
			all, refusal := parse(t, append([]string{"audit"}, test.flags...)...)
			if all.Audit.Kafka.Brokers != test.brokers || (refusal == "") != (test.refuses == nil) {
				t.Errorf("audit looks at %+v: %s", all.Audit, refusal)
			}
			for _, flag := range test.refuses {
				if !strings.Contains(refusal, flag) {
					t.Errorf("nothing is said of %s: %s", flag, refusal)
				}
			}
		})
	}
}

func TestAToolThatNeedsNoDatabaseDoesNotGoToTheInstanceEither(t *testing.T) {
	instance(t)
	t.Setenv("DATABASE_URL", "postgres://prod/openorder")
	if all, refusal := parse(t, "dlt", "list"); all.DLT.List.Kafka.Brokers == "127.0.0.1:19092" {
		t.Errorf("dlt list goes to the instance: %s", refusal)
	}
}

func TestAnInstanceThatWasKilledIsNotFound(t *testing.T) {
	end := instance(t)
	end() // a lock ends with its process
	if found := runningInstance(); found.Brokers != "" {
		t.Errorf("found %+v", found)
	}
}

func TestAnInstanceTakesBackItsOwnWordOnly(t *testing.T) {
	instance(t)
	lock := runningInstance().Lock
	takeBack, err := running{Brokers: "first", Lock: lock}.leaveWord()
	if err != nil {
		t.Fatal(err)
	}
	takeBackLast, err := running{Brokers: "last", Lock: lock}.leaveWord()
	if err != nil {
		t.Fatal(err)
	}
	takeBack()
	if found := runningInstance(); found.Brokers != "last" {
		t.Errorf("found %+v", found)
	}
	takeBackLast()
	if _, err := os.Stat(runningFile()); err == nil {
		t.Error("the word is still there")
	}
}
