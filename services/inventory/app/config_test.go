package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/inventory/app"
)

func parse(args ...string) (*app.Config, error) {
	config := new(app.Config)
	command := cli.Command("inventory", "", config, func(context.Context) error { return nil })
	command.SetArgs(args)
	return config, command.Execute()
}

const withDatabase = "--database-url=sqlite:inventory.db"

func TestDefaults(t *testing.T) {
	config, err := parse(withDatabase)
	if err != nil {
		t.Error(err)
	}
	if config.FailSKU != "FAIL" || config.Service.Listen != ":8082" || config.Service.AdminListen != ":9082" {
		t.Errorf("got %+v", config)
	}
}

func TestAnEmptyFailSKUIsOff(t *testing.T) {
	if got, err := parse(withDatabase, "--fail-sku="); got.FailSKU != "" || err != nil {
		t.Errorf("by flag: %q, %v", got.FailSKU, err)
	}
	t.Setenv("FAIL_SKU", "")
	if got, err := parse(withDatabase); got.FailSKU != "" || err != nil {
		t.Errorf("by environment: %q, %v", got.FailSKU, err)
	}
	t.Setenv("FAIL_SKU", "OTHER")
	if got, err := parse(withDatabase); got.FailSKU != "OTHER" || err != nil {
		t.Errorf("by environment: %q, %v", got.FailSKU, err)
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	_, err := parse("--fail-sku=a\x00", "--listen=nowhere", "--kafka-brokers=x")
	for _, flag := range []string{"--fail-sku", "--listen", "--kafka-brokers", "--database-url"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v does not name %s", err, flag)
		}
	}
}
