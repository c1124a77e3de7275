package cluster

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/batch"
)

// Create makes a topic and returns what was made, with the configuration as far as the brokers told. An error that is
// Ambiguous leaves open whether the topic was made; so does Exists after a request that had to be sent twice.
func (c *Cluster) Create(ctx context.Context, desired topic.Desired) (*topic.Topic, error) {
	return c.creates.Ask(ctx, desired)
}

func (c *Cluster) create(ctx context.Context, asked []topic.Desired) []batch.Answer[*topic.Topic] {
	return split(ctx, asked, c.createOnce)
}

func (c *Cluster) createOnce(ctx context.Context, asked []topic.Desired) []batch.Answer[*topic.Topic] {
	c.waitThrottle(ctx)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 15000
	for _, d := range asked {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = d.Name, -1, -1
		if d.Partitions != 0 {
			t.NumPartitions = d.Partitions
		}
		if d.Replicas != 0 {
			t.ReplicationFactor = int16(d.Replicas)
		}
		for key, text := range d.Config {
			v := kmsg.NewCreateTopicsRequestTopicConfig()
			v.Name, v.Value = key, kmsg.StringPtr(text)
			t.Configs = append(t.Configs, v)
		}
		req.Topics = append(req.Topics, t)
	}
	sent := c.wire.creates.Load()
	resp, failed := request[*kmsg.CreateTopicsResponse](ctx, c, req)
	times := c.wire.creates.Load() - sent
	answers := make([]batch.Answer[*topic.Topic], len(asked))
	if failed != nil {
		failed.Ambiguous = failed.Ambiguous && times > 0 // what was not even sent was not done
		for i := range answers {
			answers[i].Err = failed
		}
		return answers
	}
	again := times > 1 // by the client itself: an earlier one may have done it
	byName := make(map[string]*kmsg.CreateTopicsResponseTopic, len(resp.Topics))
	for i := range resp.Topics {
		byName[resp.Topics[i].Topic] = &resp.Topics[i]
	}
	for i, d := range asked {
		answers[i] = c.created(d, byName[d.Name], time.Duration(resp.ThrottleMillis)*time.Millisecond, again)
	}
	return answers
}

func (c *Cluster) created(d topic.Desired, t *kmsg.CreateTopicsResponseTopic, throttle time.Duration, again bool) batch.Answer[*topic.Topic] {
	if t == nil {
		missing := unsettled("the brokers left %s out of their answer", d.Name)
		missing.Ambiguous = true
		return batch.Answer[*topic.Topic]{Err: missing}
	}
	if err := refusal(t.ErrorCode, t.ErrorMessage, throttle); err != nil {
		c.wire.failed(int16(kmsg.CreateTopics), err.Code)
		c.throttle(err)
		if t.ErrorCode == kerr.TopicAlreadyExists.Code {
			err.Ambiguous = again
		}
		return batch.Answer[*topic.Topic]{Err: err}
	}
	c.remember(c.fresh, d.Name)
	made := &topic.Topic{Name: d.Name, ID: idText(t.TopicID), Partitions: t.NumPartitions, Replicas: int32(t.ReplicationFactor)}
	if made.Partitions < 1 { // brokers that are too old to tell, or a right is missing
		made.Partitions = d.Partitions
	}
	if made.Replicas < 1 {
		made.Replicas = d.Replicas
	}
	if t.ConfigErrorCode == 0 && len(t.Configs) > 0 {
		made.Config = make(map[string]topic.Value, len(t.Configs))
		for _, v := range t.Configs {
			value := topic.Value{Own: kmsg.ConfigSource(v.Source) == kmsg.ConfigSourceDynamicTopicConfig}
			if v.Value != nil {
				value.Text = *v.Value
			}
			made.Config[v.Name] = value
		}
	}
	return batch.Answer[*topic.Topic]{Value: made}
}

// split carries a batch out, and again in halves where the brokers refused all of it in the same words: some limits are
// of a whole request, and one topic beyond them must not spoil the others.
func split[Q, A any](ctx context.Context, asked []Q, once func(context.Context, []Q) []batch.Answer[A]) []batch.Answer[A] {
	answers := once(ctx, asked)
	if len(asked) < 2 || !refusedWhole(answers) {
		return answers
	}
	half := len(asked) / 2
	return append(split(ctx, asked[:half], once), split(ctx, asked[half:], once)...)
}

func refusedWhole[A any](answers []batch.Answer[A]) bool {
	first := AsErrorOrNil(answers[0].Err)
	if first == nil || first.Code != kerr.PolicyViolation.Message && first.Code != kerr.InvalidRequest.Message && first.Code != kerr.UnknownServerError.Message {
		return false
	}
	for _, a := range answers {
		if e := AsErrorOrNil(a.Err); e == nil || e.text != first.text {
			return false
		}
	}
	return true
}
