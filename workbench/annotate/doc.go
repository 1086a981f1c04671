// Package annotate labels recorded flows by what other programs say of them.
//
// A Table holds the flows of record files. A Labeller takes sources, one after the other:
// Zeek's logs, nDPI's output, Suricata's alerts, a list of devices, labels made by hand. Each
// row of a source finds its flows by uid, or by 5-tuple and time, and gives them a label. The
// source that is named first wins. Nothing is passed over in silence: a Report counts what
// matched no flow, and why.
package annotate
