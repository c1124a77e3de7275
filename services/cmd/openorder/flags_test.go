package main

import (
	"net"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestTheAllInOneListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	all, refusal := parse(t, "serve")
	if refusal != "" {
		t.Fatal(refusal)
	}
	s := all.Serve
	for _, address := range []string{
		s.KafkaListen, s.OrderListen, s.OrderAdminListen, s.InventoryListen, s.InventoryAdminListen, s.NotificationListen, s.NotificationAdminListen,
	} {
		host, _, err := net.SplitHostPort(address)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			t.Errorf("it listens on %q: %v", address, err)
		}
	}
	if s.KafkaListen != "127.0.0.1:9092" {
		t.Errorf("the broker listens on %s", s.KafkaListen)
	}
}

// What a help text itself says of a default, in place of cli, is true.
func TestHelpNamesTheDefaultsThatHold(t *testing.T) {
	t.Parallel()
	err := kong.Visit(newParser(t.Context(), new(commands)).Model, func(node kong.Visitable, next kong.Next) error {
		flag, isFlag := node.(*kong.Flag)
		if isFlag && strings.Contains(flag.Help, "(default ") && !says(flag) {
			t.Errorf("--%s is %q by default and says: %s", flag.Name, flag.Default, flag.Help)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func says(flag *kong.Flag) bool {
	switch {
	case flag.IsBool():
		return strings.Contains(flag.Help, map[string]string{"": "(default off)", "true": "(default on)"}[flag.Default])
	case flag.Name == "rows" || flag.Name == "data-dir": // all of them, and a place in the user's home
		return true
	}
	return strings.Contains(flag.Help, "(default "+flag.Default)
}
