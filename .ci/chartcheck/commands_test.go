package chartcheck

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unheardOf is a flag that nobody has: a command line that is right but for it is refused for it alone, and does nothing.
const unheardOf = "--unheard-of"

// documents show commands.
var documents = []string{
	"README.md", "k8s/README.md", "k8s/RUNBOOK.md", "services/DESIGN.md", "services/deadletter/README.md", "services/topic/README.md",
	"charts/openorder/README.md", "charts/openorder/templates/NOTES.txt", "charts/openorder-operator/README.md", "Tiltfile",
}

// Every command line of the tools that a document shows is one that the tools understand.
func TestDocumentedCommandLinesAreUnderstood(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./services/cmd/openorder", "./services/cmd/topic-controller")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, file := range documents {
		for _, line := range commandLines(document(t, file)) {
			t.Run(file+": "+line, func(t *testing.T) {
				t.Parallel()
				words := strings.Fields(line)
				run := func(args ...string) string {
					out, _ := exec.CommandContext(t.Context(), filepath.Join(bin, words[0]), args...).CombinedOutput()
					return string(out)
				}
				if out := run(append(words[1:], unheardOf)...); !strings.Contains(out, "unknown flag: "+unheardOf) {
					t.Errorf("not understood: %s", out)
				}
				command := named.FindString(line)
				if out := run(append(strings.Fields(command)[1:], "--help")...); !strings.Contains(out, "Usage: "+command) {
					t.Errorf("there is no %s: %s", command, out)
				}
			})
		}
	}
}

var (
	commandLine = regexp.MustCompile("(?m)(?:^ *|^\\$ |`|\\| |/ko-app/|go run \\./services/cmd/)((?:openorder|topic-controller) (?:--|[a-z])[^`#|;'>\\\\\\n]*)")
	named       = regexp.MustCompile(`^[a-z-]+(?: [a-z]+)*`) // the command of a line: without flags and numbers
	inTiltfile  = regexp.MustCompile(`tools \+ ' ([^']*)'`)
)

// commandLines are calls of the tools, in blocks and in `spans`, without comments, pipes and redirections.
func commandLines(text string) []string {
	var lines []string
	for _, match := range commandLine.FindAllStringSubmatch(text, -1) {
		line := strings.TrimSpace(match[1])
		group := strings.HasSuffix(line, " dlt") || strings.HasSuffix(line, " topics")
		if !group && !strings.Contains(line, "--help") {
			lines = append(lines, line)
		}
	}
	for _, match := range inTiltfile.FindAllStringSubmatch(text, -1) {
		lines = append(lines, "openorder "+match[1])
	}
	return lines
}

func TestTheRunbooksCommandLinesAreFound(t *testing.T) {
	t.Parallel()
	if found := commandLines(document(t, "k8s/RUNBOOK.md")); len(found) < 8 {
		t.Errorf("found %q", found)
	}
}

// The API server's proxy comes from another node than the pods', where networkPolicy.ingress.admin lets nobody in but pods.
func TestDocumentsAskPodsByPortForward(t *testing.T) {
	t.Parallel()
	for _, file := range documents {
		if text := document(t, file); regexp.MustCompile(`(?:pods|services)/[^ ]*/proxy|kubectl proxy`).MatchString(text) {
			t.Errorf("%s asks through the API server's proxy", file)
		}
	}
}

// A panel that the runbook sends people to exists.
func TestTheRunbookNamesPanelsThatExist(t *testing.T) {
	t.Parallel()
	titles := map[string]bool{}
	for _, d := range dashboards(t) {
		titles[d.Title] = true
		for _, p := range d.Panels {
			titles[p.Title] = true
		}
	}
	named := regexp.MustCompile(`\*([A-Z][^*\n]*)\*`).FindAllStringSubmatch(document(t, "k8s/RUNBOOK.md"), -1)
	for _, match := range named {
		if !titles[match[1]] {
			t.Errorf("no dashboard has %q", match[1])
		}
	}
	if len(named) < 10 {
		t.Errorf("found %d names of panels", len(named))
	}
}
