// Command openapi writes the JSON Schemas of everything that a cluster serves, for kubeconform: one file a kind, drawn from
// the API server's OpenAPI. It speaks through kubectl.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type schema = map[string]any

const prefix = "#/components/schemas/"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the cluster")
	out := flag.String("out", "", "folder to write to")
	flag.Parse()
	if err := run(*kubeconfig, *out); err != nil {
		log.Fatal(err)
	}
}

func run(kubeconfig, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var index struct {
		Paths map[string]struct{ ServerRelativeURL string }
	}
	if err := get(kubeconfig, "/openapi/v3", &index); err != nil {
		return err
	}
	written := 0
	for path, group := range index.Paths {
		if !strings.HasPrefix(path, "api") {
			continue
		}
		var document struct {
			Components struct{ Schemas map[string]schema }
		}
		if err := get(kubeconfig, group.ServerRelativeURL, &document); err != nil {
			return err
		}
		n, err := write(out, document.Components.Schemas)
		if err != nil {
			return err
		}
		written += n
	}
	fmt.Println(written, "kinds")
	return nil
}

func get(kubeconfig, path string, into any) error {
	text, err := exec.Command("kubectl", "--kubeconfig", kubeconfig, "get", "--raw", path).Output()
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	return json.Unmarshal(text, into)
}

// write makes a file for each kind in a group and version, with what it refers to.
func write(out string, all map[string]schema) (int, error) {
	written := 0
	for _, s := range all {
		kinds, _ := s["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // options and lists, which every group has
		}
		kind, _ := kinds[0].(schema)
		used := map[string]schema{}
		closed := closeUp(s, all, used)
		closed.(schema)["components"] = schema{"schemas": used}
		text, err := json.Marshal(closed)
		if err != nil {
			return written, err
		}
		group := kind["group"]
		if group == "" {
			group = kind["version"] // as kubeconform names the core group
		}
		name := fmt.Sprintf("%s-%s-%s.json", strings.ToLower(kind["kind"].(string)), group, kind["version"])
		if err := os.WriteFile(filepath.Join(out, name), text, 0o644); err != nil {
			return written, err
		}
		written++
	}
	return written, nil
}

// closeUp copies a schema so that it refuses properties it does not know, and gathers what it refers to in used.
func closeUp(value any, all map[string]schema, used map[string]schema) any {
	switch v := value.(type) {
	case schema:
		copied := schema{}
		for key, inner := range v {
			copied[key] = closeUp(inner, all, used)
		}
		if ref, ok := v["$ref"].(string); ok {
			if name := strings.TrimPrefix(ref, prefix); used[name] == nil && all[name] != nil {
				used[name] = schema{} // it may refer to itself
				used[name] = closeUp(all[name], all, used).(schema)
			}
		}
		_, known := v["properties"].(schema)
		_, open := v["additionalProperties"]
		if known && !open && v["type"] == "object" && v["x-kubernetes-preserve-unknown-fields"] != true {
			copied["additionalProperties"] = false
		}
		if v["nullable"] == true || v["format"] == "int-or-string" || v["x-kubernetes-int-or-string"] == true {
			delete(copied, "type")
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, inner := range v {
			copied[i] = closeUp(inner, all, used)
		}
		return copied
	}
	return value
}
