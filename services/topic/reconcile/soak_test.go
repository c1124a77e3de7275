package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// TestSoak creates, changes, conflicts and deletes resources at random, takes brokers and API server away and kills the
// controller, and then looks whether all agree and nothing was deleted that should not be. OPENORDER_TEST_SOAK is the
// number of random steps (default 300), OPENORDER_TEST_SEED the seed to replay.
func TestSoak(t *testing.T) {
	steps, _ := strconv.Atoi(os.Getenv("OPENORDER_TEST_SOAK"))
	if steps == 0 {
		steps = 300
	}
	seed, err := strconv.ParseUint(os.Getenv("OPENORDER_TEST_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d steps, OPENORDER_TEST_SEED=%d", steps, seed)
	s := &soak{rand: rand.New(rand.NewPCG(seed, seed)), dir: t.TempDir(), mine: map[string]bool{}}
	s.up(t)
	// Topics that no resource of a kind that may delete them names, now or ever.
	for i := range 20 {
		s.foreign = append(s.foreign, fmt.Sprintf("foreign-%d", i))
	}
	s.bundle = setupOn(t, kubetest.Dedicated(t, kubetest.Definitions()), s.brokers)
	testenv.CreateTopics(t, s.brokers, 1, s.foreign...)
	ids := map[string]string{}
	for _, name := range s.foreign {
		ids[name] = s.topic(name).ID
	}
	for i := range steps {
		s.step()
		if i%100 == 99 {
			s.disturb(t)
		}
	}
	s.agree(t)
	for _, name := range s.foreign {
		if d := s.topic(name); d == nil || d.ID != ids[name] {
			t.Errorf("%s was deleted", name)
		}
	}
}

type soak struct {
	*bundle
	rand    *rand.Rand
	dir     string
	fake    *kfake.Cluster
	brokers kafka.Config
	foreign []string
	mine    map[string]bool // topics that resources named
}

// up starts the embedded broker, on the same address and data each time.
func (s *soak) up(t *testing.T) {
	options := []kfake.Opt{kfake.DataDir(s.dir)}
	if s.brokers.Brokers != "" {
		port, _ := strconv.Atoi(s.brokers.Brokers[strings.LastIndex(s.brokers.Brokers, ":")+1:])
		options = append(options, kfake.Ports(port))
	}
	s.fake, s.brokers = testenv.FakeKafka(t, options...)
}

// step does something to a resource. Several resources name the same topics, some name topics that were there before.
func (s *soak) step() {
	name := fmt.Sprintf("r-%d", s.rand.IntN(60))
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	var err error
	switch s.rand.IntN(10) {
	case 0, 1, 2, 3, 4:
		resource.Spec = s.spec()
		err = s.Create(s.Context(), resource)
	case 5, 6:
		patches := []string{
			fmt.Sprintf(`{"spec":{"config":{"retention.ms":%d}}}`, s.rand.IntN(9)+1), `{"spec":{"config":null}}`,
			fmt.Sprintf(`{"spec":{"partitions":%d}}`, s.rand.IntN(5)+1), `{"spec":{"managementPolicy":"Observe"}}`, `{"spec":{"managementPolicy":"Manage"}}`,
			`{"spec":{"deletionPolicy":"Delete"}}`, `{"spec":{"deletionPolicy":"Retain"}}`,
		}
		err = s.Patch(s.Context(), resource, client.RawPatch(types.MergePatchType, []byte(patches[s.rand.IntN(len(patches))])))
	case 7, 8:
		err = s.Delete(s.Context(), resource)
	case 9:
		name := fmt.Sprintf("t-%d", s.rand.IntN(30))
		if s.topic(name) != nil {
			s.set(name, "retention.ms", "77") // behind the resource's back
		}
	}
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) {
		s.Fatal(err)
	}
}

func (s *soak) spec() v1alpha1.KafkaTopicSpec {
	name := fmt.Sprintf("t-%d", s.rand.IntN(30))
	if s.rand.IntN(5) == 0 {
		name = s.foreign[s.rand.IntN(len(s.foreign))]
	}
	s.mine[name] = true
	n := s.rand.Int32N(4) + 1
	spec := v1alpha1.KafkaTopicSpec{TopicName: name, Partitions: &n}
	spec.DeletionPolicy = []v1alpha1.DeletionPolicy{v1alpha1.Retain, v1alpha1.Delete}[s.rand.IntN(2)]
	if s.rand.IntN(6) == 0 {
		spec.ManagementPolicy = v1alpha1.Observe
	}
	if s.rand.IntN(2) == 0 {
		spec.Config = map[string]v1alpha1.ConfigValue{"retention.ms": {JSON: fmt.Sprint(s.rand.IntN(9) + 1)}}
	}
	return spec
}

// disturb takes something away in the middle of the work.
func (s *soak) disturb(t *testing.T) {
	switch s.rand.IntN(3) {
	case 0:
		s.fake.Close()
		s.crash()
		s.up(t)
	case 1:
		s.fake.Close()
		s.up(t)
	case 2:
		s.crash()
	}
}

// agree waits until every resource and the cluster say the same.
func (s *soak) agree(t *testing.T) {
	why := ""
	defer func() {
		if t.Failed() {
			t.Log(why)
		}
	}()
	testenv.Eventually(t, 3*time.Minute, "resources and topics agree", func() bool { why = s.disagreement(); return why == "" })
}

func (s *soak) disagreement() string {
	var list v1alpha1.KafkaTopicList
	s.must(s.List(s.Context(), &list, client.InNamespace(s.namespace)))
	owners := map[string]int{}
	for i := range list.Items {
		r := &list.Items[i]
		state := ready(r)
		switch {
		case r.Deleting():
			return r.Name + " is still being deleted: " + state
		case r.Status.ObservedGeneration != r.Generation:
			return r.Name + " is not looked at: " + state
		case strings.HasPrefix(state, "True Synced"):
			owners[r.TopicName()]++
			have := s.topic(r.TopicName())
			if have == nil || have.ID != r.Status.TopicID || r.Spec.Partitions != nil && have.Partitions != int(*r.Spec.Partitions) {
				return fmt.Sprintf("%s says %s, the topic is %+v, the status %+v", r.Name, state, have, r.Status)
			}
			if want, named := r.Spec.Config["retention.ms"]; named && s.value(r.TopicName(), "retention.ms") != want.JSON {
				return r.Name + ": retention.ms differs"
			}
		case strings.HasPrefix(state, "False NotSupported"):
			owners[r.TopicName()]++
		case strings.HasPrefix(state, "False Conflict"), strings.HasPrefix(state, "True Observed"),
			strings.HasPrefix(state, "False Drifted"), strings.HasPrefix(state, "False Missing: There is no topic"):
		default:
			return r.Name + ": " + state
		}
	}
	for name, n := range owners {
		if n != 1 {
			return fmt.Sprintf("%d resources own %s", n, name)
		}
	}
	return ""
}
