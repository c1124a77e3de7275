package reconcile_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/testenv"
)

// Brokers that show a value as it was for long are waited for. That they take the key without effect is not believed, or
// nobody would mend it for an hour.
func TestAnOldValueThatIsShownForLongIsWaitedFor(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	var stale atomic.Bool
	fake.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		return shows(req, "retention.ms", "1000", kmsg.ConfigSourceDynamicTopicConfig), nil, stale.Load()
	})
	b := setup(t, brokers)
	b.apply("orders", `{config: {retention.ms: 1000}}`)
	b.until("orders", "True Synced")
	stale.Store(true)
	b.change("orders", `{spec: {config: {retention.ms: 2000}}}`)
	if got := b.until("orders", "False Waiting: The brokers are not done yet: they still show retention.ms as 1000."); stalled(got) {
		t.Error("it goes on by itself")
	}
	stale.Store(false)
	if got := ready(b.until("orders", "True Synced")); strings.Contains(got, "without effect") {
		t.Errorf("got %s", got)
	}
	b.set("orders", "retention.ms", "7")
	testenv.Eventually(t, "drift is mended", func() bool { return b.value("orders", "retention.ms") == "2000" })
	b.untilEvents("orders", "Created", "ConfigChanged", "Drifted")
}

// Partitions that brokers have added and do not show are waited for. Asked again, Apache Kafka refuses to add them.
func TestPartitionsThatAreNotShownForLongAreWaitedFor(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	var stale atomic.Bool
	var id atomic.Value
	fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if asked := req.(*kmsg.MetadataRequest).Topics; !stale.Load() || len(asked) == 0 {
			return nil, nil, false
		}
		return shownWith(t, fake, req, id.Load().([16]byte), 0), nil, true
	})
	asked := 0
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreatePartitions}, Err: kerr.InvalidPartitions, Count: -1, When: func(kmsg.Request) bool {
		asked++
		return asked > 1
	}})
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, replicas: 1}`)
	b.until("orders", "True Synced")
	id.Store(b.id("orders"))
	stale.Store(true)
	b.change("orders", `{spec: {partitions: 3}}`)
	waits := b.until("orders", "False Waiting: The brokers are not done yet: they still show 1 of 3 partitions.")
	b.rest()
	if again := b.get("orders"); stalled(waits) || again.ResourceVersion != waits.ResourceVersion {
		t.Errorf("it goes on by itself, and nothing new is to be said: %s", ready(again))
	}
	stale.Store(false)
	if s := b.until("orders", "True Synced").Status; s.Partitions != 3 {
		t.Errorf("the status: %+v", s)
	}
	b.untilEvents("orders", "Created", "PartitionsAdded")
}

// shows is an answer in which all topics that were asked for have a key at a value.
func shows(req kmsg.Request, key, text string, source kmsg.ConfigSource) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for _, asked := range req.(*kmsg.DescribeConfigsRequest).Resources {
		r := kmsg.NewDescribeConfigsResponseResource()
		r.ResourceType, r.ResourceName = asked.ResourceType, asked.ResourceName
		v := kmsg.NewDescribeConfigsResponseResourceConfig()
		v.Name, v.Value, v.Source = key, kmsg.StringPtr(text), source
		r.Configs = append(r.Configs, v)
		resp.Resources = append(resp.Resources, r)
	}
	return resp
}
