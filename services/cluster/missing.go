package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
)

// installs are the commands that bring an API group.
var installs = map[string]string{
	"cluster.redpanda.com":      "helm upgrade --install redpanda-controller operator --repo https://charts.redpanda.com --version 26.2.2 -n redpanda --create-namespace --set crds.enabled=true",
	"cert-manager.io":           "helm upgrade --install cert-manager oci://quay.io/jetstack/charts/cert-manager --version v1.21.1 -n cert-manager --create-namespace --set crds.enabled=true",
	"postgresql.cnpg.io":        "helm upgrade --install cnpg cloudnative-pg --repo https://cloudnative-pg.github.io/charts --version 0.29.0 -n cnpg-system --create-namespace --wait",
	"kafka.openorder.io":        "helm upgrade --install openorder-operator oci://ghcr.io/openorder/charts/openorder-operator -n NAMESPACE",
	"keda.sh":                   "helm upgrade --install keda keda --repo https://kedacore.github.io/charts --version 2.20.2 -n keda --create-namespace",
	"monitoring.coreos.com":     "helm upgrade --install prometheus-operator-crds oci://ghcr.io/prometheus-community/charts/prometheus-operator-crds --version 31.0.1",
	"gateway.networking.k8s.io": "kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml",
}

// missingKinds lists kinds that the cluster does not serve, once each. TLS on a Redpanda also needs cert-manager.
func missingKinds(manifests []manifest, mapper meta.RESTMapper) []string {
	var missing []string
	lacks := func(group, version, kind string) {
		if _, err := mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind}, version); err == nil {
			return
		}
		line := fmt.Sprintf("%s (%s/%s) is not served", kind, group, version)
		if command, known := installs[group]; known {
			line += ": " + command
		}
		if !slices.Contains(missing, line) {
			missing = append(missing, line)
		}
	}
	for _, m := range manifests {
		gvk := m.GroupVersionKind()
		lacks(gvk.Group, gvk.Version, gvk.Kind)
		if tls, _, _ := unstructured.NestedBool(m.Object, "spec", "clusterSpec", "tls", "enabled"); tls && gvk.Kind == "Redpanda" {
			lacks("cert-manager.io", "v1", "Certificate")
		}
	}
	return missing
}

// missingNamespaces lists namespaces that have to be made first.
func missingNamespaces(ctx context.Context, client kubernetes.Interface, manifests []manifest) ([]string, error) {
	var missing, seen []string
	for _, m := range manifests {
		if m.GetKind() == "Namespace" {
			seen = append(seen, m.GetName())
		}
	}
	for _, m := range manifests {
		name := m.GetNamespace()
		if slices.Contains(seen, name) {
			continue
		}
		seen = append(seen, name)
		_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			missing = append(missing, fmt.Sprintf("namespace %s does not exist: kubectl create namespace %s", name, name))
		} else if err != nil {
			return nil, fmt.Errorf("look for namespace %s: %w", name, err)
		}
	}
	return missing, nil
}

// missingSecrets lists Secrets and keys that pods mount, or KEDA logs in with, and nobody makes: neither these manifests,
// nor their Job, nor an operator.
func missingSecrets(ctx context.Context, client kubernetes.Interface, manifests []manifest) ([]string, error) {
	made := madeSecrets(manifests)
	var missing, seen []string
	for _, m := range manifests {
		for _, use := range usedSecrets(m) {
			id := m.GetNamespace() + "/" + use.name + "/" + use.key
			if slices.Contains(made, m.GetNamespace()+"/"+use.name) || slices.Contains(seen, id) {
				continue
			}
			seen = append(seen, id)
			secret, err := client.CoreV1().Secrets(m.GetNamespace()).Get(ctx, use.name, metav1.GetOptions{})
			switch {
			case apierrors.IsNotFound(err):
				missing = append(missing, fmt.Sprintf("Secret %s with key %s does not exist in namespace %s; %s waits for it", use.name, use.key, m.GetNamespace(), m))
			case err != nil:
				return nil, fmt.Errorf("look for Secret %s: %w", use.name, err)
			case use.key != "" && len(secret.Data[use.key]) == 0:
				missing = append(missing, fmt.Sprintf("Secret %s in namespace %s has no key %s; %s waits for it", use.name, m.GetNamespace(), use.key, m))
			}
		}
	}
	return missing, nil
}

