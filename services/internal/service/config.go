// Package service is the frame that every service runs in: its listeners, its probes and metrics, its start while a
// database is still away, and its orderly end.
package service

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/telemetry"
)

// Config says where a service listens and how it stops.
type Config struct {
	Listen      string
	AdminListen string
	Pprof       bool
	DrainDelay  time.Duration

	Log telemetry.LogConfig

	// FlagPrefix is what the names of the addresses' flags start with where several services share a command line, such as
	// "order-". It is used in messages only.
	FlagPrefix string
	// OnListen is told where the service listens, which matters with port 0. It may be nil.
	OnListen func(api, admin net.Addr)
}

// AddFlags registers the flags; the addresses are the service's own defaults.
func (c *Config) AddFlags(f *pflag.FlagSet, listen, adminListen string) {
	f.StringVar(&c.Listen, "listen", listen, "`HOST:PORT` of the API ($LISTEN).")
	f.StringVar(&c.AdminListen, "admin-listen", adminListen, "`HOST:PORT` of /livez, /readyz and /metrics ($ADMIN_LISTEN).")
	f.BoolVar(&c.Pprof, "pprof", false, "Serve /debug/pprof on the admin address ($PPROF).")
	f.DurationVar(&c.DrainDelay, "drain-delay", 3*time.Second, "How long to go on serving after SIGTERM, not ready any more, until load balancers have noticed ($DRAIN_DELAY).")
	c.Log.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (c Config) Validate() error {
	var errs []error
	refuse := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.flag(flag), err))
		}
	}
	refuse("listen", checkAddress(c.Listen))
	refuse("admin-listen", checkAddress(c.AdminListen))
	if c.Listen == c.AdminListen && !wantsFreePort(c.Listen) {
		refuse("admin-listen", fmt.Errorf("%q is the API's address already (%s)", c.AdminListen, c.flag("listen")))
	}
	if c.DrainDelay < 0 || c.DrainDelay > maxDrainDelay {
		errs = append(errs, fmt.Errorf("--drain-delay: %s is not between 0s and %s", c.DrainDelay, maxDrainDelay))
	}
	return errors.Join(append(errs, c.Log.Validate())...)
}

const maxDrainDelay = 10 * time.Minute

func (c Config) flag(name string) string { return "--" + c.FlagPrefix + name }

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: the port is not a number from 0 to 65535", address)
	}
	return nil
}

func wantsFreePort(address string) bool {
	_, port, _ := net.SplitHostPort(address)
	return port == "0"
}
