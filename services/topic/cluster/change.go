package cluster

import (
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/batch"
)

type growth struct {
	topic string
	to    int32
}

// AddPartitions brings a topic to so many partitions.
func (c *Cluster) AddPartitions(ctx context.Context, name string, to int32) error {
	_, err := c.grows.Ask(ctx, growth{name, to})
	return err
}

func (c *Cluster) grow(ctx context.Context, asked []growth) []batch.Answer[struct{}] {
	return split(ctx, asked, c.growOnce)
}

func (c *Cluster) growOnce(ctx context.Context, asked []growth) []batch.Answer[struct{}] {
	c.waitThrottle(ctx)
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 15000
	for _, g := range asked {
		t := kmsg.NewCreatePartitionsRequestTopic()
		t.Topic, t.Count = g.topic, g.to
		req.Topics = append(req.Topics, t)
	}
	resp, failed := request[*kmsg.CreatePartitionsResponse](ctx, c, req)
	found := map[string]*Error{}
	if failed == nil {
		for _, t := range resp.Topics {
			found[t.Topic] = c.changed(req.Key(), t.ErrorCode, t.ErrorMessage, resp.ThrottleMillis)
		}
	}
	return outcomes(asked, failed, found, func(g growth) string { return g.topic })
}

type alteration struct {
	topic    string
	changes  []topic.Change
	replicas int32
}

// Alter sets and resets configuration values of a topic.
func (c *Cluster) Alter(ctx context.Context, name string, changes []topic.Change) error {
	_, err := c.alters.Ask(ctx, alteration{topic: name, changes: changes})
	return err
}

// SetReplicas brings a topic to so many replicas, where the cluster can do so by itself. They move after the answer.
func (c *Cluster) SetReplicas(ctx context.Context, name string, replicas int32) error {
	_, err := c.alters.Ask(ctx, alteration{topic: name, replicas: replicas})
	return err
}

// CheckAlter asks the brokers whether they would take the changes. Those that do not check say that they would.
func (c *Cluster) CheckAlter(ctx context.Context, name string, changes []topic.Change) error {
	_, err := c.checks.Ask(ctx, alteration{topic: name, changes: changes})
	return err
}

func (c *Cluster) alter(ctx context.Context, asked []alteration) []batch.Answer[struct{}] {
	return split(ctx, asked, func(ctx context.Context, asked []alteration) []batch.Answer[struct{}] {
		return c.alterOnce(ctx, asked, false)
	})
}

func (c *Cluster) check(ctx context.Context, asked []alteration) []batch.Answer[struct{}] {
	return split(ctx, asked, func(ctx context.Context, asked []alteration) []batch.Answer[struct{}] {
		return c.alterOnce(ctx, asked, true)
	})
}

func (c *Cluster) alterOnce(ctx context.Context, asked []alteration, checkOnly bool) []batch.Answer[struct{}] {
	c.waitThrottle(ctx)
	// Only the incremental request leaves the keys alone that it does not name.
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = checkOnly
	for _, a := range asked {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, a.topic
		set := func(key, text string) {
			v := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			v.Name, v.Op, v.Value = key, kmsg.IncrementalAlterConfigOpSet, kmsg.StringPtr(text)
			r.Configs = append(r.Configs, v)
		}
		for _, change := range a.changes {
			if change.Reset {
				v := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
				v.Name, v.Op = change.Key, kmsg.IncrementalAlterConfigOpDelete
				r.Configs = append(r.Configs, v)
			} else {
				set(change.Key, change.New)
			}
		}
		if a.replicas != 0 {
			set("replication.factor", strconv.Itoa(int(a.replicas)))
		}
		req.Resources = append(req.Resources, r)
	}
	resp, failed := request[*kmsg.IncrementalAlterConfigsResponse](ctx, c, req)
	found := map[string]*Error{}
	if failed == nil {
		for _, r := range resp.Resources {
			found[r.ResourceName] = c.changed(req.Key(), r.ErrorCode, r.ErrorMessage, resp.ThrottleMillis)
		}
	}
	return outcomes(asked, failed, found, func(a alteration) string { return a.topic })
}

func (c *Cluster) changed(key int16, code int16, message *string, throttleMillis int32) *Error {
	err := refusal(code, message, time.Duration(throttleMillis)*time.Millisecond)
	if err != nil {
		c.wire.failed(key, err.Code)
		c.throttle(err)
	}
	return err
}

// outcomes are the answers of a batch: what is missing from the brokers' answer is no success.
func outcomes[Q any](asked []Q, failed *Error, found map[string]*Error, name func(Q) string) []batch.Answer[struct{}] {
	answers := make([]batch.Answer[struct{}], len(asked))
	for i, q := range asked {
		err, answered := found[name(q)]
		switch {
		case failed != nil:
			answers[i].Err = failed
		case !answered:
			answers[i].Err = unsettled("the brokers left %s out of their answer", name(q))
		case err != nil:
			answers[i].Err = err
		}
	}
	return answers
}
