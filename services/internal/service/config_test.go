package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/service"
)

func TestDefaultsAreTheServicesOwn(t *testing.T) {
	t.Parallel()
	var c service.Config
	c.AddFlags(pflag.NewFlagSet("test", pflag.ContinueOnError), ":8080", ":9080")
	if c.Listen != ":8080" || c.AdminListen != ":9080" || c.DrainDelay != 3*time.Second || c.Pprof {
		t.Errorf("got %+v", c)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestWrongValuesAreRefusedAllAtOnceNamingTheirFlags(t *testing.T) {
	t.Parallel()
	c := config()
	c.FlagPrefix = "order-"
	c.Listen, c.AdminListen, c.DrainDelay, c.Log.Level = "8080", ":http", -1, "loud"
	err := c.Validate()
	for _, want := range []string{"--order-listen: ", "--order-admin-listen: ", "--drain-delay: ", "--log-level: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in: %v", want, err)
		}
	}
	c = config()
	c.Listen, c.AdminListen = ":8080", ":8080"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "--admin-listen: ") {
		t.Errorf("one address for both: %v", err)
	}
}
