package controller_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/controller"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// asController makes this test binary be the controller's.
const asController = "OPENORDER_TEST_AS_CONTROLLER"

func TestMain(m *testing.M) {
	if os.Getenv(asController) != "" {
		os.Exit(cli.Execute(controller.Command(), os.Args[1:]))
	}
	kubetest.Main(m)
}

// place is a namespace of a test's own, where controllers run as processes.
type place struct {
	*testing.T
	client.Client
	namespace  string
	kubeconfig string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return &place{t, kubetest.Client(t), kubetest.Namespace(t), kubetest.Kubeconfig(t, kubetest.APIServer(t))}
}

// process is a running controller.
type process struct {
	*place
	command *exec.Cmd
	admin   string // its address
	ended   chan struct{}

	mu  sync.Mutex
	log strings.Builder
}

// start starts a controller that sweeps every second, and waits until its probes answer.
func (p *place) start(brokers kafka.Config, flags ...string) *process {
	p.Helper()
	executable, err := os.Executable()
	p.must(err)
	c := &process{place: p, ended: make(chan struct{})}
	c.command = exec.Command(executable, append([]string{
		"--kubeconfig", p.kubeconfig, "--namespaces", p.namespace, "--lease-namespace", p.namespace, "--kafka-brokers", brokers.Brokers,
		"--admin-listen", "127.0.0.1:0", "--sweep-interval", "1s", "--log-format", "json"}, flags...)...)
	c.command.Env = append(os.Environ(), asController+"=1")
	stderr, err := c.command.StderrPipe()
	p.must(err)
	p.must(c.command.Start())
	p.Cleanup(c.cleanUp)
	listening := make(chan string, 1)
	go c.read(stderr, listening)
	select {
	case c.admin = <-listening:
	case <-c.ended:
		p.Fatal("the controller ended at once")
	case <-time.After(time.Minute):
		p.Fatal("the controller does not say where its probes are")
	}
	return c
}

// logged is what the process has logged.
func (c *process) logged() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

// read keeps the log, and finds the address of the probes in it.
func (c *process) read(stderr io.Reader, listening chan<- string) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c.mu.Lock()
		c.log.WriteString(lines.Text() + "\n")
		c.mu.Unlock()
		var line struct {
			Address string `json:"admin_listen"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Address != "" {
			select {
			case listening <- line.Address:
			default: // it said so before
			}
		}
	}
	_ = c.command.Wait()
	close(c.ended)
}

func (c *process) cleanUp() {
	c.signal(syscall.SIGKILL)
	<-c.ended
	if c.Failed() {
		c.Logf("the log of %s:\n%s", c.admin, c.logged())
	}
}

func (c *process) signal(s syscall.Signal) { _ = c.command.Process.Signal(s) } // it may have ended by itself

// stop sends SIGTERM, and returns the exit code and how long it took.
func (c *process) stop() (code int, took time.Duration) {
	c.Helper()
	began := time.Now()
	c.signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(40 * time.Second):
		c.Fatal("the controller does not stop")
	}
	return c.command.ProcessState.ExitCode(), time.Since(began)
}

func (c *process) get(path string) (status int, body string) {
	c.Helper()
	resp, err := http.Get("http://" + c.admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	c.must(err)
	return resp.StatusCode, string(text)
}

// untilReadyz waits until /readyz?verbose answers 200 and says something.
func (c *process) untilReadyz(says string) {
	c.Helper()
	status, body := 0, ""
	defer func() {
		if c.Failed() {
			c.Logf("/readyz?verbose: %d %s", status, body)
		}
	}()
	testenv.Eventually(c, "/readyz?verbose says "+says, func() bool {
		if status, body = c.get("/readyz?verbose"); status != http.StatusOK {
			c.Fatalf("not ready: %d %s", status, body)
		}
		return strings.Contains(body, says)
	})
}

// untilWaitsForNothing waits until /readyz?verbose has nothing to say.
func (c *process) untilWaitsForNothing() {
	c.Helper()
	testenv.Eventually(c, "the controller waits for nothing", func() bool {
		_, body := c.get("/readyz?verbose")
		return body == "ok\n"
	})
}

// series are a metric's values by their labels: name="value",….
func (c *process) series(metric string) map[string]float64 {
	c.Helper()
	_, body := c.get("/metrics")
	values, err := kubetest.Series(strings.NewReader(body), metric)
	c.must(err)
	return values
}

// apply makes a resource.
func (p *place) apply(name, spec string) {
	p.Helper()
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: name}}
	p.must(yaml.Unmarshal([]byte(spec), &resource.Spec))
	p.must(p.Create(p.Context(), resource))
}

// until waits for a resource's condition, given as "True Synced".
func (p *place) until(name, condition string) {
	p.Helper()
	last := ""
	defer func() {
		if p.Failed() {
			p.Logf("%s: %s", name, last)
		}
	}()
	testenv.Eventually(p, name+" is "+condition, func() bool {
		var resource v1alpha1.KafkaTopic
		p.must(p.Get(p.Context(), client.ObjectKey{Namespace: p.namespace, Name: name}, &resource))
		ready := meta.FindStatusCondition(resource.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil {
			last = string(ready.Status) + " " + ready.Reason + ": " + ready.Message
		}
		return strings.HasPrefix(last, condition)
	})
}

// holder is who holds the lease, nobody when it is empty.
func (p *place) holder() string {
	p.Helper()
	var lease coordinationv1.Lease
	err := p.Get(p.Context(), client.ObjectKey{Namespace: p.namespace, Name: "openorder-topic-controller"}, &lease)
	p.must(client.IgnoreNotFound(err))
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func (p *place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}
