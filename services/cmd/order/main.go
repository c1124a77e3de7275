// Command order takes orders and tells what became of them.
package main

import (
	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/telemetry/otlp"
	"github.com/openorder/openorder/services/order/app"
)

func main() {
	cli.RunService("order", "Takes orders, publishes their events, and tells what became of them.", new(app.Config), otlp.New)
}
