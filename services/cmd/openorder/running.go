package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/gofrs/flock"
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

// leaveWord returns what takes the word back, unless another instance has left its own meanwhile.
func (r running) leaveWord() (takeBack func(), err error) {
	file := runningFile()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return func() {
		if last, err := os.ReadFile(file); err == nil && string(last) == string(text) {
			_ = os.Remove(file) // left behind, it names a lock that nobody holds
		}
	}, nil
}

// runningInstance is what the all-in-one that was started last on this machine left word of, if it runs still.
func runningInstance() running {
	var r running
	text, err := os.ReadFile(runningFile())
	if err != nil || json.Unmarshal(text, &r) != nil || !isHeld(r.Lock) {
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

// Validate implements kong.Resolver.
func (r running) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver: the tools work without flags next to an all-in-one. Whoever names a broker or a
// database means another system, and no part of this one: the two would be taken for one.
func (r running) Resolve(command *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	tool, _, _ := strings.Cut(command.Command(), " ")
	if r.Brokers == "" || !slices.Contains([]string{"dlt", "topics", "audit"}, tool) || namesSystem(command) {
		return nil, nil
	}
	if flag.Name == "kafka-brokers" {
		return r.Brokers, nil
	}
	if service, isURL := strings.CutSuffix(flag.Name, "-database-url"); isURL && r.Databases[service] != "" {
		return r.Databases[service], nil
	}
	return nil, nil
}

// namesSystem tells whether a flag or a variable, of any command, says where a broker or a database is.
func namesSystem(command *kong.Context) bool {
	places := func(f *kong.Flag) bool {
		return f != nil && (strings.HasPrefix(f.Name, "kafka-") && f.Name != "kafka-listen" || strings.Contains(f.Name, "database-url"))
	}
	isSet := func(variable string) bool { _, set := os.LookupEnv(variable); return set }
	if slices.ContainsFunc(command.Path, func(p *kong.Path) bool { return places(p.Flag) }) {
		return true
	}
	for _, leaf := range command.Model.Leaves(false) {
		if slices.ContainsFunc(leaf.Flags, func(f *kong.Flag) bool { return places(f) && slices.ContainsFunc(f.Envs, isSet) }) {
			return true
		}
	}
	return false
}
