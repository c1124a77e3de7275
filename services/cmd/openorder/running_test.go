package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
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

// parse reads a command line and returns what its flags hold then, and its refusal, if any.
func parse(t *testing.T, args ...string) (held func(flag string) string, refusal string) {
	t.Helper()
	root := newCommand(new(serve))
	chosen, _, err := root.Find(args)
	if err != nil {
		t.Fatal(err)
	}
	chosen.RunE = func(*cobra.Command, []string) error { return nil }
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		refusal = err.Error()
	}
	return func(flag string) string { return chosen.Flags().Lookup(flag).Value.String() }, refusal
}

func TestTheToolsFindTheInstanceThatRuns(t *testing.T) {
	instance(t)
	held, refusal := parse(t, "audit")
	for flag, want := range map[string]string{
		"kafka-brokers": "127.0.0.1:19092", "order-database-url": "sqlite:o", "inventory-database-url": "sqlite:i", "notification-database-url": "sqlite:n",
	} {
		if held(flag) != want || refusal != "" {
			t.Errorf("audit looks at --%s=%s: %s", flag, held(flag), refusal)
		}
	}
	if held, refusal := parse(t, "dlt", "list"); held("kafka-brokers") != "127.0.0.1:19092" {
		t.Errorf("dlt list goes to %s: %s", held("kafka-brokers"), refusal)
	}
	if held, refusal := parse(t, "topics", "export"); held("kafka-brokers") != "127.0.0.1:19092" {
		t.Errorf("topics export goes to %s: %s", held("kafka-brokers"), refusal)
	}
	if held, refusal := parse(t, "bench"); held("kafka-brokers") != "" {
		t.Errorf("bench goes to %s: %s", held("kafka-brokers"), refusal)
	}
}

func TestWithoutAnInstanceAuditSaysSo(t *testing.T) {
	instance(t)()
	if _, refusal := parse(t, "audit"); !strings.HasPrefix(refusal, "no all-in-one runs on this machine") {
		t.Errorf("it says: %s", refusal)
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
			held, refusal := parse(t, append([]string{"audit"}, test.flags...)...)
			if held("kafka-brokers") != test.brokers || (refusal == "") != (test.refuses == nil) {
				t.Errorf("audit looks at %s: %s", held("kafka-brokers"), refusal)
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
	if held, refusal := parse(t, "dlt", "list"); held("kafka-brokers") == "127.0.0.1:19092" {
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

func TestAnInstanceThatRunsIsFoundAgainWhenALaterOneHasEnded(t *testing.T) {
	instance(t)
	lock := runningInstance().Lock
	later, err := openDataDir(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	takeBack, err := running{Brokers: "later", Lock: later.lock.Path()}.leaveWord()
	if err != nil {
		t.Fatal(err)
	}
	if found := runningInstance(); found.Brokers != "later" {
		t.Errorf("found %+v", found)
	}
	takeBack()
	later.close()
	if found := runningInstance(); found.Lock != lock {
		t.Errorf("found %+v", found)
	}
}
