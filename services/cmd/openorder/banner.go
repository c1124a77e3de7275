package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// banner says what listens where and gives five commands that work as they stand. A test runs them. It is no text/template:
// that looks up methods by name, so that the linker would keep all there are.
const banner = `
OpenOrder is up. Data: {data}

  orders         http://{order}/api/orders          OpenAPI http://{order}/openapi.json
  stock          http://{inventory}/api/stock
  notifications  http://{notification}/api/notifications
  broker         {broker} (Kafka protocol)

Try it from a second terminal:

  # 1. place an order
  curl -i {order}/api/orders -H 'Content-Type: application/json' -d '{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}'
  # 2. watch the newest order until it is decided
  curl -sN {order}/api/orders/$(curl -s '{order}/api/orders?limit=1' | grep -o '"orderId":[0-9]*' | grep -o '[0-9]*')/events
  # 3. place one that fails on purpose: three attempts, then the dead letter topic
  curl -i {order}/api/orders -H 'Content-Type: application/json' -d '{"userId":42,"items":[{"sku":"FAIL","qty":1}]}'
  # 4. see the dead letter (it takes two seconds to get there)
  {self} dlt list
  # 5. switch the failure off and redrive; the order becomes RESERVED
  curl -s -X PUT {inventory-admin}/fail-sku -H 'Content-Type: text/plain' -d '' && {self} dlt redrive --yes

`

// printBanner writes the banner as one piece, so that no log line lands within it.
func printBanner(w io.Writer, s *serve, dir *dataDir) {
	data := dir.path
	if dir.ephemeral {
		data = "none is kept (--ephemeral)"
	}
	text := strings.NewReplacer(
		"{data}", data, "{broker}", reachable(s.KafkaListen), "{self}", self(),
		"{order}", reachable(s.OrderListen), "{inventory}", reachable(s.InventoryListen), "{notification}", reachable(s.NotificationListen),
		"{inventory-admin}", reachable(s.InventoryAdminListen),
	).Replace(banner)
	_, _ = io.WriteString(w, text)
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
	return shellWord(path)
}

// shellWord is a path as shells take it.
func shellWord(path string) string {
	if !strings.ContainsAny(path, " \t'\"$`&|;<>()*?[]{}!#") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
