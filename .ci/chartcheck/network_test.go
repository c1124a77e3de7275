package chartcheck

import (
	"slices"
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
