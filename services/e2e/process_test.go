package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/testenv"
)

// binaries is where TestMain built the commands.
var binaries string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "openorder-e2e-")
	if err != nil {
		panic(err)
	}
	binaries = dir
	build := exec.Command("go", "build", "-o", dir, "../cmd/openorder", "../cmd/order", "../cmd/inventory", "../cmd/notification")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the commands:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is one of our binaries, running.
type process struct {
	*testing.T
	command *exec.Cmd
	output  *output
	ended   chan struct{}
}

// start runs a binary until the test ends; HOME and TMPDIR are the test's own, so that instances do not find each other.
func start(t *testing.T, home, binary string, args ...string) *process {
	t.Helper()
	return startIn(t, home, nil, binary, args...)
}

func startIn(t *testing.T, home string, env []string, binary string, args ...string) *process {
	t.Helper()
	p := &process{T: t, output: &output{}, ended: make(chan struct{})}
	p.command = exec.Command(filepath.Join(binaries, binary), args...)
	p.command.Env = append(environment(home), env...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.command.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", binary, p.output.tail(60))
		}
	})
	return p
}

func environment(home string) []string {
	return append(os.Environ(), "HOME="+home, "TMPDIR="+home, "XDG_CACHE_HOME="+home, "XDG_DATA_HOME="+home, "LOG_FORMAT=text")
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// stop asks the process to end, by SIGTERM or Ctrl-C, and returns its exit code.
func (p *process) stop(signal os.Signal) int {
	p.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		p.Fatal(err)
	}
	return p.exits(30 * time.Second)
}

// exits waits for the process to end by itself and returns its exit code.
func (p *process) exits(within time.Duration) int {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(within):
		p.Fatalf("did not end within %s", within)
	}
	return p.command.ProcessState.ExitCode()
}

// tool runs one of openorder's tools to its end.
func tool(t *testing.T, home string, env []string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(binaries, "openorder"), args...)
	command.Env = append(environment(home), env...)
	out, err := command.CombinedOutput()
	return string(out), err
}

// output keeps what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) tail(lines int) string {
	all := strings.Split(o.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// freeAddress is a loopback address that nobody listens on at this moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+lastPort.Add(1)%ports)
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
}

// The ports that services get: below those that systems take for outgoing connections and for listeners without a port of
// their own, and each only once, or two processes that start at the same time could be given the same. Another run of these
// tests on the machine begins somewhere else.
const (
	firstPort = 24_000
	ports     = 8_000
)

var lastPort atomic.Int64

func init() { lastPort.Store(rand.Int64N(ports)) }

// ready waits until a service's admin address says so.
func ready(t *testing.T, admin string) {
	t.Helper()
	testenv.Eventually(t, "http://"+admin+"/readyz answers 200", func() bool {
		response, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode == http.StatusOK
	})
}

// lines scans a stream's lines.
func lines(r io.Reader) *bufio.Scanner { return bufio.NewScanner(r) }
