package reconcile_test

import (
	"encoding/base64"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func wireClient(t testing.TB, brokers kafka.Config) *kgo.Client {
	t.Helper()
	wire, err := kgo.NewClient(brokers.Options("test", slog.New(slog.DiscardHandler))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	return wire
}

// login makes the user that the settings name.
func (b *bundle) login(as kafka.Config) {
	b.Helper()
	testenv.SetPassword(b, b.admin, as.SASLUsername, as.SASLPassword)
}

// grant gives a user what README says that the controller needs.
func (b *bundle) grant(user, prefix string) {
	b.Helper()
	acls := kadm.NewACLs().Allow("User:"+user).ResourcePatternType(kadm.ACLPatternPrefixed).Topics(prefix).
		Operations(kmsg.ACLOperationCreate, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs)
	results, err := b.admin.CreateACLs(b.Context(), acls)
	b.must(err)
	for _, r := range results {
		b.must(r.Err)
	}
}

// detail is a topic as the cluster has it.
type detail struct {
	ID         string
	Partitions int
}

// topic is what the cluster has, nil when there is no such topic. It asks anew each time, where kadm may remember.
func (b *bundle) topic(name string) *detail {
	b.Helper()
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &name
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(b.Context(), b.wire)
	b.must(err)
	if t := resp.Topics[0]; t.ErrorCode == 0 {
		return &detail{base64.RawURLEncoding.EncodeToString(t.TopicID[:]), len(t.Partitions)}
	}
	return nil
}

// made is a topic that a resource says is there, once the brokers show it: they may answer before all of them know.
func (b *bundle) made(name string) (d *detail) {
	b.Helper()
	testenv.Eventually(b, "the brokers show "+name, func() bool { d = b.topic(name); return d != nil })
	return d
}

func (b *bundle) value(name, key string) string {
	b.Helper()
	configs, err := b.admin.DescribeTopicConfigs(b.Context(), name)
	b.must(err)
	for _, c := range configs[0].Configs {
		if c.Key == key && c.Value != nil {
			return *c.Value
		}
	}
	return ""
}

func (b *bundle) set(name, key, value string) {
	b.Helper()
	_, err := b.admin.AlterTopicConfigs(b.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, name)
	b.must(err)
}