// madeSecrets are those that will be there, as NAMESPACE/NAME.
func madeSecrets(manifests []manifest) []string {
	var made []string
	for _, m := range manifests {
		add := func(name string) { made = append(made, m.GetNamespace()+"/"+name) }
		switch m.GetKind() {
		case "Secret":
			add(m.GetName())
		case "Redpanda":
			add(m.GetName() + "-default-cert")
		case "Cluster":
			add(m.GetName() + "-ca")
			add(m.GetName() + "-app")
		case "Job":
			for _, argument := range arguments(m) {
				for _, flag := range []string{"--kafka=", "--database="} {
					if pair, ok := strings.CutPrefix(argument, flag); ok {
						name, _, _ := strings.Cut(pair, "=")
						add(name)
					}
				}
			}
		}
	}
	return made
}

func arguments(m manifest) []string {
	spec, _ := m.podSpec()
	containers, _, _ := unstructured.NestedSlice(spec, "containers")
	var all []string
	for _, c := range containers {
		if container, ok := c.(map[string]any); ok {
			args, _, _ := unstructured.NestedStringSlice(container, "args")
			all = append(all, args...)
		}
	}
	return all
}

type usedSecret struct{ name, key string }

func usedSecrets(m manifest) []usedSecret {
	if m.GetKind() == "TriggerAuthentication" {
		return targetedSecrets(m)
	}
	spec, _ := m.podSpec()
	volumes, _, _ := unstructured.NestedSlice(spec, "volumes")
	var all []usedSecret
	for _, v := range volumes {
		volume, _ := v.(map[string]any)
		name, found, _ := unstructured.NestedString(volume, "secret", "secretName")
		if !found {
			continue
		}
		items, _, _ := unstructured.NestedSlice(volume, "secret", "items")
		if len(items) == 0 {
			all = append(all, usedSecret{name: name})
		}
		for _, i := range items {
			item, _ := i.(map[string]any)
			key, _, _ := unstructured.NestedString(item, "key")
			all = append(all, usedSecret{name, key})
		}
	}
	return all
}

func targetedSecrets(m manifest) []usedSecret {
	references, _, _ := unstructured.NestedSlice(m.Object, "spec", "secretTargetRef")
	var all []usedSecret
	for _, r := range references {
		reference, _ := r.(map[string]any)
		name, _, _ := unstructured.NestedString(reference, "name")
		key, _, _ := unstructured.NestedString(reference, "key")
		all = append(all, usedSecret{name, key})
	}
	return all
}

// missingNodes tells where brokers that refuse to share a node outnumber the nodes.
func missingNodes(ctx context.Context, client kubernetes.Interface, manifests []manifest) ([]string, error) {
	var missing []string
	for _, m := range manifests {
		kind, _, _ := unstructured.NestedString(m.Object, "spec", "clusterSpec", "statefulset", "podAntiAffinity", "type")
		brokers, _, _ := unstructured.NestedFieldNoCopy(m.Object, "spec", "clusterSpec", "statefulset", "replicas")
		if m.GetKind() != "Redpanda" || kind != "hard" {
			continue
		}
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("count the nodes: %w", err)
		}
		usable := slices.DeleteFunc(nodes.Items, unusable)
		if want := asInt(brokers); len(usable) < want {
			missing = append(missing, fmt.Sprintf("%s wants %d brokers on as many nodes; %d nodes can take one (redpanda.antiAffinity=soft lets them share)", m, want, len(usable)))
		}
	}
	return missing, nil
}

func unusable(node corev1.Node) bool {
	return node.Spec.Unschedulable || slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool {
		return t.Effect != corev1.TaintEffectPreferNoSchedule
	})
}

func asInt(v any) int {
	switch n := v.(type) {
	case int64:
		return int(n)
	case float64:
		return int(n)
	}
	return 1
}
