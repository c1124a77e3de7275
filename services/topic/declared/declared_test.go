package declared_test

import (
	"log/slog"
	"slices"
	"strconv"
	"testing"

	"github.com/openorder/openorder/services/internal/broker"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/declared"
)

const trail = event.TopicDeadLetter + ".redrives"

func desired(t *testing.T) map[string]topic.Desired {
	t.Helper()
	resources, err := declared.Topics()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]topic.Desired{}
	for i := range resources {
		d, err := topic.FromResource(&resources[i])
		if err != nil {
			t.Fatal(err)
		}
		byName[d.Name] = d
	}
	return byName
}

func TestTheTopicsThatTheServicesUseAreDeclared(t *testing.T) {
	t.Parallel()
	got := desired(t)
	want := []string{event.TopicOrderCreated, event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter, trail}
	for _, name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is not declared", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d topics are declared, %d are used", len(got), len(want))
	}
}

func TestTheEmbeddedBrokerHasTheSameTopics(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(broker.Config{Address: "127.0.0.1:0", Partitions: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	made, err := testenv.Admin(t, kafka.Config{Brokers: b.Address()}).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := append(made.Names(), trail) // which the first redrive makes
	slices.Sort(names)
	var want []string
	for name := range desired(t) {
		want = append(want, name)
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the embedded broker has %v, declared are %v", names, want)
	}
}

func TestWhatCouldNotBeRedrivenWereItGoneIsKeptForEver(t *testing.T) {
	t.Parallel()
	topics := desired(t)
	const brokersDefault = 1 << 20
	for _, name := range []string{event.TopicDeadLetter, trail} {
		config := topics[name].Config
		if config["cleanup.policy"] != "delete" || config["retention.ms"] != "-1" || config["retention.bytes"] != "-1" {
			t.Errorf("%s may lose records: %v", name, config)
		}
		if most, _ := strconv.Atoi(config["max.message.bytes"]); most < 2*brokersDefault {
			t.Errorf("%s takes %d bytes: a dead letter is larger than its origin", name, most)
		}
	}
	if topics[event.TopicDeadLetter].Partitions != topics[event.TopicOrderCreated].Partitions {
		t.Error("a dead letter keeps its partition number: the topics need as many")
	}
}
