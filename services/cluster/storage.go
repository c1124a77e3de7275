package cluster

import (
	"context"
	"fmt"
	"slices"

	storagev1 "k8s.io/api/storage/v1"
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
