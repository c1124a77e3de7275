package cluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
)

// What Redpanda does otherwise than Apache Kafka, each made to happen on the embedded broker.
func TestAnswersThatNaiveControllersMisread(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		key    kmsg.Key
		answer func(kmsg.Request) kmsg.Response
		do     func(t *testing.T, c bundle) error
		kind   cluster.Kind
		after  time.Duration
	}{
		"a topic left out of a delete's answer": {kmsg.DeleteTopics,
			func(req kmsg.Request) kmsg.Response { return req.ResponseKind() },
			func(t *testing.T, c bundle) error { return c.Delete(t.Context(), "orders", existing(t, c).ID) }, cluster.Unsettled, 0},
		"deletion switched off": {kmsg.DeleteTopics, func(req kmsg.Request) kmsg.Response {
			resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
			for _, asked := range req.(*kmsg.DeleteTopicsRequest).Topics {
				st := kmsg.NewDeleteTopicsResponseTopic()
				st.TopicID, st.ErrorCode = asked.TopicID, 73
				resp.Topics = append(resp.Topics, st)
			}
			return resp
		}, func(t *testing.T, c bundle) error { return c.Delete(t.Context(), "orders", existing(t, c).ID) }, cluster.Disabled, 0},
		"a topic left out of a create's answer": {kmsg.CreateTopics,
			func(req kmsg.Request) kmsg.Response { return req.ResponseKind() },
			func(t *testing.T, c bundle) error {
				_, err := c.Create(t.Context(), topic.Desired{Name: "other"})
				return err
			}, cluster.Unsettled, 0},
		"a create that is throttled": {kmsg.CreateTopics, func(req kmsg.Request) kmsg.Response {
			resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode = "other", kerr.ThrottlingQuotaExceeded.Code
			resp.Topics = append(resp.Topics, st)
			resp.ThrottleMillis = 40
			return resp
		}, func(t *testing.T, c bundle) error {
			_, err := c.Create(t.Context(), topic.Desired{Name: "other"})
			return err
		}, cluster.Throttled, 40 * time.Millisecond},
		"an even number of replicas": {kmsg.CreateTopics, func(req kmsg.Request) kmsg.Response {
			resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode, st.ErrorMessage = "other", kerr.InvalidReplicationFactor.Code, kmsg.StringPtr("Replication factor must be odd")
			resp.Topics = append(resp.Topics, st)
			return resp
		}, func(t *testing.T, c bundle) error {
			_, err := c.Create(t.Context(), topic.Desired{Name: "other", Replicas: 2})
			return err
		}, cluster.Refused, 0},
		"partitions while replicas move": {kmsg.CreatePartitions, func(req kmsg.Request) kmsg.Response {
			resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
			st := kmsg.NewCreatePartitionsResponseTopic()
			st.Topic, st.ErrorCode = "orders", kerr.ReassignmentInProgress.Code
			resp.Topics = append(resp.Topics, st)
			return resp
		}, func(t *testing.T, c bundle) error { return c.AddPartitions(t.Context(), "orders", 9) }, cluster.Unsettled, 0},
		"a topic that may not be seen": {kmsg.Metadata, func(req kmsg.Request) kmsg.Response {
			resp := req.ResponseKind().(*kmsg.MetadataResponse)
			for _, asked := range req.(*kmsg.MetadataRequest).Topics {
				st := kmsg.NewMetadataResponseTopic()
				st.Topic, st.ErrorCode = asked.Topic, kerr.TopicAuthorizationFailed.Code
				resp.Topics = append(resp.Topics, st)
			}
			return resp
		}, func(t *testing.T, c bundle) error {
			_, err := c.Describe(t.Context(), cluster.Query{Name: "orders"})
			return err
		}, cluster.Denied, 0},
		"a topic left out of Metadata": {kmsg.Metadata, func(req kmsg.Request) kmsg.Response {
			if len(req.(*kmsg.MetadataRequest).Topics) == 0 {
				return nil // the client's own question
			}
			return req.ResponseKind()
		}, func(t *testing.T, c bundle) error {
			_, err := c.Describe(t.Context(), cluster.Query{Name: "orders"})
			return err
		}, cluster.Unsettled, 0},
	}
	for name, it := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, brokers := testenv.FakeKafka(t, kfake.SeedTopics(3, "orders"))
			c := open(t, brokers)
			if it.key != kmsg.Metadata {
				existing(t, c)
			}
			fake.ControlKey(int16(it.key), func(req kmsg.Request) (kmsg.Response, error, bool) {
				fake.KeepControl()
				resp := it.answer(req)
				return resp, nil, resp != nil
			})
			err := it.do(t, c)
			if !cluster.Is(err, it.kind) {
				t.Fatalf("got %v (kind %d), want kind %d", err, cluster.AsError(err).Kind, it.kind)
			}
			if got := cluster.AsError(err).After; got != it.after {
				t.Errorf("to be tried again after %s, want %s", got, it.after)
			}
		})
	}
}

