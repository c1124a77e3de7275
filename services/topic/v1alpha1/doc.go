// Package v1alpha1 is the KafkaTopic resource, kafka.openorder.io/v1alpha1. It links neither controller-runtime nor
// client-go, so that tools which only read manifests stay small.
//
// +kubebuilder:object:generate=true
// +groupName=kafka.openorder.io
package v1alpha1

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object crd:maxDescLen=2000 paths=. output:crd:dir=../config/crd

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is what manifests name as apiVersion.
var GroupVersion = schema.GroupVersion{Group: "kafka.openorder.io", Version: "v1alpha1"}

// Kind is what manifests name as kind.
const Kind = "KafkaTopic"

// AddToScheme makes the types known to a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &KafkaTopic{}, &KafkaTopicList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
