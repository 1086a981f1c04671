// Package memo keeps a model from being asked again about a row that it has answered of late.
// The first packets of most flows look like those of others: the same clients ask the same
// servers in the same words.
package memo
