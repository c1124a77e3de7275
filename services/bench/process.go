package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/openorder/openorder/services/internal/kafka"
)

// launcher starts what is measured, each as a process of its own, so that its memory and processor time are its own.
type launcher struct {
	self     string // this executable, which has the services and the floors in it
	dir      string // of the services' own binaries, in place of self
	profiles bool
}

func newLauncher(c *Command) (launcher, error) {
	self, err := os.Executable()
	if err != nil {
		return launcher{}, fmt.Errorf("find this executable: %w", err)
	}
	return launcher{self: self, dir: c.ServiceBinaryDir, profiles: c.Profile != ""}, nil
}

// service starts a service on brokers and a row's database. Others of its settings are VARIABLE=value.
func (l launcher) service(ctx context.Context, name string, brokers kafka.Config, database string, settings ...string) (*process, error) {
	settings = append(settings, "DATABASE_URL="+urlFor(database, name), "DRAIN_DELAY=0s", "LISTEN=127.0.0.1:0", "ADMIN_LISTEN=127.0.0.1:0")
	settings = append(settings, kafkaSettings(brokers)...)
	if l.profiles {
		settings = append(settings, "PPROF=true")
	}
	if l.dir != "" {
		return start(ctx, name, settings, filepath.Join(l.dir, name))
	}
	return start(ctx, name, settings, l.self, "service", name)
}

// floor starts one of the floors.
func (l launcher) floor(ctx context.Context, name string, brokers kafka.Config) (*process, error) {
	return start(ctx, "floor-"+name, kafkaSettings(brokers), l.self, "bench", "--floor="+name)
}

func kafkaSettings(c kafka.Config) []string {
	return []string{
		"KAFKA_BROKERS=" + c.Brokers,
		"KAFKA_TLS_CA_FILE=" + c.TLSCAFile, "KAFKA_TLS_CERT_FILE=" + c.TLSCertFile, "KAFKA_TLS_KEY_FILE=" + c.TLSKeyFile,
		"KAFKA_SASL_MECHANISM=" + c.SASLMechanism, "KAFKA_SASL_USERNAME=" + c.SASLUsername,
		"KAFKA_SASL_PASSWORD=" + c.SASLPassword, "KAFKA_SASL_PASSWORD_FILE=" + c.SASLPasswordFile,
	}
}

// inherited is the part of the environment that processes get; anything else could change what is measured.
var inherited = []string{"PATH", "HOME", "TMPDIR", "SYSTEMROOT", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG"}

// process is one that serves.
type process struct {
	name       string
	cmd        *exec.Cmd
	api, admin string
	peak       int64         // bytes resident, at most; known once stopped
	ended      chan struct{} // closed when the process is gone
	err        error         // of its end; to be read once ended is closed
	output     tail
}

const startPatience = time.Minute

func start(ctx context.Context, name string, settings []string, executable string, args ...string) (*process, error) {
	p := &process{name: name, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, executable, args...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 30 * time.Second
	p.cmd.Env = append(settings, "LOG_FORMAT=json", "LOG_LEVEL=info")
	for _, variable := range inherited {
		if value, set := os.LookupEnv(variable); set {
			p.cmd.Env = append(p.cmd.Env, variable+"="+value)
		}
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	serving := make(chan addresses, 1)
	go func() {
		p.output.read(stderr, serving)
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	select {
	case at := <-serving:
		p.api, p.admin = at.Listen, at.AdminListen
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("start %s: %w", name, p.failure())
	case <-time.After(startPatience):
		return nil, errors.Join(fmt.Errorf("start %s: it does not serve after %s: %s", name, startPatience, p.output.text()), p.stop())
	}
}

// stop ends the process and waits for it, and keeps what it took.
func (p *process) stop() error {
	p.peak = max(p.peak, peakMemory(p.cmd.Process.Pid))
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that is gone already tells so below
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("stop %s: %w", p.name, p.failure())
	}
	return nil
}

func (p *process) failure() error {
	err := p.err
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return fmt.Errorf("%w: %s", err, p.output.text())
}

// cpu is the processor time that it took from its start to its end.
func (p *process) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// addresses are what a service logs when it serves.
type addresses struct {
	Msg         string `json:"msg"`
	Listen      string `json:"listen"`
	AdminListen string `json:"admin_listen"`
}

// tail keeps the last lines of what a process says, for when it fails.
type tail struct {
	mu    sync.Mutex
	lines []string
}

const tailLines = 10

// read takes everything in, and tells when the process serves.
func (t *tail) read(from io.Reader, serving chan<- addresses) {
	lines := bufio.NewScanner(from)
	for starting := true; lines.Scan(); {
		var at addresses
		if starting && json.Unmarshal(lines.Bytes(), &at) == nil && at.Msg == "serving" {
			serving <- at
			starting = false
		}
		t.mu.Lock()
		t.lines = append(t.lines, lines.Text())
		t.lines = slices.Delete(t.lines, 0, max(0, len(t.lines)-tailLines))
		t.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, from) // after a line too long, so that the process does not stop
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
