#ifndef MESH_PAGES_H
#define MESH_PAGES_H

#include <stdint.h>

/* A layer over SQLite's file system that keeps a checksum of each database page in eight reserved bytes at the page's end: it is
   made when the page is written into the database file, and compared whenever the page is read from there. A page that does not
   hold what was written is never given to SQLite: the read fails with SQLITE_IOERR_DATA. A file without reserved bytes is read and
   written as if this layer were not there. The log has checksums of its own.

   Databases are passed as `void *`, so that this header needs none of SQLite's. */

/* Bytes of a page that are reserved for its checksum. */
#define MESH_PAGES_RESERVED 8

/* Makes this layer the one that SQLite uses; once for the process, before the first database is opened. Returns SQLite's result. */
int mesh_pages_install(void);

/* Stops comparing, for tests that must see that something notices. */
void mesh_pages_trust(void);

/* Says of the databases that this thread opens next whether they are new files whose pages get checksums before their header says
   so: 1 or 0. */
void mesh_pages_new_files(int have_checksums);

/* Whether the pages of an open database carry checksums: 1 or 0. */
int mesh_pages_are_checked(void *database);

/* Asks that a new, empty database reserves the bytes. Returns SQLite's result. */
int mesh_pages_reserve(void *database);

/* How many whole pages the database file has on disk; -1 when that cannot be seen. */
int64_t mesh_pages_count(void *database, int page_bytes);

/* Reads one page of the database file, counted from 1, past SQLite's cache and log. Returns SQLite's result. */
int mesh_pages_read(void *database, int64_t page, void *buffer, int page_bytes);

/* The page whose checksum did not fit when this thread read a database last; 0 when there was none. */
int64_t mesh_pages_last_damaged(void);

#endif
