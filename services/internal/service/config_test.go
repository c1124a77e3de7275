package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/internal/service"
)

func TestDefaultsAreTheServicesOwn(t *testing.T) {
	var c struct {
		//lint:ignore SA5008 kong takes several set tags
		service.Config `embed:"" set:"listen=:8080" set:"admin_listen=:9080"`
	}
	if _, err := parse(t, &c); err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":8080" || c.AdminListen != ":9080" || c.DrainDelay != 3*time.Second || c.Pprof {
		t.Errorf("got %+v", c.Config)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestFlagsOfServicesInOneProcessCarryTheirNames(t *testing.T) {
	var c struct {
		//lint:ignore SA5008 kong takes several set tags
		Order service.Config `embed:"" prefix:"order-" envprefix:"ORDER_" set:"listen=:8080" set:"admin_listen=:9080"`
		//lint:ignore SA5008 kong takes several set tags
		Inventory service.Config `embed:"" prefix:"inventory-" envprefix:"INVENTORY_" set:"listen=:8082" set:"admin_listen=:9082"`
	}
	t.Setenv("INVENTORY_LISTEN", ":1")
	if _, err := parse(t, &c, "--order-listen=:2"); err != nil {
		t.Fatal(err)
	}
	if c.Order.Listen != ":2" || c.Inventory.Listen != ":1" {
		t.Errorf("got %+v", c)
	}
}

func parse(t *testing.T, into any, args ...string) (*kong.Context, error) {
	t.Helper()
	parser, err := kong.New(into)
	if err != nil {
		t.Fatal(err)
	}
	return parser.Parse(args)
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
