package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/batch"
)

// Query asks for a topic by name, with the values of some configuration keys; nil Keys: of none.
type Query struct {
	Name string
	Keys []string
	All  bool // all keys
}

// Describe is the topic as the brokers show it, nil when there is none. Absence is told only of what was asked for by
// name: a topic that may not be seen is an error.
func (c *Cluster) Describe(ctx context.Context, q Query) (*topic.Topic, error) {
	return c.describes.Ask(ctx, q)
}

// DescribeAll answers many queries in two requests for each Chunk of them.
func (c *Cluster) DescribeAll(ctx context.Context, queries []Query) ([]*topic.Topic, []error) {
	topics, errs := make([]*topic.Topic, 0, len(queries)), make([]error, 0, len(queries))
	for len(queries) > 0 {
		n := min(len(queries), Chunk)
		for _, a := range c.describe(ctx, queries[:n]) {
			topics, errs = append(topics, a.Value), append(errs, a.Err)
		}
		queries = queries[n:]
	}
	return topics, errs
}

// describe is one batch: Metadata by name, then DescribeConfigs for the keys that are needed.
func (c *Cluster) describe(ctx context.Context, queries []Query) []batch.Answer[*topic.Topic] {
	answers := make([]batch.Answer[*topic.Topic], len(queries))
	topics, errs, failed := c.metadata(ctx, queries)
	var withKeys []Query
	for i, q := range queries {
		switch {
		case failed != nil:
			answers[i].Err = failed
		case errs[q.Name] != nil:
			answers[i].Err = errs[q.Name]
		default:
			answers[i].Value = topics[q.Name]
			if topics[q.Name] != nil && (q.All || len(q.Keys) > 0) {
				withKeys = append(withKeys, q)
			}
		}
	}
	if len(withKeys) == 0 {
		return answers
	}
	configs, errs, failed := c.configs(ctx, withKeys)
	for i, q := range queries {
		if answers[i].Value == nil || !q.All && len(q.Keys) == 0 {
			continue
		}
		switch {
		case failed != nil:
			answers[i] = batch.Answer[*topic.Topic]{Err: failed}
		case errs[q.Name] != nil:
			answers[i] = batch.Answer[*topic.Topic]{Err: errs[q.Name]}
		default:
			described := *answers[i].Value // two questions about one topic do not share its configuration
			described.Config = configs[q.Name]
			answers[i].Value = &described
		}
	}
	return answers
}

func (c *Cluster) metadata(ctx context.Context, queries []Query) (map[string]*topic.Topic, map[string]*Error, *Error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	names := make([]string, len(queries))
	for i, q := range queries {
		names[i] = q.Name
	}
	for _, name := range sortedKeys(names) {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, failed := request[*kmsg.MetadataResponse](ctx, c, req)
	if failed != nil {
		return nil, nil, failed
	}
	c.facts.Store(&facts{brokers: len(resp.Brokers), redpanda: isRedpanda(resp.ClusterID)})
	topics, errs, answered := map[string]*topic.Topic{}, map[string]*Error{}, map[string]bool{}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic == nil {
			continue
		}
		answered[*t.Topic] = true
		described, err := c.shown(t)
		topics[*t.Topic] = described
		if err != nil {
			c.wire.failed(req.Key(), err.Code)
			errs[*t.Topic] = err
		}
	}
	for _, name := range names {
		if !answered[name] {
			errs[name] = unsettled("the brokers left %s out of their answer", name)
		}
	}
	return topics, errs, nil
}

// shown is what one entry of a Metadata answer tells.
func (c *Cluster) shown(t *kmsg.MetadataResponseTopic) (*topic.Topic, *Error) {
	name := *t.Topic
	if err := refusal(t.ErrorCode, nil, 0); err != nil {
		if err.Kind != Gone {
			return nil, err
		}
		if c.lately(c.fresh, name) {
			return nil, unsettled("%s was made a moment ago and is not shown by all brokers yet", name)
		}
		return nil, nil
	}
	c.forget(c.fresh, name)
	id := idText(t.TopicID)
	if id != "" && c.lately(c.deleted, id) {
		return nil, unsettled("%s was deleted a moment ago and is still shown by some brokers", name)
	}
	described := &topic.Topic{Name: name, ID: id, Internal: t.IsInternal, Partitions: int32(len(t.Partitions))}
	for i, p := range t.Partitions {
		// Replicas move one partition after the other: the least is what the topic has for sure.
		if n := int32(len(p.Replicas)); i == 0 || n < described.Replicas {
			described.Replicas = n
		}
	}
	return described, nil
}

func (c *Cluster) configs(ctx context.Context, queries []Query) (map[string]map[string]topic.Value, map[string]*Error, *Error) {
	keys := map[string][]string{}
	all := map[string]bool{}
	var names []string
	for _, q := range queries {
		if _, twice := keys[q.Name]; !twice {
			names = append(names, q.Name)
		}
		keys[q.Name] = append(keys[q.Name], q.Keys...)
		all[q.Name] = all[q.Name] || q.All
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range names {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, name
		if !all[name] {
			r.ConfigNames = sortedKeys(keys[name])
		}
		req.Resources = append(req.Resources, r)
	}
	resp, failed := request[*kmsg.DescribeConfigsResponse](ctx, c, req)
	if failed != nil {
		return nil, nil, failed
	}
	configs, errs := map[string]map[string]topic.Value{}, map[string]*Error{}
	for _, r := range resp.Resources {
		if err := refusal(r.ErrorCode, r.ErrorMessage, time.Duration(resp.ThrottleMillis)*time.Millisecond); err != nil {
			c.wire.failed(req.Key(), err.Code)
			if err.Kind == Gone { // it was there a moment ago
				err = unsettled("%s is shown by some brokers and not by others", r.ResourceName)
			}
			errs[r.ResourceName] = err
			continue
		}
		values := make(map[string]topic.Value, len(r.Configs))
		for _, v := range r.Configs {
			value := topic.Value{Own: v.Source == kmsg.ConfigSourceDynamicTopicConfig}
			if v.Value != nil {
				value.Text = *v.Value
			}
			values[v.Name] = value
		}
		configs[r.ResourceName] = values
	}
	for _, name := range names {
		if configs[name] == nil && errs[name] == nil {
			errs[name] = unsettled("the brokers left the configuration of %s out of their answer", name)
		}
	}
	return configs, errs, nil
}

// Reach asks the brokers for nothing but an answer, so that it is known what keeps them away before any topic needs them.
func (c *Cluster) Reach(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none, where nil is all
	if _, failed := request[*kmsg.MetadataResponse](ctx, c, req); failed != nil {
		return failed
	}
	return nil
}

// List is the wanted ones of all topics that may be seen, with all their configuration, by name. Internal ones are left out.
func (c *Cluster) List(ctx context.Context, wanted func(name string) bool) ([]*topic.Topic, error) {
	req := kmsg.NewPtrMetadataRequest() // without names: all
	resp, failed := request[*kmsg.MetadataResponse](ctx, c, req)
	if failed != nil {
		return nil, failed
	}
	var queries []Query
	for _, t := range resp.Topics {
		if t.Topic != nil && !t.IsInternal && !topic.Internal(*t.Topic) && wanted(*t.Topic) {
			queries = append(queries, Query{Name: *t.Topic, All: true})
		}
	}
	slices.SortFunc(queries, func(a, b Query) int { return strings.Compare(a.Name, b.Name) })
	topics, errs := c.DescribeAll(ctx, queries)
	topics = slices.DeleteFunc(topics, func(t *topic.Topic) bool { return t == nil })
	return topics, errors.Join(errs...)
}
