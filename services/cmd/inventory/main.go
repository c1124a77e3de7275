// Command inventory reserves stock for orders.
package main

import (
	"os"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/telemetry/otlp"
	"github.com/openorder/openorder/services/inventory/app"
)

func main() {
	os.Exit(cli.Execute(cli.ServiceCommand("inventory", "Reserves stock for orders, each whole or not at all, and never more than there is.", new(app.Config), otlp.New), os.Args[1:]))
}
