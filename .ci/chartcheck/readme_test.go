package chartcheck

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	tableBegin = "<!-- values: generated from values.yaml by `go test -update` in .ci/chartcheck -->\n"
	tableEnd   = "<!-- end of values -->\n"
)

// Every value has a `# --` comment, and the README's table is what they say.
func TestEveryValueIsInTheReadme(t *testing.T) {
	t.Parallel()
	for _, chart := range []string{"openorder", "openorder-operator"} {
		t.Run(chart, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(root + "/charts/" + chart + "/values.yaml")
			if err != nil {
				t.Fatal(err)
			}
			var document yaml.Node
			if err := yaml.Unmarshal(raw, &document); err != nil {
				t.Fatal(err)
			}
			rows := []string{"| value | default | what it does |", "|---|---|---|"}
			rows = append(rows, table(t, "", document.Content[0])...)
			want := tableBegin + strings.Join(rows, "\n") + "\n" + tableEnd
			file := root + "/charts/" + chart + "/README.md"
			readme, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before, rest, ok := strings.Cut(string(readme), tableBegin)
			_, after, ok2 := strings.Cut(rest, tableEnd)
			if !ok || !ok2 {
				t.Fatalf("%s has no place for the table: %s%s", file, tableBegin, tableEnd)
			}
			if fresh := before + want + after; *update {
				if err := os.WriteFile(file, []byte(fresh), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if fresh != string(readme) {
				t.Errorf("the table in %s is stale: go test -update", file)
			}
		})
	}
}

// table has a row for each key with a `# --` comment; keys without one must be groups of such keys.
func table(t *testing.T, prefix string, node *yaml.Node) []string {
	t.Helper()
	var rows []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		path := prefix + key.Value
		if _, help, ok := strings.Cut(key.HeadComment, "# -- "); ok {
			help = strings.Join(strings.Fields(strings.ReplaceAll(help, "\n#", " ")), " ")
			rows = append(rows, fmt.Sprintf("| `%s` | `%s` | %s |", path, standard(t, value), strings.ReplaceAll(help, "|", "\\|")))
			continue
		}
		if value.Kind != yaml.MappingNode || len(value.Content) == 0 {
			t.Errorf("%s says nothing: put a `# -- …` above it", path)
			continue
		}
		rows = append(rows, table(t, path+".", value)...)
	}
	return rows
}

func standard(t *testing.T, node *yaml.Node) string {
	t.Helper()
	var value any
	if err := node.Decode(&value); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "|", "\\|")
}
