package cluster

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/topic/batch"
)

type deletion struct {
	topic string
	id    string // empty: whatever has the name
}

// Delete deletes the topic of that id, and no other that may have come to its name. Where the cluster has no ids, id is
// empty and the name decides. Gone tells that there is no such topic.
func (c *Cluster) Delete(ctx context.Context, name, id string) error {
	_, err := c.deletes.Ask(ctx, deletion{name, id})
	return err
}

func (c *Cluster) delete(ctx context.Context, asked []deletion) []batch.Answer[struct{}] {
	c.waitThrottle(ctx)
	byID, failed := c.deletesByID(ctx)
	if failed != nil {
		return outcomes(asked, failed, nil, func(d deletion) string { return d.topic })
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 15000
	found, sent := map[string]*Error{}, map[string]deletion{}
	if !byID {
		found, failed = c.otherIDs(ctx, asked)
		if failed != nil {
			return outcomes(asked, failed, nil, func(d deletion) string { return d.topic })
		}
	}
	for _, d := range asked {
		if found[d.topic] != nil {
			continue
		}
		t := kmsg.NewDeleteTopicsRequestTopic()
		id, err := idBytes(d.id)
		switch {
		case !byID || d.id == "":
			t.Topic = kmsg.StringPtr(d.topic)
			req.TopicNames = append(req.TopicNames, d.topic)
		case err != nil:
			found[d.topic] = &Error{Kind: Refused, text: "status.topicId " + d.id + " is no topic id"}
			continue
		default:
			t.TopicID = id
		}
		sent[d.id], sent[d.topic] = d, d
		req.Topics = append(req.Topics, t)
	}
	if len(req.Topics) > 0 {
		resp, failed := request[*kmsg.DeleteTopicsResponse](ctx, c, req)
		if failed != nil {
			return outcomes(asked, failed, nil, func(d deletion) string { return d.topic })
		}
		c.noteDeletions(resp, sent, found)
	}
	return outcomes(asked, nil, found, func(d deletion) string { return d.topic })
}

// noteDeletions finds what became of each topic. Brokers answer by id or by name, as they were asked, or both.
func (c *Cluster) noteDeletions(resp *kmsg.DeleteTopicsResponse, sent map[string]deletion, found map[string]*Error) {
	for _, t := range resp.Topics {
		d, ok := sent[idText(t.TopicID)]
		if (!ok || d.id == "") && t.Topic != nil {
			d, ok = sent[*t.Topic]
		}
		if !ok {
			continue
		}
		err := c.changed(resp.Key(), t.ErrorCode, t.ErrorMessage, resp.ThrottleMillis)
		found[d.topic] = err
		if err == nil {
			c.forget(c.fresh, d.topic)
			if d.id != "" {
				c.remember(c.deleted, d.id)
			}
		}
	}
}

// otherIDs looks, on brokers that delete by name only, whether the name still has the id. Those that are not to be
// deleted are found.
func (c *Cluster) otherIDs(ctx context.Context, asked []deletion) (map[string]*Error, *Error) {
	queries := make([]Query, len(asked))
	for i, d := range asked {
		queries[i] = Query{Name: d.topic}
	}
	topics, errs, failed := c.metadata(ctx, queries)
	if failed != nil {
		return nil, failed
	}
	found := map[string]*Error{}
	for _, d := range asked {
		shown := topics[d.topic]
		switch {
		case errs[d.topic] != nil:
			found[d.topic] = errs[d.topic]
		case shown == nil, d.id != "" && shown.ID != "" && shown.ID != d.id:
			found[d.topic] = &Error{Kind: Gone, text: "there is no topic " + d.topic + " with the id " + d.id}
		}
	}
	return found, nil
}

// deletesByID tells whether all brokers delete topics by their id. It is asked now and then, for brokers are upgraded.
func (c *Cluster) deletesByID(ctx context.Context) (bool, *Error) {
	c.mu.Lock()
	known, until := c.byID, c.idsUntil
	c.mu.Unlock()
	if time.Now().Before(until) {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	versions, err := kadm.NewClient(c.client).ApiVersions(ctx)
	if err != nil {
		return false, failure(err)
	}
	known = true
	answered := 0
	for _, broker := range versions {
		if err = broker.Err; err != nil {
			continue // a broker that is away tells nothing; the others do
		}
		answered++
		most, ok := broker.KeyMaxVersion(int16(kmsg.DeleteTopics))
		known = known && ok && most >= 6
	}
	if answered == 0 {
		return false, unsettled("no broker tells which requests it takes: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.idsUntil = known, time.Now().Add(5*time.Minute)
	return known, nil
}
