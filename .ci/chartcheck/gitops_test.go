package chartcheck

import (
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

// deployed is a chart as an example for GitOps asks for it.
type deployed struct {
	name, repository, chart, version string
	values                           []any
}

// What Argo CD and Flux would be told is what a release publishes: both charts, at the version and with the values that are here.
func TestGitOpsExamplesAskForWhatIsReleased(t *testing.T) {
	t.Parallel()
	for file, examples := range map[string][]deployed{"argocd/applications.yaml": argoApplications(t), "flux/openorder.yaml": fluxReleases(t)} {
		if len(examples) != 2 {
			t.Errorf("%s: %d releases", file, len(examples))
		}
		for _, e := range examples {
			var chart struct{ Name, Version string }
			if err := yaml.Unmarshal([]byte(document(t, "charts/"+e.chart+"/Chart.yaml")), &chart); err != nil {
				t.Fatal(err)
			}
			if e.chart != chart.Name || e.version != chart.Version || e.name != chart.Name {
				t.Errorf("%s: release %s of %s %s, which is %s %s", file, e.name, e.chart, e.version, chart.Name, chart.Version)
			}
			if e.repository != "ghcr.io/openorder/charts" {
				t.Errorf("%s: %s comes from %s", file, e.chart, e.repository)
			}
			p := profile{chart: root + "/charts/" + e.chart}
			for _, values := range e.values {
				p.values = append(p.values, p.chart+"/"+values.(string))
			}
			if _, err := p.render(t); err != nil || len(p.values) == 0 {
				t.Errorf("%s: %s with %v: %v", file, e.chart, e.values, err)
			}
		}
	}
}

func argoApplications(t *testing.T) []deployed {
	t.Helper()
	var all []deployed
	for _, r := range ofKind(parse(t, []byte(document(t, "k8s/argocd/applications.yaml"))), "Application") {
		source := at(r, "spec", "source")
		all = append(all, deployed{
			text(source, "helm", "releaseName"), text(source, "repoURL"), text(source, "chart"), text(source, "targetRevision"), list(source, "helm", "valueFiles"),
		})
	}
	return all
}

func fluxReleases(t *testing.T) []deployed {
	t.Helper()
	resources := parse(t, []byte(document(t, "k8s/flux/openorder.yaml")))
	repositories := map[string]string{}
	for _, r := range ofKind(resources, "HelmRepository") {
		repositories[r.name()] = text(r, "spec", "url")
	}
	var all []deployed
	for _, r := range ofKind(resources, "HelmRelease") {
		chart := at(r, "spec", "chart", "spec")
		all = append(all, deployed{
			text(r, "spec", "releaseName"), strings.TrimPrefix(repositories[text(chart, "sourceRef", "name")], "oci://"), text(chart, "chart"), text(chart, "version"), list(chart, "valuesFiles"),
		})
		for _, other := range list(r, "spec", "dependsOn") {
			if !slices.ContainsFunc(ofKind(resources, "HelmRelease"), func(r resource) bool { return r.name() == text(other, "name") }) {
				t.Errorf("%s waits for %s, which does not exist", r, text(other, "name"))
			}
		}
	}
	return all
}

// Argo CD shows a KafkaTopic as its controller sees it: not healthy before a pass over what the resource says now.
func TestArgoCDSeesATopicsHealth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object        string
		health, words string
	}{
		"no status":               {`{"metadata": {"generation": 1}}`, "Progressing", "has not looked at it yet"},
		"nobody looked at it yet": {`{"metadata": {"generation": 1}, "status": {"observedGeneration": -1, "conditions": [{"type": "Ready", "status": "Unknown", "message": "No controller"}]}}`, "Progressing", "has not looked at it yet"},
		"Ready":                   {`{"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True", "message": "as declared"}]}}`, "Healthy", "as declared"},
		"not Ready, and going on": {`{"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False", "message": "brokers are away"}]}}`, "Progressing", "brokers are away"},
		"Pause":                   {`{"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Paused", "message": "nobody looks"}]}}`, "Suspended", "nobody looks"},
		"Stalled":                 {`{"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "False", "message": "refused"}, {"type": "Stalled", "status": "True", "message": "refused, change it"}]}}`, "Degraded", "refused, change it"},
		"Ready once, now changed": {`{"metadata": {"generation": 3}, "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True", "message": "as declared"}]}}`, "Progressing", "has not looked at it yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if health, words := argoHealth(t, c.object); health != c.health || !strings.Contains(words, c.words) {
				t.Errorf("got %s, %q, want %s, %q", health, words, c.health, c.words)
			}
		})
	}
}

// argoHealth runs the health check as Argo CD does: the object is the global obj, the result is returned.
func argoHealth(t *testing.T, object string) (health, message string) {
	t.Helper()
	var config struct{ Data map[string]string }
	if err := yaml.Unmarshal([]byte(document(t, "k8s/argocd/kafkatopic-health.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal([]byte(object), &value); err != nil {
		t.Fatal(err)
	}
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", luaValue(state, value))
	if err := state.DoString(config.Data["resource.customizations.health.kafka.openorder.io_KafkaTopic"]); err != nil {
		t.Fatal(err)
	}
	result, _ := state.Get(-1).(*lua.LTable)
	if result == nil {
		t.Fatalf("returned %s", state.Get(-1))
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, inner := range v {
			table.RawSetString(key, luaValue(state, inner))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, inner := range v {
			table.Append(luaValue(state, inner))
		}
		return table
	case float64:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	default:
		return lua.LNil
	}
}
