// Command panels proves the dashboards and alerts: a real Prometheus (on the PATH) scrapes the pods of a namespace through
// the API server while they work, and then every query of every panel must have data, and every metric that a rule names
// must exist.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	address    = "127.0.0.1:29090"
	dashboards = "../../charts/openorder/files/dashboards"
	rules      = "../../charts/openorder/files/rules.yaml"
	topicRules = "../../charts/openorder-operator/files/rules.yaml"
	scraped    = "testdata/metrics.txt"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the cluster")
	namespace := flag.String("namespace", "", "where the release is")
	wait := flag.Duration("wait", 50*time.Second, "how long to scrape before the panels are asked")
	update := flag.Bool("update", false, "write the names of the metrics to "+scraped)
	flag.Parse()
	if err := run(context.Background(), *kubeconfig, *namespace, *wait, *update); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig, namespace string, wait time.Duration, update bool) error {
	stop, err := start(ctx, kubeconfig, namespace)
	if err != nil {
		return err
	}
	defer stop()
	time.Sleep(wait) // there is nothing to wait on: rates need a stretch of time
	names, err := metricNames(ctx)
	if err != nil {
		return err
	}
	if update {
		if err := os.WriteFile(scraped, []byte(strings.Join(names, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	panelErr := askPanels(ctx, namespace)
	return errors.Join(panelErr, askRules(ctx, names))
}

// start runs Prometheus on a fresh folder and returns when it answers.
func start(ctx context.Context, kubeconfig, namespace string) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "panels")
	if err != nil {
		return nil, err
	}
	config, err := configuration(kubeconfig, namespace)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), config, 0o600); err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start prometheus: %w", err)
	}
	stop = func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = os.RemoveAll(dir)
	}
	for range 100 {
		if response, err := http.Get("http://" + address + "/-/ready"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return stop, nil
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	stop()
	return nil, errors.New("prometheus did not become ready")
}

// configuration scrapes what the chart's ServiceMonitors would, with the labels that they would give.
func configuration(kubeconfig, namespace string) ([]byte, error) {
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	var access struct {
		Clusters []struct{ Cluster struct{ Server string } }
		Users    []struct{ User struct{ Token string } }
	}
	if err := yaml.Unmarshal(text, &access); err != nil {
		return nil, err
	}
	server := strings.TrimPrefix(access.Clusters[0].Cluster.Server, "https://")
	tls := map[string]any{"insecure_skip_verify": true}
	auth := map[string]any{"credentials": access.Users[0].User.Token}
	targets, err := pods(kubeconfig, namespace, server)
	if err != nil {
		return nil, err
	}
	var ruleFiles []string
	for _, file := range []string{rules, topicRules} {
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		ruleFiles = append(ruleFiles, path)
	}
	return yaml.Marshal(map[string]any{
		"global":     map[string]any{"scrape_interval": "3s", "evaluation_interval": "5s"},
		"rule_files": ruleFiles,
		"scrape_configs": []any{map[string]any{
			"job_name": "pods", "scheme": "https", "tls_config": tls, "authorization": auth, "honor_labels": true,
			"static_configs": targets,
		}},
	})
}

// pods are the targets: Debian's Prometheus finds none by itself.
func pods(kubeconfig, namespace, server string) ([]any, error) {
	text, err := exec.Command("kubectl", "--kubeconfig", kubeconfig, "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/part-of=openorder",
		"--field-selector=status.phase=Running", "-o", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("list the pods: %w", err)
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Spec struct {
				Containers []struct {
					Ports []struct {
						Name          string
						ContainerPort int
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	var targets []any
	for _, pod := range list.Items {
		for _, port := range pod.Spec.Containers[0].Ports {
			if port.Name != "admin" {
				continue
			}
			targets = append(targets, map[string]any{"targets": []string{server}, "labels": map[string]string{
				"__metrics_path__": fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy/metrics", namespace, pod.Metadata.Name, port.ContainerPort),
				"namespace":        namespace, "pod": pod.Metadata.Name, "job": pod.Metadata.Labels["app.kubernetes.io/component"],
			}})
		}
	}
	if len(targets) == 0 {
		return nil, errors.New("no pod with a port admin")
	}
	return targets, nil
}

func askPanels(ctx context.Context, namespace string) error {
	files, err := filepath.Glob(dashboards + "/*.json")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no dashboards in %s: %w", dashboards, err)
	}
	var errs []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		asked := 0
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				expr := strings.NewReplacer("$namespace", namespace, "$__rate_interval", "30s", "$__range", "5m").Replace(target.Expr)
				asked++
				if n, err := query(ctx, expr); err != nil || n == 0 {
					errs = append(errs, fmt.Errorf("%s, %q: %d series (%w): %s", filepath.Base(file), panel.Title, n, err, expr))
				}
			}
		}
		fmt.Printf("%s: %d queries asked\n", filepath.Base(file), asked)
	}
	return errors.Join(errs...)
}

// askRules looks every metric up that the alerts name; an alert that is silent may be so for want of a metric.
func askRules(ctx context.Context, names []string) error {
	var errs []error
	for _, file := range []string{rules, topicRules} {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, name := range regexp.MustCompile(`\b(openorder|http|postgresql|process)_[a-z_]+`).FindAllString(string(text), -1) {
			if !slices.Contains(names, name) {
				errs = append(errs, fmt.Errorf("%s names %s, which nobody exposes", file, name))
			}
		}
	}
	evaluated, err := rulesWork(ctx)
	fmt.Printf("rules: %d metrics known, %d rules evaluated\n", len(names), evaluated)
	return errors.Join(append(errs, err)...)
}

// rulesWork tells how many rules were evaluated, and which cannot be.
func rulesWork(ctx context.Context) (int, error) {
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := get(ctx, "/api/v1/rules", &answer); err != nil {
		return 0, err
	}
	var errs []error
	evaluated := 0
	for _, group := range answer.Data.Groups {
		for _, rule := range group.Rules {
			if rule.Health != "ok" {
				errs = append(errs, fmt.Errorf("rule %s is %s: %s", rule.Name, rule.Health, rule.LastError))
			}
			evaluated++
		}
	}
	if evaluated == 0 {
		errs = append(errs, errors.New("no rule was evaluated"))
	}
	return evaluated, errors.Join(errs...)
}

// query tells how many series an expression has.
func query(ctx context.Context, expr string) (int, error) {
	var answer struct {
		Data struct{ Result []struct{ Value []any } }
	}
	err := get(ctx, "/api/v1/query?query="+url.QueryEscape(expr), &answer)
	n := 0
	for _, series := range answer.Data.Result {
		if len(series.Value) == 2 && series.Value[1] != "NaN" {
			n++
		}
	}
	return n, err
}

func metricNames(ctx context.Context) ([]string, error) {
	var answer struct{ Data []string }
	err := get(ctx, "/api/v1/label/__name__/values", &answer)
	return answer.Data, err
}

func get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
