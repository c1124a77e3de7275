package chartcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/syntax"
	"sigs.k8s.io/yaml"
)

// Tilt and Skaffold are not built here; their files are held to what can be seen without them.
func TestTheTiltfileParsesAndNamesWhatExists(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(root + "/Tiltfile")
	if err != nil {
		t.Fatal(err)
	}
	options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}
	if _, err := options.Parse("Tiltfile", file, 0); err != nil {
		t.Error(err)
	}
	exist(t, regexp.MustCompile(`(?:charts|k8s|services)/[a-zA-Z0-9_./-]*[a-zA-Z0-9]`).FindAllString(string(file), -1))
}

func TestSkaffoldsFileParsesAndNamesWhatExists(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(root + "/skaffold.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(file, &config); err != nil {
		t.Fatal(err)
	}
	exist(t, regexp.MustCompile(`(?:charts|services/cmd)/[a-z0-9_./-]*[a-z0-9]`).FindAllString(string(file), -1))
	for _, artifact := range list(config, "build", "artifacts") {
		name := strings.ReplaceAll(text(artifact, "image"), "-", "_")
		if !strings.Contains(string(file), "IMAGE_REPO_"+name+"}}") {
			t.Errorf("image %s is built and not deployed", name)
		}
	}
}

func exist(t *testing.T, paths []string) {
	t.Helper()
	if len(paths) == 0 {
		t.Error("names no file")
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "services/cmd") || strings.HasPrefix(path, "services/tests") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, path)); err != nil && !strings.Contains(path, "charts/kube-prometheus") && !strings.Contains(path, "charts/operator") && !strings.Contains(path, "charts/cloudnative-pg") {
			t.Errorf("%s does not exist", path)
		}
	}
}
