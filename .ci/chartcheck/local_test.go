package chartcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/syntax"
	"sigs.k8s.io/yaml"
)

// Tilt and Skaffold are not built here; their files are held to what can be seen without them: see also tiltfile_test.go.
func TestTheTiltfileParsesAndNamesWhatExists(t *testing.T) {
	t.Parallel()
	file := document(t, "Tiltfile")
	options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}
	if _, err := options.Parse("Tiltfile", file, 0); err != nil {
		t.Error(err)
	}
	exist(t, regexp.MustCompile(`(?:charts|k8s|services)/[a-zA-Z0-9_./-]*[a-zA-Z0-9]`).FindAllString(file, -1))
}

// skaffold is skaffold.yaml, read.
func skaffold(t *testing.T) map[string]any {
	t.Helper()
	var config map[string]any
	if err := yaml.Unmarshal([]byte(document(t, "skaffold.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	return config
}

func TestSkaffoldsFileParsesAndNamesWhatExists(t *testing.T) {
	t.Parallel()
	file, config := document(t, "skaffold.yaml"), skaffold(t)
	exist(t, regexp.MustCompile(`(?:charts|services/cmd)/[a-z0-9_./-]*[a-z0-9]`).FindAllString(file, -1))
	for _, artifact := range list(config, "build", "artifacts") {
		name := strings.ReplaceAll(text(artifact, "image"), "-", "_")
		if !strings.Contains(file, "IMAGE_REPO_"+name+"}}") {
			t.Errorf("image %s is built and not deployed", name)
		}
	}
}

// Every release of every profile sets values that its chart knows.
func TestSkaffoldsReleasesRender(t *testing.T) {
	t.Parallel()
	config := skaffold(t)
	releases := list(config, "deploy", "helm", "releases")
	for _, profile := range list(config, "profiles") {
		releases = append(releases, list(profile, "deploy", "helm", "releases")...)
	}
	if len(releases) != 4 {
		t.Errorf("%d releases", len(releases))
	}
	for _, release := range releases {
		p := profile{chart: root + "/" + text(release, "chartPath")}
		for _, values := range list(release, "valuesFiles") {
			p.values = append(p.values, root+"/"+values.(string))
		}
		for _, group := range []string{"setValues", "setValueTemplates"} {
			values, _ := at(release, group).(map[string]any)
			for name, value := range values {
				p.set = append(p.set, name+"="+filledIn(value))
			}
		}
		if _, err := p.render(t); err != nil {
			t.Errorf("%s: %v", text(release, "name"), err)
		}
	}
}

// filledIn is a value with Skaffold's templates as they might come out.
func filledIn(value any) string {
	s := fmt.Sprint(value)
	for template, result := range map[string]string{
		`\{\{\.IMAGE_REPO_\w+\}\}`: "localhost:5001/image", `\{\{\.IMAGE_TAG_\w+\}\}`: "tag", `\{\{\.IMAGE_DIGEST_\w+\}\}`: "sha256:" + strings.Repeat("0", 64),
		`\{\{\.KAFKA_BROKERS .*\}\}`: "kafka:9092",
	} {
		s = regexp.MustCompile(template).ReplaceAllString(s, result)
	}
	return s
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
