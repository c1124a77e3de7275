// Command topic-controller makes KafkaTopic resources and the topics of one Kafka cluster agree.
package main

import (
	"os"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/topic/controller"
)

func main() { os.Exit(cli.Execute(controller.Command(), os.Args[1:])) }
