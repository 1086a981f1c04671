// Package shadow compares two bundles of a task on a share of the flows.
//
// The task's main bundle labels every flow. Its shadow is asked about a share of them, and
// nothing waits for what it says: pairs of final labels are counted, for a decision whether
// the shadow is to take the main bundle's place.
package shadow
