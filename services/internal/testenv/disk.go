package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
)

// SmallDisk is an empty folder on a small file system of its own, which the test may fill. Tests that use it take turns; one
// that takes its turn on the cluster, too, takes it after this one, or two tests could wait for each other.
func SmallDisk(t testing.TB) string {
	t.Helper()
	disk := need(t, "OPENORDER_TEST_SMALL_DISK", "a folder on a small file system that may be filled")
	turn := flock.New(filepath.Join(os.TempDir(), "openorder-test-small-disk.lock"))
	if err := turn.Lock(); err != nil {
		t.Fatal(fmt.Errorf("wait for a turn on the small disk: %w", err))
	}
	t.Cleanup(func() { _ = turn.Unlock() })
	dir, err := os.MkdirTemp(disk, "test-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // servers with users of their own have to reach what is theirs
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// largestSmallDisk keeps a variable that names a wrong folder from filling a machine's only disk.
const largestSmallDisk = 2 << 30

// Fill takes all that is left of the file system that a folder is on, and returns what gives it back.
func Fill(t testing.TB, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	ballast, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	free = func() { _ = os.Remove(path) }
	t.Cleanup(free)
	written := 0
	for size := 1 << 20; size > 0; size /= 2 {
		for chunk := make([]byte, size); err == nil; {
			var n int
			n, err = ballast.Write(chunk)
			if written += n; written > largestSmallDisk {
				t.Fatalf("%s is on no small disk: it took %d bytes", dir, written)
			}
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	return free
}
