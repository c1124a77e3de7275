package main

import (
	"os/exec"
	"testing"
)

func TestTheBannersCommandsWorkWhereverTheProgramLies(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/usr/bin/openorder", "/home/me/my tools/openorder", "/home/o'neil/$x/(1)/openorder"} {
		if got, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+word(path)).Output(); err != nil || string(got) != path {
			t.Errorf("a shell takes %s for %s: %v", path, got, err)
		}
	}
	if got := word("/usr/bin/openorder"); got != "/usr/bin/openorder" {
		t.Errorf("quoted without need: %s", got)
	}
}
