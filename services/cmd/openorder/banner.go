package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// banner says what listens where and gives five commands that work as they stand. A test runs them.
var banner = template.Must(template.New("banner").Parse(`
OpenOrder is up. Data: {{.Data}}

  orders         http://{{.Order}}/api/orders          OpenAPI http://{{.Order}}/openapi.json
  stock          http://{{.Inventory}}/api/stock
  notifications  http://{{.Notification}}/api/notifications
  broker         {{.Broker}} (Kafka protocol)

Try it from a second terminal:

  # 1. place an order
  curl -i {{.Order}}/api/orders -H 'Content-Type: application/json' -d '{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}'
  # 2. watch the newest order until it is decided
  curl -sN {{.Order}}/api/orders/$(curl -s '{{.Order}}/api/orders?limit=1' | grep -o '"orderId":[0-9]*' | grep -o '[0-9]*')/events
  # 3. place one that fails on purpose: three attempts, then the dead letter topic
  curl -i {{.Order}}/api/orders -H 'Content-Type: application/json' -d '{"userId":42,"items":[{"sku":"FAIL","qty":1}]}'
  # 4. see the dead letter (it takes two seconds to get there)
  {{.Self}} dlt list
  # 5. switch the failure off and redrive; the order becomes RESERVED
  curl -s -X PUT {{.InventoryAdmin}}/fail-sku -H 'Content-Type: text/plain' -d '' && {{.Self}} dlt redrive --yes

`))

func printBanner(w io.Writer, s *serve, dir *dataDir) {
	data := dir.path
	if dir.ephemeral {
		data = "none is kept (--ephemeral)"
	}
	_ = banner.Execute(w, map[string]string{
		"Data": data, "Broker": reachable(s.KafkaListen), "Self": self(),
		"Order": reachable(s.OrderListen), "Inventory": reachable(s.InventoryListen), "Notification": reachable(s.NotificationListen),
		"InventoryAdmin": reachable(s.InventoryAdminListen),
	})
}

// reachable is how this machine reaches a listener: by name where it listens on loopback or everywhere.
func reachable(address string) string {
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "[::]", "[::1]"} {
		if port, ok := strings.CutPrefix(address, host+":"); ok {
			return "localhost:" + port
		}
	}
	if strings.HasPrefix(address, ":") {
		return "localhost" + address
	}
	return address
}

// self is how to call this program again: `go run` leaves its binary in a temporary directory that is soon gone.
func self() string {
	path, err := os.Executable()
	if err != nil || strings.Contains(path, string(filepath.Separator)+"go-build") {
		return "go run ./services/cmd/openorder"
	}
	if filepath.Base(os.Args[0]) == os.Args[0] { // found by PATH
		return os.Args[0]
	}
	return path
}
