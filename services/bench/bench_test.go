package bench_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/bench"
)

func TestBenchMeasuresEveryRowWithNothingInstalledAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "openorder")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/openorder").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	temporary := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o777); err != nil {
		t.Fatal(err)
	}
	profiles := filepath.Join(dir, "profiles")
	run := exec.CommandContext(t.Context(), binary, "bench", "--json", "--records=3000", "--skus=50", "--partitions=3", "--duration=3s",
		"--connections=8", "--rate=50", "--rows=post,reserve,hot,fail,latency", "--profile="+profiles)
	run.Env = append(os.Environ(), "TMPDIR="+temporary, "KAFKA_BROKERS=", "DATABASE_URL=")
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	if err := run.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var report bench.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	of := map[string]string{"bare-handler": "", "post": "bare-handler", "bare-loop": "", "reserve": "bare-loop", "hot": "reserve", "fail": "reserve", "latency": ""}
	for _, row := range report.Rows {
		want, known := of[row.Name]
		if !known || row.Rate <= 0 || row.Memory <= 0 || row.Of != want || (want != "") != (row.Ratio > 0) {
			t.Errorf("a row that says too little: %+v", row)
		}
		delete(of, row.Name)
	}
	if len(of) > 0 {
		t.Errorf("not measured: %v", of)
	}
	for _, profile := range []string{"post-order", "reserve-inventory", "latency-order", "latency-inventory"} {
		if info, err := os.Stat(filepath.Join(profiles, profile+".pprof")); err != nil || info.Size() == 0 {
			t.Errorf("profile %s: %v", profile, err)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
