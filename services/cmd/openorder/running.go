package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/cli"
)

// running is how the tools find the all-in-one that runs on this machine: it leaves word in the user's cache directory.
type running struct {
	Brokers   string            `json:"brokers"`
	Databases map[string]string `json:"databases"`
	Lock      string            `json:"lock"` // the file that it holds locked while it runs
}

func runningFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "openorder", "running.json")
}

// leaveWord returns what takes the word back, unless another instance has left its own meanwhile. The word that was there
// before is put back then, if it is of an instance that runs still.
func (r running) leaveWord() (takeBack func(), err error) {
	file := runningFile()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	before, _ := os.ReadFile(file)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return func() {
		last, err := os.ReadFile(file)
		earlier := parseWord(before)
		switch {
		case err != nil || string(last) != string(text):
		case earlier.Brokers != "" && earlier.Lock != r.Lock:
			_ = os.WriteFile(file, before, 0o600)
		default:
			_ = os.Remove(file) // left behind, it names a lock that nobody holds
		}
	}, nil
}

// runningInstance is what the all-in-one that was started last on this machine left word of, if it runs still.
func runningInstance() running {
	text, _ := os.ReadFile(runningFile())
	return parseWord(text)
}

// parseWord is what a word says, and nothing where its instance does not run any more.
func parseWord(text []byte) running {
	var r running
	if json.Unmarshal(text, &r) != nil || !isHeld(r.Lock) {
		return running{}
	}
	return r
}

// isHeld tells whether a process holds a lock. One that was killed holds none.
func isHeld(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock := flock.New(path)
	free, err := lock.TryRLock()
	_ = lock.Close()
	return err == nil && !free
}

// besideRunning lets a tool work without flags next to an all-in-one. Whoever names a broker or a database means another
// system, and no part of this one: the two would be taken for one.
func besideRunning(tool *cobra.Command) *cobra.Command {
	tool.PersistentPreRunE = func(chosen *cobra.Command, _ []string) error {
		r := runningInstance()
		if r.Brokers == "" || namesSystem(chosen) {
			return nil
		}
		var errs []error
		chosen.Flags().VisitAll(func(f *pflag.Flag) {
			service, isURL := strings.CutSuffix(f.Name, "-database-url")
			switch {
			case f.Name == "kafka-brokers":
				errs = append(errs, f.Value.Set(r.Brokers))
			case isURL && r.Databases[service] != "":
				errs = append(errs, f.Value.Set(r.Databases[service]))
			}
		})
		return errors.Join(errs...)
	}
	for _, c := range append(tool.Commands(), tool) {
		if c.Long == "" {
			c.Long = c.Short
		}
		c.Long += "\n\nWhere neither brokers nor a database are named, it works on the all-in-one that runs on this machine, if one does."
	}
	return tool
}

// namesSystem tells whether a flag of a command, or a variable of any command, says where a broker or a database is.
func namesSystem(chosen *cobra.Command) bool {
	named := false
	isSet := func(variable string) bool { _, set := os.LookupEnv(variable); return set }
	look := func(f *pflag.Flag) {
		place := strings.HasPrefix(f.Name, "kafka-") && f.Name != "kafka-listen" || strings.Contains(f.Name, "database-url")
		named = named || place && (f.Changed || slices.ContainsFunc(cli.Variables(f), isSet))
	}
	chosen.Flags().VisitAll(look)
	for _, other := range chosen.Root().Commands() {
		other.Flags().VisitAll(look)
	}
	return named
}
