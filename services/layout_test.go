// Package services holds no code of its own, only the check that its rooms keep to the layout that DESIGN.md describes.
package services

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/cli"
	inventory "github.com/openorder/openorder/services/inventory/app"
	notification "github.com/openorder/openorder/services/notification/app"
	order "github.com/openorder/openorder/services/order/app"
	"github.com/openorder/openorder/services/topic/controller"
)

const module = "github.com/openorder/openorder/services/"

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, patterns ...string) map[string]goPackage {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, patterns...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]goPackage{}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// rooms are the services and tools that must not know each other.
var rooms = []string{"order", "inventory", "notification", "deadletter", "topic", "audit", "cluster", "smoke", "bench"}

func roomOf(path string) string {
	room, _, _ := strings.Cut(path, "/")
	return room
}

func TestDomainPackagesImportNeitherKafkaNorSQLNorHTTP(t *testing.T) {
	t.Parallel()
	foreign := []string{"database/sql", "net/http", "github.com/twmb/", "github.com/jackc/", "github.com/danielgtaylor/", "github.com/go-chi/", module + "internal/kafka", module + "internal/database"}
	for path, p := range list(t, "./order", "./inventory", "./notification", "./deadletter", "./topic") {
		for _, imported := range p.Imports {
			if slices.ContainsFunc(foreign, func(f string) bool { return strings.HasPrefix(imported, f) }) {
				t.Errorf("the domain package %s imports %s: that belongs into an adapter", path, imported)
			}
		}
	}
}

func TestRoomsDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	wirings := []string{"topic/controller"} // the topic controller's binary, with the subcommands of cluster
	for path, p := range list(t, "./...") {
		from := roomOf(path)
		for _, imported := range p.Imports {
			to := roomOf(strings.TrimPrefix(imported, module))
			if !strings.HasPrefix(imported, module) || to == from || to == "internal" {
				continue
			}
			if (slices.Contains(rooms, from) || from == "internal") && !slices.Contains(wirings, path) {
				t.Errorf("%s imports %s: rooms meet in cmd only", path, imported)
			}
		}
	}
}

func TestTheLaptopBinaryLinksNoKubernetesClientAndNoGRPC(t *testing.T) {
	t.Parallel()
	heavy := []string{"sigs.k8s.io/controller-runtime", "k8s.io/client-go", "google.golang.org/grpc"}
	for _, p := range list(t, "./cmd/openorder") {
		for _, dependency := range p.Deps {
			if slices.ContainsFunc(heavy, func(h string) bool { return strings.HasPrefix(dependency, h) }) {
				t.Errorf("cmd/openorder links %s", dependency)
			}
		}
	}
}

func TestTheTopicControllerLinksNoDatabase(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./cmd/topic-controller") {
		for _, dependency := range p.Deps {
			if strings.HasPrefix(dependency, "modernc.org/sqlite") || strings.HasPrefix(dependency, "github.com/jackc/") {
				t.Errorf("cmd/topic-controller links %s, a fifth of its memory", dependency)
			}
		}
	}
}

func TestEverySettingOfADeployableIsAlsoAVariableOfThatName(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]cli.Settings{
		"order": new(order.Config), "inventory": new(inventory.Config), "notification": new(notification.Config), "topic-controller": new(controller.Config),
	} {
		flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
		settings.AddFlags(flags)
		flags.VisitAll(func(f *pflag.Flag) {
			variable := strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if f.Name == "webhook-url" {
				variable = "WEBHOOK_URLS" // one variable for all of them
			}
			if !slices.Contains(cli.Variables(f), variable) {
				t.Errorf("%s: the help of --%s does not name ($%s): %s", name, f.Name, variable, f.Usage)
			}
		})
	}
}

// A single lookup of methods by a name that is known only when it happens, by reflection or by a template, makes the linker
// keep every exported method of every type: a third of the topic controller's memory was such.
func TestBinariesKeepNoMethodsThatNothingCalls(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"openorder", "order", "topic-controller"} {
		build := exec.Command("go", "build", "-tags=grpcnotrace", "-ldflags=-dumpdep", "-o", t.TempDir(), "./cmd/"+name)
		dump, err := build.CombinedOutput()
		if err != nil {
			t.Fatalf("build %s: %v\n%.1000s", name, err, dump)
		}
		for line := range strings.Lines(string(dump)) {
			user, marked := strings.CutSuffix(strings.Split(line, " -> ")[0], " <ReflectMethod>")
			if marked && !strings.HasPrefix(user, "reflect.") {
				t.Errorf("cmd/%s: %s looks up methods by name", name, user)
				break
			}
		}
	}
}

func TestGoInstallWorksBecauseNothingIsReplaced(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct{ Replace, Exclude []any }
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	if len(mod.Replace)+len(mod.Exclude) > 0 {
		t.Error("go.mod has replace or exclude directives: go install MODULE@latest refuses it")
	}
}
