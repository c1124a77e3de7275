package chartcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryServiceSelectsPodsThatHaveItsPorts(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, service := range ofKind(resources, "Service") {
			selected := slices.DeleteFunc(pods(resources), func(p pod) bool { return !p.selectedBy(at(service, "spec", "selector")) })
			if len(selected) == 0 {
				t.Errorf("%s selects nothing: %s", service, compact(at(service, "spec", "selector")))
			}
			for _, p := range selected {
				for _, port := range list(service, "spec", "ports") {
					if !slices.Contains(p.ports(), at(port, "targetPort")) {
						t.Errorf("%s: %s has no port %v", service, p.owner, at(port, "targetPort"))
					}
				}
			}
		}
	})
}

func TestEveryNetworkPolicySelectsOnlyOurPodsAndNamesTheirPorts(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, policy := range ofKind(resources, "NetworkPolicy") {
			selected := slices.DeleteFunc(pods(resources), func(p pod) bool {
				return !p.selectedBy(at(policy, "spec", "podSelector", "matchLabels"))
			})
			if len(selected) != 1 {
				t.Errorf("%s selects %d of our pods: %s", policy, len(selected), compact(at(policy, "spec", "podSelector")))
				continue
			}
			for _, rule := range list(policy, "spec", "ingress") {
				for _, port := range list(rule, "ports") {
					if !slices.Contains(selected[0].ports(), at(port, "port")) {
						t.Errorf("%s: %s has no port %v", policy, selected[0].owner, at(port, "port"))
					}
				}
			}
			dns := compact(list(policy, "spec", "egress")[0])
			if dns != `{"ports":[{"port":53,"protocol":"UDP"},{"port":53,"protocol":"TCP"}]}` {
				t.Errorf("%s: names cannot be looked up: %s", policy, dns)
			}
		}
	})
}

// What a service calls it may reach: its policy has the ports of the addresses that it was given.
func TestEgressHasThePortsOfTheAddressesGiven(t *testing.T) {
	t.Parallel()
	private := `[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8","100.64.0.0/10","169.254.0.0/16","172.16.0.0/12","192.168.0.0/16"]}},` +
		`{"ipBlock":{"cidr":"::/0","except":["fc00::/7","fe80::/10"]}}]`
	for name, c := range map[string]struct {
		set  []string
		port int
		to   string
	}{
		"a webhook by https":                 {[]string{`notification.webhookURLs=["https://hooks.example.com/a:1"]`}, 443, private},
		"a webhook by http":                  {[]string{`notification.webhookURLs=["http://hooks.example.com"]`}, 80, private},
		"a webhook on a port of its own":     {[]string{`notification.webhookURLs=["https://hooks.example.com","https://[2001:db8::1]:8443/hook"]`}, 8443, private},
		"a webhook inside":                   {[]string{`notification.webhookURLs=["http://hook.shop:8090"]`, "notification.webhookAllowPrivate=true"}, 8090, "null"},
		"a webhook where the values say":     {[]string{`notification.webhookURLs=["http://hook.shop:8090"]`, `networkPolicy.egress.webhooks=[{"podSelector":{}}]`}, 8090, `[{"podSelector":{}}]`},
		"a collector outside of the cluster": {[]string{"tracing.endpoint=https://traces.example.com"}, 443, "null"},
		"a collector inside":                 {[]string{"tracing.endpoint=http://collector.observability:4318", `networkPolicy.egress.otlp=[{"namespaceSelector":{}}]`}, 4318, `[{"namespaceSelector":{}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := profiles()["external"]
			p.set = append([]string{"tracing.endpoint=", "notification.webhookURLs=[]"}, c.set...)
			for _, policy := range ofKind(p.resources(t), "NetworkPolicy") {
				if policy.name() != "openorder-notification" {
					continue
				}
				for _, rule := range list(policy, "spec", "egress") {
					if slices.ContainsFunc(list(rule, "ports"), func(port any) bool { return at(port, "port") == float64(c.port) }) {
						if got := compact(at(rule, "to")); got != c.to {
							t.Errorf("port %d is open to %s, want %s", c.port, got, c.to)
						}
						return
					}
				}
				t.Errorf("port %d is closed: %s", c.port, compact(at(policy, "spec", "egress")))
			}
		})
	}
}

func TestEveryDisruptionBudgetSelectsADeploymentOfTwo(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, budget := range ofKind(resources, "PodDisruptionBudget") {
			n := 0
			for _, p := range pods(resources) {
				if p.selectedBy(at(budget, "spec", "selector", "matchLabels")) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s selects %d kinds of pods", budget, n)
			}
			if at(budget, "spec", "maxUnavailable") != float64(1) {
				t.Errorf("%s: maxUnavailable is %v", budget, at(budget, "spec", "maxUnavailable"))
			}
		}
		for _, r := range ofKind(resources, "Deployment") {
			replicas, set := at(r, "spec", "replicas").(float64)
			covered := slices.ContainsFunc(ofKind(resources, "PodDisruptionBudget"), func(b resource) bool { return b.name() == r.name() })
			if set && covered != (replicas >= 2) {
				t.Errorf("%s has %v replicas; a budget of its own: %t", r, replicas, covered)
			}
		}
	})
}

func TestEveryRouteLeadsToAPortOfAService(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		leads := func(from resource, service string, port any) {
			for _, s := range ofKind(resources, "Service") {
				for _, p := range list(s, "spec", "ports") {
					if s.name() == service && (at(p, "name") == port || at(p, "port") == port) {
						return
					}
				}
			}
			t.Errorf("%s leads to port %v of %s, which does not exist", from, port, service)
		}
		for _, r := range ofKind(resources, "Ingress") {
			for _, rule := range list(r, "spec", "rules") {
				for _, path := range list(rule, "http", "paths") {
					leads(r, text(path, "backend", "service", "name"), at(path, "backend", "service", "port", "name"))
				}
			}
		}
		for _, r := range ofKind(resources, "HTTPRoute") {
			for _, rule := range list(r, "spec", "rules") {
				for _, backend := range list(rule, "backendRefs") {
					leads(r, text(backend, "name"), at(backend, "port"))
				}
			}
		}
	})
}

// Whatever a service answers under /api, its Ingress leads to.
func TestRoutesCoverEveryPathOfTheServices(t *testing.T) {
	t.Parallel()
	var paths []any
	for _, ingress := range ofKind(profiles()["external"].resources(t), "Ingress") {
		paths = append(paths, list(list(ingress, "spec", "rules")[0], "http", "paths")...)
	}
	for _, service := range []string{"order", "inventory", "notification"} {
		for _, path := range apiPaths(t, service) {
			if !slices.ContainsFunc(paths, func(route any) bool {
				prefix := text(route, "path")
				return text(route, "backend", "service", "name") == "openorder-"+service && (path == prefix || strings.HasPrefix(path, prefix+"/"))
			}) {
				t.Errorf("no route leads to %s of %s", path, service)
			}
		}
	}
}

// apiPaths are those that a service's source names.
func apiPaths(t *testing.T, service string) []string {
	t.Helper()
	files, err := filepath.Glob(root + "/services/" + service + "/http/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range regexp.MustCompile(`"(/api/[^"]+)"`).FindAllStringSubmatch(string(source), -1) {
			paths = append(paths, match[1])
		}
	}
	if len(paths) == 0 {
		t.Errorf("%s answers nothing under /api", service)
	}
	return paths
}
