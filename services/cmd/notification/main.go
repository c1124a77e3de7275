// Command notification tells customers what became of their orders.
package main

import (
	"os"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/telemetry/otlp"
	"github.com/openorder/openorder/services/notification/app"
)

func main() {
	os.Exit(cli.Execute(cli.ServiceCommand("notification", "Tells customers what became of their orders: in the log, and by signed webhooks.", &app.Config{}, otlp.New), os.Args[1:]))
}
