#ifndef MESH_ALLOCATIONS_H
#define MESH_ALLOCATIONS_H

#include <stdint.h>

/// How often this process has asked for memory since it started. The program that links this counts every malloc,
/// calloc, realloc, posix_memalign and aligned_alloc of itself and of its libraries.
uint64_t mesh_allocations(void);

/// Opens a counter of this thread's instructions in user mode; -1 where the system does not allow it.
int mesh_instructions_open(void);
/// What the counter shows.
uint64_t mesh_instructions_read(int counter);

#endif
