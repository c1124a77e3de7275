// Package broker is the embedded Kafka-protocol broker of the all-in-one: franz-go's kfake, with its data on disk or in
// memory. It is for laptops and tests; the services do not know it from a real cluster.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Config says where the broker listens and where it keeps its data.
type Config struct {
	Dir        string // made when missing; empty keeps everything in memory
	Address    string // HOST:PORT
	Advertise  string // HOST:PORT that clients are told to use; empty is Address, or this machine's name where Address is of all interfaces
	Partitions int32  // of each topic made at the first start
	Log        *slog.Logger

	// Of a test; nil asks the system.
	free   func(dir string) (uint64, error)
	lookup func(ctx context.Context, host string) ([]string, error)
}

// Broker is a running broker.
type Broker struct {
	cluster  *kfake.Cluster
	address  string
	running  string // path of the file that is there while the data are in use
	unsaved  atomic.Bool
	stop     chan struct{}
	retained sync.WaitGroup
}

// AddressError is why the broker cannot listen where it was told to.
type AddressError struct{ error }

// Start opens the data, listens, and makes OpenOrder's topics where they are missing. What was acknowledged survives
// kill -9: each batch is on disk before its acknowledgement. Keeping a second process off the same data is the caller's.
func Start(c Config) (*Broker, error) {
	listener, err := listen(c)
	if err != nil {
		return nil, err
	}
	b, err := start(c, listener)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	if err := makeTopics(listener.Listener.Addr().String(), c.Partitions); err != nil {
		b.Close()
		return nil, fmt.Errorf("embedded broker: make the topics: %w", err)
	}
	return b, nil
}

func start(c Config, listener named) (*Broker, error) {
	b := &Broker{address: listener.Addr().String(), stop: make(chan struct{})}
	if c.Dir != "" {
		b.running = filepath.Join(c.Dir, runningFile)
		if err := prepare(c, b.running); err != nil {
			return nil, fmt.Errorf("embedded broker: %w", err)
		}
	}
	cluster, err := open(c, &b.unsaved, func(string, string) (net.Listener, error) { return listener, nil })
	if err != nil {
		return nil, fmt.Errorf("embedded broker: open %s: %w", c.Dir, err)
	}
	b.cluster = cluster
	if c.Dir != "" {
		newRoom(c).guard(cluster)
	}
	b.retained.Go(b.applyRetention)
	return b, nil
}

// Address is where the broker tells its clients to come, which matters with port 0.
func (b *Broker) Address() string { return b.address }

// Close stops the broker and brings its files into their final shape. Close the clients first: they leave their groups
// then, which are free at the next start.
func (b *Broker) Close() {
	close(b.stop)
	b.retained.Wait()
	b.cluster.Close()
	if b.running != "" && !b.unsaved.Load() {
		_ = os.Remove(b.running) // left behind, it costs the next start some time
	}
}

// applyRetention does what kfake does only once a topic was made since it was opened.
func (b *Broker) applyRetention() {
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-every.C:
			b.cluster.ApplyRetention()
		}
	}
}

func open(c Config, unsaved *atomic.Bool, listen func(network, address string) (net.Listener, error)) (*kfake.Cluster, error) {
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("openorder"),
		kfake.ListenFn(listen),
		kfake.WithLogger(logger{c.Log, unsaved}),
		kfake.BrokerConfigs(map[string]string{
			"offsets.retention.minutes": "5256000", // ten years: a laptop may sleep for longer than Kafka's seven days
		}),
	}
	if c.Dir != "" {
		options = append(options, kfake.DataDir(c.Dir), kfake.SyncWrites())
	}
	return kfake.NewCluster(options...)
}

func listen(c Config) (named, error) {
	listener, err := net.Listen("tcp", c.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return named{}, AddressError{fmt.Errorf("embedded broker: %s is in use by another process; stop it or choose another address", c.Address)}
	}
	if err != nil {
		return named{}, AddressError{fmt.Errorf("embedded broker: cannot listen: %w", err)}
	}
	advertised, err := advertise(c, listener.Addr().(*net.TCPAddr))
	if err != nil {
		_ = listener.Close()
		return named{}, AddressError{fmt.Errorf("embedded broker: cannot find this machine's name: %w; choose an address to listen on", err)}
	}
	return named{listener, advertised}, nil
}

// advertise is the address that clients are sent to.
func advertise(c Config, bound *net.TCPAddr) (string, error) {
	switch {
	case c.Advertise != "":
		return c.Advertise, nil
	case !bound.IP.IsUnspecified():
		return bound.String(), nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	if err := c.find(name); err != nil {
		c.Log.Warn("this machine's name cannot be looked up: only this machine reaches the embedded broker", "name", name, "error", err)
		name = "localhost"
	}
	return net.JoinHostPort(name, strconv.Itoa(bound.Port)), nil
}

func (c Config) find(host string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lookup := c.lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupHost
	}
	_, err := lookup(ctx, host)
	return err
}

// named is a listener that says it listens elsewhere: kfake tells clients what its listener says.
type named struct {
	net.Listener
	address string
}

// Addr implements net.Listener.
func (l named) Addr() net.Addr { return address(l.address) }

// Accept goes on after a refusal, such as that no file descriptor is left for now. kfake would never take a connection again.
func (l named) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			return newRequests(conn), nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		time.Sleep(acceptPause)
	}
}

const acceptPause = 100 * time.Millisecond

type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
