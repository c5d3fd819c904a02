#ifndef MESH_CSQLITE_SHIM_H
#define MESH_CSQLITE_SHIM_H

#include <sqlite3.h>

/* Swift cannot call functions with variable arguments. */

/* Gives a connection slots of memory of its own, so that its small allocations never reach the system's allocator. */
static inline int mesh_sqlite_lookaside(sqlite3 *database, int size, int count) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_LOOKASIDE, (void *)0, size, count);
}

/* Counting the memory in use takes a lock for each allocation. It can be said once, before the first connection. */
static inline int mesh_sqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

#endif
