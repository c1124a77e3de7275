// Command notification tells customers what became of their orders.
package main

import (
	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/telemetry/otlp"
	"github.com/openorder/openorder/services/notification/app"
)

func main() {
	cli.RunService("notification", "Tells customers what became of their orders: in the log, and by signed webhooks.", &app.Config{}, otlp.New)
}
