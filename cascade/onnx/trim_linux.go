package onnx

/*
#include <malloc.h>

// Other C libraries than glibc have no such call, and keep less.
static void give_back(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
*/
import "C"

// trim gives back to the operating system what C's allocator keeps of memory that is free.
// Each thread that loads a model has memory of its own there, so that after some changes of
// bundles a process would keep several times what its models need.
func trim() { C.give_back() }