func TestAnAnswerThatTimedOutIsAmbiguous(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	c := open(t, brokers)
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.RequestTimedOut})
	_, err := c.Create(t.Context(), topic.Desired{Name: "orders", Partitions: 1})
	if e := cluster.AsError(err); e.Kind != cluster.Unsettled || !e.Ambiguous {
		t.Errorf("got %+v", e)
	}
	if existing(t, c) == nil {
		t.Error("it was made all the same")
	}
}

func TestACreateWithoutAnAnswerIsAmbiguousOnlyIfItWasSent(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	fake.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		return nil, errors.New("the connection is closed"), true
	})
	_, err := open(t, brokers).Create(t.Context(), topic.Desired{Name: "orders", Partitions: 1})
	if e := cluster.AsError(err); e.Kind != cluster.Unavailable || !e.Ambiguous {
		t.Errorf("a broker that hangs up may have made it: %+v", e)
	}
	_, err = open(t, kafka.Config{Brokers: "127.0.0.1:1"}).Create(t.Context(), topic.Desired{Name: "orders", Partitions: 1})
	if e := cluster.AsError(err); e.Kind != cluster.Unavailable || e.Ambiguous {
		t.Errorf("where nobody listens nothing was made: %+v", e)
	}
}

// A limit of the whole request (Apache Kafka: 10,000 partitions) is found by halving.
func TestARequestThatIsRefusedAsAWholeIsTriedInParts(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	c := open(t, brokers)
	fake.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		topics := req.(*kmsg.CreateTopicsRequest).Topics
		poison := false
		for _, asked := range topics {
			poison = poison || asked.Topic == "poison"
		}
		if !poison {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, asked := range topics {
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode, st.ErrorMessage = asked.Topic, kerr.PolicyViolation.Code, kmsg.StringPtr("Excessively large number of partitions per request.")
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	errs := make(chan error, 8)
	for _, name := range []string{"a", "b", "c", "poison", "d", "e", "f", "g"} {
		go func() {
			_, err := c.Create(t.Context(), topic.Desired{Name: name, Partitions: 1})
			if name == "poison" && cluster.Is(err, cluster.Refused) {
				err = nil
			} else if name == "poison" {
				err = kerr.UnknownServerError
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// Right after a create, brokers that do not know the topic yet must not be believed.
func TestANewTopicIsNotMisreadAsAbsent(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	c := open(t, brokers)
	if _, err := c.Create(t.Context(), topic.Desired{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		asked := req.(*kmsg.MetadataRequest)
		if len(asked.Topics) == 0 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		st := kmsg.NewMetadataResponseTopic()
		st.Topic, st.ErrorCode = asked.Topics[0].Topic, kerr.UnknownTopicOrPartition.Code
		resp.Topics = append(resp.Topics, st)
		return resp, nil, true
	})
	if shown, err := c.Describe(t.Context(), cluster.Query{Name: "orders"}); shown != nil || !cluster.Is(err, cluster.Unsettled) {
		t.Errorf("got %+v, %v", shown, err)
	}
	if existing(t, c) == nil {
		t.Error("the next answer shows it")
	}
}

// Brokers that cannot delete by id are asked by name, after a look at what has the name.
func TestDeletionByNameLooksAtTheIDFirst(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t, kfake.SeedTopics(1, "orders"))
	fake.ControlKey(int16(kmsg.ApiVersions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		for key, most := range map[kmsg.Key]int16{kmsg.Metadata: 12, kmsg.ApiVersions: 3, kmsg.DeleteTopics: 5, kmsg.CreateTopics: 7} {
			v := kmsg.NewApiVersionsResponseApiKey()
			v.ApiKey, v.MaxVersion = int16(key), most
			resp.ApiKeys = append(resp.ApiKeys, v)
		}
		return resp, nil, true
	})
	c := open(t, brokers)
	id := existing(t, c).ID
	if err := c.Delete(t.Context(), "orders", "AAAAAAAAQACAAAAAAAAAAA"); !cluster.Is(err, cluster.Gone) {
		t.Errorf("under another id: %v", err)
	}
	if existing(t, c) == nil {
		t.Fatal("another topic was deleted")
	}
	if err := c.Delete(t.Context(), "orders", id); err != nil {
		t.Error(err)
	}
}

func existing(t *testing.T, c bundle) *topic.Topic {
	t.Helper()
	shown, err := c.Describe(t.Context(), cluster.Query{Name: "orders"})
	if err != nil || shown == nil {
		t.Fatalf("orders: %v, %v", shown, err)
	}
	return shown
}
