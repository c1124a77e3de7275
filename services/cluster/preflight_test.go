package cluster

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	discoveryfake "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
)

// cluster has what a fresh cluster has, Redpanda's CRD, one of KEDA's, one node, and what the test adds.
func cluster(objects ...runtime.Object) *fake.Clientset {
	client := fake.NewClientset(append(objects,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "one"}},
	)...)
	client.Discovery().(*discoveryfake.FakeDiscovery).Resources = []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true}, {Name: "secrets", Kind: "Secret", Namespaced: true}}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{{Name: "deployments", Kind: "Deployment", Namespaced: true}}},
		{GroupVersion: "batch/v1", APIResources: []metav1.APIResource{{Name: "jobs", Kind: "Job", Namespaced: true}}},
		{GroupVersion: "keda.sh/v1alpha1", APIResources: []metav1.APIResource{{Name: "triggerauthentications", Kind: "TriggerAuthentication", Namespaced: true}}},
		{GroupVersion: "cluster.redpanda.com/v1alpha2", APIResources: []metav1.APIResource{{Name: "redpandas", Kind: "Redpanda", Namespaced: true}}},
	}
	return client
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: order, namespace: shop}
spec:
  template:
    spec:
      containers: [{name: order}]
      volumes:
      - name: database
        secret: {secretName: order-db, optional: true, items: [{key: uri, path: url}]}
`

const login = `apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: openorder-kafka, namespace: shop}
spec:
  secretTargetRef:
  - {parameter: username, name: keda-kafka, key: username}
  - {parameter: password, name: keda-kafka, key: password}
`

func postgresql(name, size string) string {
	return "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: " + name + ", namespace: shop}\nspec: {storage: {size: " + size + "}}\n---\n"
}

// volume is the first of a Cluster, of 1Gi.
func volume(cluster, class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: cluster + "-1", Namespace: "shop", Labels: map[string]string{"cnpg.io/cluster": cluster, "cnpg.io/pvcRole": "PG_DATA"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

func TestPreflightListsWhatIsMissing(t *testing.T) {
	t.Parallel()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{defaultClass: "true"}}}
	growing := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "growing"}, AllowVolumeExpansion: new(true)}
	for name, c := range map[string]struct {
		manifests string
		there     []runtime.Object
		want      []string // parts of lines, in order; none: nothing is missing
	}{
		"a kind that is not served, once, with the command that brings it": {
			manifests: "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a, namespace: shop}\n---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: b, namespace: shop}\n",
			want:      []string{"ScaledObject (keda.sh/v1alpha1) is not served: helm upgrade --install keda"},
		},
		"cert-manager for brokers with TLS": {
			manifests: "apiVersion: cluster.redpanda.com/v1alpha2\nkind: Redpanda\nmetadata: {name: redpanda, namespace: shop}\nspec: {clusterSpec: {tls: {enabled: true}}}\n",
			there:     []runtime.Object{class},
			want:      []string{"Certificate (cert-manager.io/v1) is not served"},
		},
		"nodes for brokers that do not share one, and a default StorageClass": {
			manifests: "apiVersion: cluster.redpanda.com/v1alpha2\nkind: Redpanda\nmetadata: {name: redpanda, namespace: shop}\nspec: {clusterSpec: {statefulset: {replicas: 3, podAntiAffinity: {type: hard}}}}\n",
			want:      []string{"no StorageClass is the default", "wants 3 brokers on as many nodes; 1 nodes"},
		},
		"a StorageClass by name": {
			manifests: "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec: {storageClassName: fast}\n",
			there:     []runtime.Object{class},
			want:      []string{"StorageClass fast, which does not exist"},
		},
		"room in a volume that cannot grow": {
			manifests: postgresql("pg", "4Gi") + postgresql("same", "1Gi") + postgresql("growing", "4Gi") + postgresql("new", "4Gi"),
			there:     []runtime.Object{class, growing, volume("pg", "standard"), volume("same", "standard"), volume("growing", "growing")},
			want:      []string{"Cluster (postgresql.cnpg.io/v1) is not served", "Cluster pg wants volumes of 4Gi; pg-1 has 1Gi, and its StorageClass standard does not allow expansion: keep postgresql.storage=1Gi"},
		},
		"a namespace": {
			manifests: strings.ReplaceAll(deployment, "namespace: shop", "namespace: elsewhere"),
			want:      []string{"namespace elsewhere does not exist", "Secret order-db"},
		},
		"a Secret that nobody makes": {
			manifests: deployment,
			want:      []string{"Secret order-db with key uri does not exist in namespace shop; Deployment order waits for it"},
		},
		"a key of a Secret that exists": {
			manifests: deployment,
			there:     []runtime.Object{secret("order-db", "url")},
			want:      []string{"has no key uri"},
		},
		"a key of a Secret that KEDA logs in with": {
			manifests: login,
			there:     []runtime.Object{secret("keda-kafka", "password")},
			want:      []string{"Secret keda-kafka in namespace shop has no key username; TriggerAuthentication openorder-kafka waits for it"},
		},
		"nothing, where the release's Job makes KEDA's login": {
			manifests: login + "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: secrets, namespace: shop}\nspec: {template: {spec: {containers: [{name: secrets, args: [secrets, --kafka=keda-kafka=keda]}]}}}\n",
		},
		"nothing, where the Secret exists": {
			manifests: deployment,
			there:     []runtime.Object{secret("order-db", "uri")},
		},
		"nothing, where the release's Job makes the Secret": {
			manifests: deployment + "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: secrets, namespace: shop}\nspec: {template: {spec: {containers: [{name: secrets, args: [secrets, --database=order-db=postgres://order@pg/orders]}]}}}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := (&Preflight{File: "-", Namespace: "shop"}).Run(t.Context(), cluster(c.there...), strings.NewReader(c.manifests), &out)
			if len(c.want) == 0 {
				if err != nil || !strings.Contains(out.String(), "Nothing is missing") {
					t.Errorf("got %v: %s", err, out.String())
				}
				return
			}
			if !errors.Is(err, ErrMissing) {
				t.Errorf("got %v", err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("got %d lines, want %d:\n%s", len(lines), len(c.want), out.String())
			}
			for i, want := range c.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("line %d: got %q, want %q in it", i+1, lines[i], want)
				}
			}
		})
	}
}

func TestManifestsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for name, manifests := range map[string]string{
		"not YAML":       "a: [",
		"no kind":        "metadata: {name: a}\n",
		"only an answer": "Error: INSTALLATION FAILED\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := decode(strings.NewReader(manifests), "shop"); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestDecodeSkipsEmptyDocuments(t *testing.T) {
	t.Parallel()
	manifests, err := decode(strings.NewReader("---\n# Source: nothing\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range manifests {
		got = append(got, m.GetNamespace()+" "+m.String())
	}
	if diff := cmp.Diff([]string{"shop Secret a"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(deployment)
	f.Add("---\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		manifests, err := decode(strings.NewReader(text), "shop")
		if err != nil {
			return
		}
		for _, m := range manifests {
			arguments(m)
			usedSecrets(m)
			volumeClass(m)
		}
		madeSecrets(manifests)
	})
}
