package testenv

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// EachKafka runs a test over the embedded broker and again, as a subtest of its own, over the real cluster.
func EachKafka(t *testing.T, test func(t *testing.T, brokers kafka.Config)) {
	t.Run("kfake", func(t *testing.T) { t.Parallel(); _, brokers := FakeKafka(t); test(t, brokers) })
	t.Run("kafka", func(t *testing.T) { test(t, RealKafka(t)) })
}

// FakeKafka starts an embedded broker without topics. Use the cluster to inject faults.
func FakeKafka(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(fmt.Errorf("start an embedded broker: %w", err))
	}
	t.Cleanup(cluster.Close)
	return cluster, kafka.Config{Brokers: strings.Join(cluster.ListenAddrs(), ",")}
}

// RealKafka is the real cluster, empty of topics and groups. Tests share one cluster, so they take turns, over packages too.
func RealKafka(t testing.TB) kafka.Config {
	t.Helper()
	brokers := kafka.Config{Brokers: KafkaAddress(t)}
	takeTurn(t, brokers)
	empty(t, brokers)
	return brokers
}

// KafkaAddress is where the real cluster is, for a test that has no turn on it and only wants a place beside it.
func KafkaAddress(t testing.TB) string {
	t.Helper()
	return need(t, "OPENORDER_TEST_KAFKA", "a Kafka cluster")
}

// Brokers controls the real cluster's brokers: action is stop, kill or start, n counts from 1. Only a test that has its
// turn on the cluster may use it, and it starts what it stopped.
func Brokers(t testing.TB) func(action string, n int) {
	t.Helper()
	control := need(t, "OPENORDER_TEST_KAFKA_CONTROL", "a command that controls the Kafka brokers")
	return func(action string, n int) {
		t.Helper()
		out, err := exec.Command(control, action, strconv.Itoa(n)).CombinedOutput()
		if err != nil && action == "start" { // it may have looked for the broker's process before that was there
			out, err = exec.Command(control, action, strconv.Itoa(n)).CombinedOutput()
		}
		if err != nil {
			t.Errorf("%s %s %d: %v\n%s", control, action, n, err, out)
		}
	}
}

// SecureKafka is the same cluster's listener with TLS, SCRAM and ACLs, as the user and password given, and the plaintext
// settings of one who may do everything. Users are made by the test, with the admin's settings.
func SecureKafka(t testing.TB, user, password string) (as, admin kafka.Config) {
	t.Helper()
	secure := kafka.Config{
		Brokers:       need(t, "OPENORDER_TEST_KAFKA_SECURE", "a Kafka cluster's listener with TLS, SCRAM and ACLs"),
		TLSCAFile:     need(t, "OPENORDER_TEST_KAFKA_CA", "the CA of that listener"),
		SASLMechanism: "SCRAM-SHA-512", SASLUsername: user, SASLPassword: password,
	}
	return secure, RealKafka(t)
}

// SetPassword makes a user of the secure listener, or changes the password. A cluster that is busy may refuse at first.
func SetPassword(t testing.TB, admin *kadm.Client, user, password string) {
	t.Helper()
	Eventually(t, "the cluster takes the password of "+user, func() bool {
		wanted := kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password}
		altered, err := admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{wanted}) // which writes into it
		return err == nil && altered.Error() == nil
	})
}

func takeTurn(t testing.TB, brokers kafka.Config) {
	t.Helper()
	lock := "openorder-test-" + strings.NewReplacer(":", "-", ",", "-").Replace(brokers.Brokers) + ".lock"
	turn := flock.New(filepath.Join(os.TempDir(), lock))
	if err := turn.Lock(); err != nil {
		t.Fatal(fmt.Errorf("wait for a turn on the test cluster: %w", err))
	}
	t.Cleanup(func() { _ = turn.Unlock() })
}

// Admin is an admin client, closed when the test ends.
func Admin(t testing.TB, brokers kafka.Config) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(brokers.Options("test", slog.New(slog.DiscardHandler))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// Topics makes OpenOrder's topics, with as many partitions as asked for.
func Topics(t testing.TB, brokers kafka.Config, partitions int32) {
	t.Helper()
	CreateTopics(t, brokers, partitions, event.TopicOrderCreated, event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter)
}

// CreateTopics makes topics, and waits until the cluster serves them and every broker knows them: clients ask any.
func CreateTopics(t testing.TB, brokers kafka.Config, partitions int32, topics ...string) {
	t.Helper()
	client, err := kgo.NewClient(brokers.Options("test", slog.New(slog.DiscardHandler))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	created, err := admin.CreateTopics(t.Context(), partitions, -1, nil, topics...)
	if err == nil {
		err = created.Error()
	}
	if err != nil {
		t.Fatal(fmt.Errorf("create topics: %w", err))
	}
	Eventually(t, "the topics' leaders are elected", func() bool {
		offsets, err := admin.ListEndOffsets(t.Context(), topics...)
		return err == nil && offsets.Error() == nil
	})
	Eventually(t, "every broker knows the topics", func() bool {
		cluster, err := admin.ListBrokers(t.Context())
		return err == nil && !slices.ContainsFunc(cluster, func(broker kadm.BrokerDetail) bool {
			return !knows(t.Context(), client.Broker(int(broker.NodeID)), created)
		})
	})
}

// knows asks a broker for topics as they were created: it may not know them yet, or know others of their names.
func knows(ctx context.Context, broker *kgo.Broker, created kadm.CreateTopicResponses) bool {
	request := kmsg.NewPtrMetadataRequest()
	for name := range created {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, topic)
	}
	answer, err := broker.RetriableRequest(ctx, request)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(answer.(*kmsg.MetadataResponse).Topics, func(topic kmsg.MetadataResponseTopic) bool {
		return topic.ErrorCode != 0 || topic.TopicID != created[*topic.Topic].ID ||
			slices.ContainsFunc(topic.Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return p.ErrorCode != 0 })
	})
}

func empty(t testing.TB, brokers kafka.Config) {
	t.Helper()
	client, err := kgo.NewClient(brokers.Options("test", slog.New(slog.DiscardHandler))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var names []string
	Eventually(t, "the test cluster is empty", func() bool {
		groups, err := admin.ListGroups(ctx)
		if err != nil {
			return false
		}
		if ids := groups.Groups(); len(ids) > 0 {
			_ = Evict(ctx, client, ids...) // tried again until the groups are gone; a client that joins meanwhile cannot leave before
			admin.DeleteGroups(ctx, ids...)
		}
		topics, err := admin.ListTopics(ctx)
		if err != nil {
			return false
		}
		names = topics.Names()
		if len(names) > 0 {
			admin.DeleteTopics(ctx, names...)
		}
		return len(names) == 0 && len(groups) == 0
	})
}

// Evict throws all members out of the groups. Those that live join again; a killed process is one for its session time-out.
func Evict(ctx context.Context, client *kgo.Client, groups ...string) error {
	described, err := kadm.NewClient(client).DescribeGroups(ctx, groups...)
	if err != nil {
		return err
	}
	for name, group := range described {
		if len(group.Members) == 0 {
			continue
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = name
		for _, m := range group.Members {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = m.MemberID
			leave.Members = append(leave.Members, member)
		}
		if _, err := leave.RequestWith(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

// patience is longer than anything takes on a machine that does a lot else. It is no claim: how quick something is, a test measures.
const patience = 3 * time.Minute

// Eventually waits for a condition, asked every few milliseconds, and fails the test when it does not come true.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("within %s: not yet: %s", patience, what)
		case <-tick.C:
		}
	}
}
