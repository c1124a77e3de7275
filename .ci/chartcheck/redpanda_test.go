package chartcheck

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The operator hands clusterSpec to Redpanda's chart, which refuses unknown keys. Its schema is not ours to keep: SHARED names
// the folder that has it.
func TestRedpandasClusterSpec(t *testing.T) {
	shared := os.Getenv("SHARED")
	if shared == "" {
		t.Skip("SHARED does not name the folder with schemas/redpanda-clusterspec.schema.json")
	}
	schema := partialSchema(t, shared+"/schemas/redpanda-clusterspec.schema.json")
	each(t, func(t *testing.T, resources []resource) {
		for _, r := range ofKind(resources, "Redpanda") {
			var spec any
			if err := json.Unmarshal([]byte(compact(at(r, "spec", "clusterSpec"))), &spec); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(spec); err != nil {
				t.Errorf("%s: %v", r, err)
			}
		}
	})
}

// partialSchema requires nothing: what a clusterSpec leaves out, the chart's own values fill in.
func partialSchema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	requireNothing(document)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("clusterspec.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("clusterspec.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func requireNothing(value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, isList := v["required"].([]any); isList {
			delete(v, "required")
		}
		for _, inner := range v {
			requireNothing(inner)
		}
	case []any:
		for _, inner := range v {
			requireNothing(inner)
		}
	}
}
