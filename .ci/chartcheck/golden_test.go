package chartcheck

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// generated are parts that would drown a golden: each has a check of its own.
var generated = map[string]*regexp.Regexp{
	"CustomResourceDefinition": regexp.MustCompile(`(?s)\nspec:\n.*`),
	"PrometheusRule":           regexp.MustCompile(`(?s)\nspec:\n.*`),
	"ConfigMap":                regexp.MustCompile(`(?s)\ndata:\n.*`),
}

// TestEveryProfileRendersAsReviewed compares with goldens; `go test -update` writes them.
func TestEveryProfileRendersAsReviewed(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(profiles())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := profiles()[name].render(t)
			if err != nil {
				t.Fatal(err)
			}
			out = short(out)
			file := "testdata/golden/" + name + ".yaml"
			if *update {
				if err := os.WriteFile(file, out, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(out)); diff != "" {
				t.Errorf("differs from %s (go test -update accepts it):\n%s", file, diff)
			}
		})
	}
}

// short takes out what says nothing in review: labels that every resource has, and generated bodies.
func short(out []byte) []byte {
	out = regexp.MustCompile(`(?m)^ *(app\.kubernetes\.io/(part-of|version|managed-by)|helm\.sh/chart): .*\n`).ReplaceAll(out, nil)
	out = regexp.MustCompile(`\n\s*\n`).ReplaceAll(out, []byte("\n")) // Helm 3 and 4 differ in blank lines
	documents := bytes.Split(out, []byte("\n---\n"))
	for i, document := range documents {
		kind := regexp.MustCompile(`(?m)^kind: (\w+)$`).FindSubmatch(document)
		if kind == nil {
			continue
		}
		if body := generated[string(kind[1])]; body != nil {
			documents[i] = body.ReplaceAll(document, []byte("\n# checked elsewhere\n"))
		}
	}
	return bytes.Join(documents, []byte("\n---\n"))
}

// A template that makes a password makes another one at each upgrade.
func TestRenderingTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	for name, p := range profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, err := p.render(t)
			if err != nil {
				t.Fatal(err)
			}
			two, err := p.render(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(one), string(two)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// compact is for messages.
func compact(value any) string {
	b, _ := json.Marshal(value)
	return string(b)
}
