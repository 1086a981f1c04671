// Package trees scores rows with ensembles of small trees without walking down any of them.
//
// The way is QuickScorer's (Lucchese et al., SIGIR 2015, doi:10.1145/2766462.2767733): the splits of
// all trees are sorted by feature and threshold. A split whose threshold lies below the row's value
// sends the row to the right, so no leaf to its left can be the one; a bit set of each tree's leaves
// loses these. The first leaf that is left in a tree is the row's. What many thresholds of a feature do to a
// tree is merged into one step now and then, with a bound for the memory of that. Almost every step reads the next
// split of a list, which a processor does much faster than following a path it cannot foresee.
package trees
