package chartcheck

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// laptop is a machine's tools, as scripts: what each does when it is called.
type laptop map[string]string

// goodLaptop lacks nothing.
func goodLaptop() laptop {
	return laptop{
		"go":      `echo go version go1.26.2 darwin/arm64`,
		"ko":      `echo v0.19.1`,
		"helm":    `echo v4.3`,
		"kind":    `echo kind v0.32.0 go1.26.1 darwin/arm64`,
		"kubectl": `echo Client Version: v1.37.0`,
		"docker": `case "$*" in
			version*) echo 29.1.2 ;;
			info*) echo 8222000000 ;;
			ps*label=io.x-k8s.kind.cluster=openorder) echo 4f1d ;;
			"exec 4f1d sysctl -n "*) echo 1048576 ;;
			*) exit 1 ;;
		esac`,
		"df": `printf 'Filesystem blocks Used Available\ndisk 1 1 99999999\n'`,
	}
}

func TestALaptopIsToldAllThatItLacks(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, port, _ := strings.Cut(taken.Addr().String(), ":")
	docker := goodLaptop()["docker"]
	for name, c := range map[string]struct {
		tools laptop // in place of the good ones; "" takes one away
		mode  string
		ports []string
		want  []string // a part of each line
	}{
		"nothing":                {},
		"an old go":              {tools: laptop{"go": `echo go version go1.22.5 linux/amd64`}, want: []string{"go is version 1.22, at least 1.26 is needed: https://go.dev/dl"}},
		"an old ko":              {tools: laptop{"ko": `echo 0.9.3`}, want: []string{"ko is version 0.9, at least 0.15 is needed: go install"}},
		"an old helm":            {tools: laptop{"helm": `echo v2.17.0`}, want: []string{"helm is version 2.17, at least 3.8 is needed"}},
		"an old kubectl":         {tools: laptop{"kubectl": `echo Client Version: v1.24.1`}, want: []string{"kubectl is version 1.24, at least 1.29 is needed"}},
		"an old kind":            {tools: laptop{"kind": `echo kind v0.11.1 go1.16.4 linux/amd64`}, want: []string{"kind is version 0.11, at least 0.21 is needed"}},
		"an old Docker":          {tools: laptop{"docker": strings.Replace(docker, "29.1.2", "19.03.8", 1)}, want: []string{"Docker is version 19.03, at least 20.10 is needed"}},
		"a build of one's own":   {tools: laptop{"ko": `echo devel`}},
		"tools":                  {tools: laptop{"ko": "", "helm": ""}, want: []string{"ko is not on the PATH: go install", "helm is not on the PATH: https://"}},
		"kind, with a cluster":   {tools: laptop{"kind": ""}},
		"a cluster":              {tools: laptop{"kubectl": `case "$*" in *--client) echo v1.37.0 ;; *) exit 1 ;; esac`}, want: []string{"no cluster answers: k8s/kind.sh makes one"}},
		"a registry":             {tools: laptop{"kubectl": `case "$*" in *configmap*) exit 1 ;; *) echo v1.37.0 ;; esac`}, want: []string{"no local registry"}},
		"a port":                 {ports: []string{port}, want: []string{"port " + port + " is taken"}},
		"memory":                 {tools: laptop{"docker": strings.Replace(docker, "8222000000", "4000000000", 1)}, want: []string{"Docker has 4000 MB of memory: give it 6 GiB"}},
		"memory that none needs": {tools: laptop{"docker": strings.Replace(docker, "8222000000", "4000000000", 1)}, mode: "existing"},
		"disk":                   {tools: laptop{"df": `printf 'Filesystem blocks Used Available\ndisk 1 1 1048576\n'`}, want: []string{"1 GiB of disk are free: 10 are needed"}},
		"asynchronous I/O, on Docker's kernel": {tools: laptop{"docker": strings.Replace(docker, "1048576", "65536", 1)}, want: []string{
			"fs.aio-max-nr is 65536: docker exec 4f1d sysctl -w fs.aio-max-nr=1048576", "fs.inotify.max_user_watches is 65536: docker exec 4f1d sysctl -w fs.inotify.max_user_watches=524288",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tools := goodLaptop()
			for tool, script := range c.tools {
				tools[tool] = script
			}
			mode := c.mode
			if mode == "" {
				mode = "operators"
			}
			lines, code := tools.check(t, append([]string{mode}, c.ports...))
			if len(lines) != len(c.want) || code != len(c.want) {
				t.Errorf("exit code %d and %d lines, want %d: %q", code, len(lines), len(c.want), lines)
			}
			for _, want := range c.want {
				if !strings.Contains(strings.Join(lines, "\n"), want) {
					t.Errorf("nothing says %q: %q", want, lines)
				}
			}
		})
	}
}

// check runs k8s/check-laptop.sh where there are these tools and no others.
func (l laptop) check(t *testing.T, args []string) (lines []string, code int) {
	t.Helper()
	return l.run(t, "check-laptop.sh", args...)
}

// run runs a script of k8s where there are these tools and no others.
func (l laptop) run(t *testing.T, script string, args ...string) (lines []string, code int) {
	t.Helper()
	bin := t.TempDir()
	for tool, does := range l {
		if does == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(bin, tool), []byte("#!/bin/sh\n"+does+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"bash", "sh", "awk", "head", "grep", "dirname"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "bash", append([]string{root + "/k8s/" + script}, args...)...)
	command.Env = []string{"PATH=" + bin}
	out, err := command.CombinedOutput()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines, command.ProcessState.ExitCode()
}

func TestARegistryThatWasStoppedIsStartedAgain(t *testing.T) {
	t.Parallel()
	docker := func(state string) laptop {
		return laptop{
			"kind": `[ "$*" != "get clusters" ] || echo openorder`, "kubectl": `true`,
			"docker": `case "$1 ` + state + `" in
				"inspect none") exit 1 ;;
				"inspect "*) echo ` + state + ` ;;
				"run none") echo made ;;
				"run "*) echo 'the name "/kind-registry" is in use' >&2; exit 125 ;;
				"start none") exit 1 ;;
				"start "*) echo started ;;
			esac`,
		}
	}
	for state, want := range map[string]string{"none": "made", "false": "started", "true": ""} {
		lines, code := docker(state).run(t, "kind.sh")
		said := strings.Join(lines, "\n")
		if code != 0 || want != "" && !strings.Contains(said, want) || want == "" && (strings.Contains(said, "made") || strings.Contains(said, "started")) {
			t.Errorf("a registry whose running is %s: code %d, want %q in:\n%s", state, code, want, said)
		}
	}
}

// Bash 3.2, which has none of these: ${x^^} and ${x,,}, ${x@Q}, associative arrays, mapfile.
func TestTheScriptsForLaptopsRunWithTheBashOfMacOS(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob(root + "/k8s/*.sh")
	if err != nil || len(scripts) < 3 {
		t.Fatalf("scripts: %q, %v", scripts, err)
	}
	later := regexp.MustCompile(`\$\{\w+(\^|,|@[A-Za-z])|\b(declare|local) -A\b|\b(mapfile|readarray)\b|&>>|\|&`)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range later.FindAllString(string(text), -1) {
			t.Errorf("%s has %q", script, found)
		}
	}
}
