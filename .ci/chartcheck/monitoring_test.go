package chartcheck

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type rule struct {
	Record      string            `json:"record,omitempty"`
	Alert       string            `json:"alert,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	KeepFiring  string            `json:"keep_firing_for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type ruleGroup struct {
	Name  string `json:"name"`
	Rules []rule `json:"rules"`
}

func ruleGroups(t *testing.T) []ruleGroup {
	t.Helper()
	var all []ruleGroup
	for _, chart := range []string{"openorder", "openorder-operator"} {
		text, err := os.ReadFile(root + "/charts/" + chart + "/files/rules.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Groups []ruleGroup }
		if err := yaml.UnmarshalStrict(text, &file); err != nil {
			t.Fatal(err)
		}
		all = append(all, file.Groups...)
	}
	return all
}

func TestRulesParse(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules",
		root+"/charts/openorder/files/rules.yaml", root+"/charts/openorder-operator/files/rules.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// With what people read: summary, description as rendered, and where the runbook is.
func TestAlertsFireOnWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, original := range map[string]string{
		"openorder.yaml":          root + "/charts/openorder/files/rules.yaml",
		"openorder-operator.yaml": root + "/charts/openorder-operator/files/rules.yaml",
		"alerts_test.yaml":        "testdata/alerts_test.yaml",
	} {
		text, err := os.ReadFile(original)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", filepath.Join(dir, "alerts_test.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// At rest the last sweep is as old as they are apart.
func TestTheSweepsBoundIsAboveTheirInterval(t *testing.T) {
	t.Parallel()
	for interval, want := range map[string]string{"60s": "> 600", "10m": "> 3000", "1h30m": "> 27000"} {
		rules := profile{chart: root + "/charts/openorder-operator", set: []string{"monitoring.prometheusRule.enabled=true", "sweepInterval=" + interval}}.resources(t)
		if found := compact(ofKind(rules, "PrometheusRule")); !strings.Contains(strings.ReplaceAll(found, `\u003e`, ">"), "[6h])) "+want+`"`) {
			t.Errorf("every %s: no %s in %s", interval, want, found)
		}
	}
}

// An alert that nobody tested wakes people for nothing, and one without a runbook section leaves them alone.
func TestEveryAlertHasATestASeverityAndARunbookSection(t *testing.T) {
	t.Parallel()
	tests, err := os.ReadFile("testdata/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runbook := document(t, "k8s/RUNBOOK.md")
	for _, g := range ruleGroups(t) {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			if !strings.Contains(string(tests), "alertname: "+r.Alert+"\n        exp_alerts:\n") {
				t.Errorf("%s: no test makes it fire", r.Alert)
			}
			if !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) {
				t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
			}
			if want := "RUNBOOK#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("%s: runbook_url %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
			}
			if !strings.Contains(runbook, "\n## "+r.Alert+"\n") {
				t.Errorf("%s: k8s/RUNBOOK.md has no section", r.Alert)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: says too little: %v", r.Alert, r.Annotations)
			}
		}
	}
}

type dashboard struct {
	Title, UID, Description string
	Templating              struct{ List []struct{ Name, Type string } }
	Panels                  []struct {
		Title, Type, Description string
		Datasource               struct{ UID string }
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct {
			Expr, LegendFormat string
			Datasource         struct{ UID string }
		}
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(root + "/charts/openorder/files/dashboards/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("%v: %v", files, err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

func TestEveryPanelExplainsItself(t *testing.T) {
	t.Parallel()
	for file, d := range dashboards(t) {
		if d.Title == "" || d.UID == "" || d.Description == "" {
			t.Errorf("%s: lacks title, uid or description", file)
		}
		var variables []string
		for _, v := range d.Templating.List {
			variables = append(variables, v.Name)
		}
		if !slices.Contains(variables, "datasource") || !slices.Contains(variables, "namespace") {
			t.Errorf("%s: variables %v", file, variables)
		}
		seen := map[string]bool{}
		for _, p := range d.Panels {
			if seen[p.Title] {
				t.Errorf("%s: two panels %q", file, p.Title)
			}
			seen[p.Title] = true
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
				t.Errorf("%s: %q lacks title, description, unit, query or the templated data source", file, p.Title)
			}
			for _, target := range p.Targets {
				if target.LegendFormat == "" || target.Datasource.UID != "${datasource}" {
					t.Errorf("%s: %q: a query without legend or data source", file, p.Title)
				}
				if !strings.Contains(target.Expr, `namespace=~"$namespace"`) {
					t.Errorf("%s: %q: ignores the namespace: %s", file, p.Title, target.Expr)
				}
				for _, counter := range regexp.MustCompile(`\w+_total\b`).FindAllStringIndex(target.Expr, -1) {
					if before := target.Expr[:counter[0]]; !strings.HasSuffix(before, "rate(") && !strings.HasSuffix(before, "increase(") {
						t.Errorf("%s: %q: a counter without rate: %s", file, p.Title, target.Expr)
					}
				}
			}
		}
	}
}

// testdata/metrics.txt holds the names that a scrape of the running services had (go run ./panels -update, which .ci/kubernetes
// runs without -update against the real thing).
func TestEveryMetricIsOneThatTheServicesExpose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(string(text))
	check := func(where, expr string) {
		for _, name := range regexp.MustCompile(`\b(openorder|http|postgresql|process)_[a-z_]+\b`).FindAllString(expr, -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: nobody exposes %s", where, name)
			}
		}
	}
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				check(file+" "+p.Title, target.Expr)
			}
		}
	}
	for _, g := range ruleGroups(t) {
		for _, r := range g.Rules {
			check(g.Name+" "+r.Alert, r.Expr)
		}
	}
}
