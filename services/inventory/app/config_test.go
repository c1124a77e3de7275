package app_test

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/inventory/app"
)

func parse(t *testing.T, args ...string) *app.Config {
	t.Helper()
	config := new(app.Config)
	parser, err := kong.New(&struct{}{}, kong.Embed(config))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config
}

const withDatabase = "--database-url=sqlite:inventory.db"

func TestDefaults(t *testing.T) {
	config := parse(t, withDatabase)
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
	if config.FailSKU != "FAIL" || config.Service.Listen != ":8082" || config.Service.AdminListen != ":9082" {
		t.Errorf("got %+v", config)
	}
}

func TestAnEmptyFailSKUIsOff(t *testing.T) {
	if got := parse(t, withDatabase, "--fail-sku=").FailSKU; got != "" {
		t.Errorf("by flag: %q", got)
	}
	t.Setenv("FAIL_SKU", "")
	if got := parse(t, withDatabase).FailSKU; got != "" {
		t.Errorf("by environment: %q", got)
	}
	t.Setenv("FAIL_SKU", "OTHER")
	if got := parse(t, withDatabase).FailSKU; got != "OTHER" {
		t.Errorf("by environment: %q", got)
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	err := parse(t, "--fail-sku=a\x00", "--listen=nowhere", "--kafka-brokers=x").Validate()
	for _, flag := range []string{"--fail-sku", "--listen", "--kafka-brokers", "--database-url"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v does not name %s", err, flag)
		}
	}
}
