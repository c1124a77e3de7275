// Command order takes orders and tells what became of them.
package main

import (
	"os"
	"runtime/debug"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/telemetry/otlp"
	"github.com/openorder/openorder/services/order/app"
)

func main() {
	// A request makes garbage and keeps nothing: collecting a live heap of some MiB over and over took a quarter of the CPU.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(cli.Execute(cli.ServiceCommand("order", "Takes orders, publishes their events, and tells what became of them.", new(app.Config), otlp.New), os.Args[1:]))
}
