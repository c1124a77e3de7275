package main

import (
	"os/exec"
	"strings"
	"testing"
)

type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestNoLogLineLandsWithinTheBanner(t *testing.T) {
	t.Parallel()
	var pieces writes
	printBanner(&pieces, &serve{OrderListen: "127.0.0.1:8080"}, &dataDir{path: "/data"})
	if len(pieces) != 1 || !strings.Contains(pieces[0], "Data: /data") || !strings.Contains(pieces[0], "curl -i localhost:8080/api/orders") {
		t.Errorf("written in %d pieces: %q", len(pieces), pieces)
	}
}

func TestTheBannersCommandsWorkWhereverTheProgramLies(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/usr/bin/openorder", "/home/me/my tools/openorder", "/home/o'neil/$x/(1)/openorder"} {
		if got, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellWord(path)).Output(); err != nil || string(got) != path {
			t.Errorf("a shell takes %s for %s: %v", path, got, err)
		}
	}
	if got := shellWord("/usr/bin/openorder"); got != "/usr/bin/openorder" {
		t.Errorf("quoted without need: %s", got)
	}
}
