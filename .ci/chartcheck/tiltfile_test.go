package chartcheck

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// The Tiltfile is run as Tilt would run it, over stand-ins for Tilt's functions that write down what they are told, and the
// real helm: in both forms, whatever it names must be there.
func TestTheTiltfileHangsTogether(t *testing.T) {
	t.Parallel()
	for form, flags := range map[string]map[string]string{
		"operators": {},
		"existing":  {"kafka-brokers": "kafka:9092", "database-url": "postgres://openorder@pg/openorder"},
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			run := newTilt(t, flags)
			options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}
			if _, err := starlark.ExecFileOptions(options, &starlark.Thread{Name: form}, root+"/Tiltfile", nil, run.builtins()); err != nil {
				t.Fatal(err)
			}
			run.check(t)
		})
	}
}

func (r *tiltRun) check(t *testing.T) {
	resources := slices.Sorted(maps.Keys(r.resources))
	for name, deps := range r.resources {
		for _, dep := range deps {
			if _, known := r.resources[dep]; !known {
				t.Errorf("%s waits for %s, which is none of %v", name, dep, resources)
			}
		}
	}
	for object, claims := range r.claimed {
		if claims != 1 {
			t.Errorf("%s belongs to %d resources", object, claims)
		}
		if !slices.ContainsFunc(r.objects, func(o string) bool { return o == object || strings.HasPrefix(o, object+":") }) {
			t.Errorf("%s is not among the objects", object)
		}
	}
	for _, object := range r.objects {
		if !r.isClaimed(object) {
			t.Errorf("%s belongs to no resource", object)
		}
	}
	for _, image := range r.images {
		if !slices.Contains(r.built, image) {
			t.Errorf("nobody builds %s", image)
		}
	}
	for _, port := range r.forwarded {
		if !slices.Contains(strings.Fields(r.checked), port) {
			t.Errorf("nobody looks whether port %s is free: %s", port, r.checked)
		}
	}
	if len(r.forwarded) < 7 {
		t.Errorf("forwarded are %v", r.forwarded)
	}
	for _, service := range r.asked {
		if made := slices.Concat(r.objects, r.byOperators()); !slices.Contains(made, service) && !strings.HasSuffix(service, ":monitoring") {
			t.Errorf("%s is among none of the Services: %v", service, made)
		}
	}
	if len(r.buttons) < 8 || len(r.commands) != len(r.buttons) {
		t.Errorf("%d buttons, %d commands", len(r.buttons), len(r.commands))
	}
	for button, resource := range r.buttons {
		if _, known := r.resources[resource]; !known {
			t.Errorf("button %s is on %s, which is none of %v", button, resource, resources)
		}
		if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", r.commands[button]).CombinedOutput(); err != nil || r.commands[button] == "" {
			t.Errorf("button %s: %v: %s", button, err, out)
		}
	}
	exist(t, r.paths)
}

// byOperators are the Services that Redpanda's operator makes: of a Console, under its name and -console.
func (r *tiltRun) byOperators() (services []string) {
	for _, object := range r.objects {
		if parts := strings.Split(object, ":"); parts[1] == "console" {
			services = append(services, parts[0]+"-console:service:"+parts[2])
		}
	}
	return services
}

// isClaimed: a workload makes a resource of its own name, what is left needs to be in one.
func (r *tiltRun) isClaimed(object string) bool {
	name, kind, _ := strings.Cut(object, ":")
	kind, _, _ = strings.Cut(kind, ":")
	if slices.Contains([]string{"deployment", "statefulset", "job", "pod", "service"}, kind) {
		return kind == "service" || slices.Contains(r.workloads, name)
	}
	for claimed := range r.claimed {
		if object == claimed || strings.HasPrefix(object, claimed+":") {
			return true
		}
	}
	return false
}
