package main

import (
	"net"
	"testing"

	"github.com/openorder/openorder/services/internal/cli"
)

func TestTheAllInOneListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	held, refusal := parse(t, "serve")
	if refusal != "" {
		t.Fatal(refusal)
	}
	for _, flag := range []string{
		"kafka-listen", "order-listen", "order-admin-listen", "inventory-listen", "inventory-admin-listen", "notification-listen", "notification-admin-listen",
	} {
		host, _, err := net.SplitHostPort(held(flag))
		if err != nil || !net.ParseIP(host).IsLoopback() {
			t.Errorf("--%s is %q: %v", flag, held(flag), err)
		}
	}
	if held("kafka-listen") != "127.0.0.1:9092" {
		t.Errorf("the broker listens on %s", held("kafka-listen"))
	}
}

func TestAServiceThatIsNotKnownIsAWrongCommandLine(t *testing.T) {
	t.Parallel()
	if code := execute([]string{"service", "nothing"}); code != cli.ExitUsage {
		t.Errorf("exit code %d", code)
	}
}
