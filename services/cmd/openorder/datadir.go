package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/gofrs/flock"
)

// markerFile tells a data directory of ours from anybody else's.
const markerFile = "openorder.json"

type marker struct {
	Format int `json:"format"`
}

// dataDir is a directory that this process alone uses.
type dataDir struct {
	path      string
	ephemeral bool
	lock      *flock.Flock
}

// openDataDir makes the directory if need be, refuses one that is not ours, and keeps a second instance out of it.
func openDataDir(path string, ephemeral bool) (*dataDir, error) {
	if err := canKeep(runtime.GOOS); err != nil && !ephemeral {
		return nil, err
	}
	if ephemeral {
		temporary, err := os.MkdirTemp("", "openorder-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary data directory: %w", err)
		}
		path = temporary
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot write the data directory %s: %w; choose another with --data-dir", path, errors.Unwrap(err))
	}
	if err := claim(path); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(path, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data directory %s: %w", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("another openorder is using the data directory %s: stop it, or choose another with --data-dir", path)
	}
	return &dataDir{path, ephemeral, lock}, nil
}

// canKeep tells why nothing can be kept on an operating system. kfake renames files that it has open, which Windows refuses.
func canKeep(system string) error {
	if system == "windows" {
		return errors.New("on Windows the embedded broker cannot keep data yet: start with --ephemeral, which keeps nothing, or in WSL")
	}
	return nil
}

// claim leaves our marker in an empty directory, and checks it in one that is not.
func claim(path string) error {
	file := filepath.Join(path, markerFile)
	text, err := os.ReadFile(file)
	switch {
	case err == nil && len(text) > 0:
		return checkMarker(path, text)
	case err == nil: // there was no room to write it, or no time
	case errors.Is(err, fs.ErrNotExist):
		if err := mustBeEmpty(path); err != nil {
			return err
		}
	default:
		return fmt.Errorf("read the data directory: %w", err)
	}
	if err := os.WriteFile(file, []byte("{\"format\":1}\n"), 0o600); err != nil {
		return fmt.Errorf("cannot write the data directory %s: %w; choose another with --data-dir", path, err)
	}
	return nil
}

func checkMarker(path string, text []byte) error {
	var found marker
	if json.Unmarshal(text, &found) != nil || found.Format != 1 {
		return fmt.Errorf("the data directory %s was made by another version of openorder: use that, or choose another with --data-dir", path)
	}
	return nil
}

// mustBeEmpty does not count a volume's lost+found. With a marker it need not be empty: another openorder has just left it, and
// the lock decides between the two.
func mustBeEmpty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	claimed := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == markerFile && e.Type().IsRegular() })
	strange := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "lost+found" })
	if strange && !claimed {
		return fmt.Errorf("%s is not empty and not a data directory of openorder: choose another with --data-dir", path)
	}
	return nil
}

// database is the URL of a service's SQLite file.
func (d *dataDir) database(service string) string {
	return "sqlite:" + filepath.Join(d.path, service+".db")
}

// broker is the embedded broker's directory, or empty where nothing is to be kept.
func (d *dataDir) broker() string {
	if d.ephemeral {
		return ""
	}
	return filepath.Join(d.path, "broker")
}

func (d *dataDir) close() {
	_ = d.lock.Unlock()
	if d.ephemeral {
		_ = os.RemoveAll(d.path)
	}
}

// defaultDataDir is where data stay when nothing else is said: the user's data directory.
func defaultDataDir() string {
	if home := os.Getenv("XDG_DATA_HOME"); home != "" {
		return filepath.Join(home, "openorder")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "openorder-data"
	}
	return filepath.Join(home, ".local", "share", "openorder")
}
