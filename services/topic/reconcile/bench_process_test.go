package reconcile_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
)

// controller starts the real binary.
func (m *measure) controller(brokers string) {
	m.Helper()
	dir := m.TempDir()
	binary := filepath.Join(dir, "topic-controller")
	if out, err := exec.CommandContext(m.Context(), "go", "build", "-o", binary, "../../cmd/topic-controller").CombinedOutput(); err != nil {
		m.Fatalf("build: %v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.Fatal(err)
	}
	m.admin = listener.Addr().String()
	listener.Close()
	process := exec.Command(binary, "--kubeconfig", kubetest.Kubeconfig(m, kubetest.APIServer(m)), "--namespaces", m.namespace, "--leader-election=false",
		"--kafka-brokers", brokers, "--admin-listen", m.admin, "--sweep-interval", "5s", "--metrics-max-topics", "0", "--log-level", "warn")
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		m.Fatal(err)
	}
	m.pid = process.Process.Pid
	m.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGTERM)
		if err := process.Wait(); err != nil {
			m.Errorf("the controller ended with: %v", err)
		}
	})
	testenv.Eventually(m, "the controller works", func() bool {
		return m.sum("rest_client_requests_total") > 0
	})
}

// writes are the controller's successful writes to KafkaTopics: what it sent but for reads and events.
func (m *measure) writes() float64 {
	return m.sum("rest_client_requests_total", `method="PUT"`, `code="200"`) + m.sum("rest_client_requests_total", `method="PATCH"`, `code="200"`)
}

// settledWrites are they once the controller has nothing more to write: a watch may show a status before its writer has
// the answer.
func (m *measure) settledWrites() float64 {
	m.Helper()
	last, since := m.writes(), time.Now()
	testenv.Eventually(m, "the controller has written all", func() bool {
		if now := m.writes(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
	return last
}

// sum adds a metric's series that have the labels; -1 where nobody answers.
func (m *measure) sum(metric string, labels ...string) (total float64) {
	m.Helper()
	resp, err := http.Get("http://" + m.admin + "/metrics")
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	series, err := kubetest.Series(resp.Body, metric)
	if err != nil {
		m.Fatal(err)
	}
	for has, value := range series {
		if !slices.ContainsFunc(labels, func(label string) bool { return !strings.Contains(has, label) }) {
			total += value
		}
	}
	return total
}

// cpu is the processor time that the controller has used.
func (m *measure) cpu() time.Duration {
	m.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.pid))
	if err != nil {
		m.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	ticks := 0
	for _, field := range fields[11:13] { // utime, stime
		n, _ := strconv.Atoi(string(field))
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// resident is the memory that the controller holds.
func (m *measure) resident() string {
	m.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		m.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return fmt.Sprintf("%d MiB", kib/1024)
		}
	}
	return "unknown"
}
