package cluster

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
)

const defaultClass = "storageclass.kubernetes.io/is-default-class"

// missingStorage lists volumes that no StorageClass would make.
func missingStorage(ctx context.Context, client kubernetes.Interface, manifests []manifest) ([]string, error) {
	var missing []string
	var classes *storagev1.StorageClassList
	for _, m := range manifests {
		class, wants := volumeClass(m)
		if !wants {
			continue
		}
		if classes == nil {
			var err error
			if classes, err = client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{}); err != nil {
				return nil, fmt.Errorf("list the StorageClasses: %w", err)
			}
		}
		there := slices.ContainsFunc(classes.Items, func(c storagev1.StorageClass) bool {
			return c.Name == class || class == "" && c.Annotations[defaultClass] == "true"
		})
		switch {
		case there:
		case class == "":
			missing = append(missing, fmt.Sprintf("%s wants a volume, and no StorageClass is the default: mark one, or name one in the values", m))
		default:
			missing = append(missing, fmt.Sprintf("%s wants a volume of StorageClass %s, which does not exist", m, class))
		}
	}
	return missing, nil
}

// missingExpansion lists PostgreSQL's volumes that cannot grow to what is asked for. CloudNativePG would try for ever, and do
// nothing else for the Cluster.
func missingExpansion(ctx context.Context, client kubernetes.Interface, manifests []manifest) ([]string, error) {
	var missing []string
	for _, m := range manifests {
		asked, _, _ := unstructured.NestedString(m.Object, "spec", "storage", "size")
		size, err := resource.ParseQuantity(asked)
		if m.GetKind() != "Cluster" || err != nil {
			continue
		}
		claims, err := client.CoreV1().PersistentVolumeClaims(m.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: "cnpg.io/pvcRole=PG_DATA,cnpg.io/cluster=" + m.GetName()})
		if err != nil {
			return nil, fmt.Errorf("list the volumes of %s: %w", m, err)
		}
		for _, claim := range claims.Items {
			has := claim.Spec.Resources.Requests[corev1.ResourceStorage]
			if claim.Spec.StorageClassName == nil || size.Cmp(has) <= 0 {
				continue
			}
			name := *claim.Spec.StorageClassName
			class, err := client.StorageV1().StorageClasses().Get(ctx, name, metav1.GetOptions{})
			switch {
			case err != nil && !apierrors.IsNotFound(err):
				return nil, fmt.Errorf("look for StorageClass %s: %w", name, err)
			case err != nil || class.AllowVolumeExpansion == nil || !*class.AllowVolumeExpansion:
				missing = append(missing, fmt.Sprintf("%s wants volumes of %s; %s has %s, and its StorageClass %s does not allow expansion: keep postgresql.storage=%s",
					m, asked, claim.Name, has.String(), name, has.String()))
			}
		}
	}
	return missing, nil
}

// volumeClass tells whether a resource makes volumes, and of which StorageClass; empty is the default one.
func volumeClass(m manifest) (class string, wants bool) {
	path := map[string][]string{
		"PersistentVolumeClaim": {"spec", "storageClassName"},
		"Redpanda":              {"spec", "clusterSpec", "storage", "persistentVolume", "storageClass"},
		"Cluster":               {"spec", "storage", "storageClass"},
	}[m.GetKind()]
	if path == nil {
		return "", false
	}
	class, _, _ = unstructured.NestedString(m.Object, path...)
	return class, true
}
