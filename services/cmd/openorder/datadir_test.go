package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// As a full disk, or kill -9, leaves it.
func TestADirectoryWhoseMarkerWasNotWrittenToTheEndIsOurs(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, markerFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		dir, err := openDataDir(path, false)
		if err != nil {
			t.Fatal(err)
		}
		dir.close()
	}
}

// ext4 makes lost+found, and a pod's volume is mounted as the data directory.
func TestTheRootOfAFreshVolumeIsTaken(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.Mkdir(filepath.Join(path, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := openDataDir(path, false)
	if err != nil {
		t.Fatal(err)
	}
	dir.close()
}

func TestWhereNothingCanBeKeptThatIsSaidAndWhatToDo(t *testing.T) {
	t.Parallel()
	if err := canKeep("windows"); err == nil || !strings.Contains(err.Error(), "--ephemeral") {
		t.Errorf("on Windows: %v", err)
	}
	for _, system := range []string{"linux", "darwin"} {
		if err := canKeep(system); err != nil {
			t.Errorf("on %s: %v", system, err)
		}
	}
}

func TestOfTwoThatStartAtOnceTheSecondIsToldOfTheFirst(t *testing.T) {
	t.Parallel()
	for range 300 {
		path := filepath.Join(t.TempDir(), "data")
		var dirs [2]*dataDir
		var errs [2]error
		var both sync.WaitGroup
		for i := range errs {
			both.Go(func() { dirs[i], errs[i] = openDataDir(path, false) })
		}
		both.Wait()
		for _, dir := range dirs {
			if dir != nil {
				dir.close() // not before: a lock that nobody keeps is let go with the garbage
			}
		}
		if refused := errors.Join(errs[:]...); refused == nil || !strings.HasPrefix(refused.Error(), "another openorder is using") {
			t.Fatalf("got %v", errs)
		}
	}
}
