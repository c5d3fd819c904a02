#include "mesh_pages.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

/* One open file: SQLite's part first, then ours, then the file of the layer below. */
typedef struct PageFile {
    sqlite3_file base;
    /* Whether pages carry checksums. Never goes back: what was reserved once stays reserved. */
    int is_checked;
} PageFile;

#define BELOW(file) ((sqlite3_file *)((PageFile *)(file) + 1))
#define VFS_BELOW(vfs) ((sqlite3_vfs *)(vfs)->pAppData)
/* Where SQLite's header says how many bytes of a page are reserved. */
#define RESERVED_AT 20
#define HEADER_BYTES 100
/* Asks a file of ours for itself; any other file does not know it. */
#define ASK_FILE 0x6D657368

static atomic_int trusts_pages = 0;
static _Thread_local int new_files_are_checked = 0;
static _Thread_local int64_t last_damaged = 0;

static const char magic[16] = "SQLite format 3";

/* Four lanes of multiplication and rotation, as in xxHash64. Each step can be undone, so that a change within one word of eight
   bytes is always seen, and any other all but always. The place is part of it: a page written elsewhere does not fit. */
static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u;

static inline uint64_t rotated(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static inline uint64_t word_at(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline uint64_t stepped(uint64_t lane, uint64_t word) { return rotated(lane + word * P2, 31) * P1; }

static uint64_t checksum(const unsigned char *bytes, int count, uint64_t place) {
    uint64_t a = place + P1 + P2, b = place + P2, c = place, d = place - P1;
    int at = 0;
    for (; at + 32 <= count; at += 32) {
        a = stepped(a, word_at(bytes + at));
        b = stepped(b, word_at(bytes + at + 8));
        c = stepped(c, word_at(bytes + at + 16));
        d = stepped(d, word_at(bytes + at + 24));
    }
    uint64_t sum = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18) + (uint64_t)count;
    for (; at + 8 <= count; at += 8) sum = rotated(sum ^ stepped(0, word_at(bytes + at)), 27) * P1 + P3;
    sum ^= sum >> 33;
    sum *= P2;
    sum ^= sum >> 29;
    sum *= P3;
    return sum ^ sum >> 32;
}

static int is_page(int amount, sqlite3_int64 offset) {
    return amount >= 512 && (amount & (amount - 1)) == 0 && offset % amount == 0;
}

static int is_empty(const unsigned char *bytes, int count) {
    for (int at = 0; at < count; at++)
        if (bytes[at]) return 0;
    return 1;
}

static void look_at_header(PageFile *file, const unsigned char *bytes, int amount, sqlite3_int64 offset) {
    if (offset == 0 && amount >= HEADER_BYTES && memcmp(bytes, magic, sizeof magic) == 0 &&
        bytes[RESERVED_AT] == MESH_PAGES_RESERVED)
        file->is_checked = 1;
}

/* MARK: Files */

static int page_read(sqlite3_file *file, void *buffer, int amount, sqlite3_int64 offset) {
    PageFile *ours = (PageFile *)file;
    int result = BELOW(file)->pMethods->xRead(BELOW(file), buffer, amount, offset);
    if (result != SQLITE_OK) return result;
    unsigned char *bytes = buffer;
    look_at_header(ours, bytes, amount, offset);
    if (!ours->is_checked || !is_page(amount, offset) || atomic_load_explicit(&trusts_pages, memory_order_relaxed))
        return SQLITE_OK;
    int count = amount - MESH_PAGES_RESERVED;
    if (checksum(bytes, count, (uint64_t)(offset / amount)) == word_at(bytes + count)) return SQLITE_OK;
    /* A page that was taken and given back in one transaction is a hole that nobody ever wrote. */
    if (is_empty(bytes, amount)) return SQLITE_OK;
    last_damaged = offset / amount + 1;
    return SQLITE_IOERR_DATA;
}

static int page_write(sqlite3_file *file, const void *buffer, int amount, sqlite3_int64 offset) {
    PageFile *ours = (PageFile *)file;
    look_at_header(ours, buffer, amount, offset);
    if (ours->is_checked && is_page(amount, offset)) {
        /* SQLite gives the memory of its own page, whose reserved bytes are ours to fill: its own layer of this kind (cksumvfs)
           does the same. */
        unsigned char *end = (unsigned char *)buffer + amount - MESH_PAGES_RESERVED;
        uint64_t sum = checksum(buffer, amount - MESH_PAGES_RESERVED, (uint64_t)(offset / amount));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        sum = __builtin_bswap64(sum);
#endif
        memcpy(end, &sum, MESH_PAGES_RESERVED);
    }
    return BELOW(file)->pMethods->xWrite(BELOW(file), buffer, amount, offset);
}

static int page_control(sqlite3_file *file, int what, void *argument) {
    if (what == ASK_FILE) {
        *(sqlite3_file **)argument = file;
        return SQLITE_OK;
    }
    return BELOW(file)->pMethods->xFileControl(BELOW(file), what, argument);
}

static int page_close(sqlite3_file *file) { return BELOW(file)->pMethods->xClose(BELOW(file)); }
static int page_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return BELOW(file)->pMethods->xTruncate(BELOW(file), size);
}
static int page_sync(sqlite3_file *file, int flags) { return BELOW(file)->pMethods->xSync(BELOW(file), flags); }
static int page_size(sqlite3_file *file, sqlite3_int64 *size) {
    return BELOW(file)->pMethods->xFileSize(BELOW(file), size);
}
static int page_lock(sqlite3_file *file, int kind) { return BELOW(file)->pMethods->xLock(BELOW(file), kind); }
static int page_unlock(sqlite3_file *file, int kind) { return BELOW(file)->pMethods->xUnlock(BELOW(file), kind); }
static int page_is_locked(sqlite3_file *file, int *is_locked) {
    return BELOW(file)->pMethods->xCheckReservedLock(BELOW(file), is_locked);
}
static int page_sector(sqlite3_file *file) { return BELOW(file)->pMethods->xSectorSize(BELOW(file)); }
static int page_traits(sqlite3_file *file) { return BELOW(file)->pMethods->xDeviceCharacteristics(BELOW(file)); }
static int page_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
    return BELOW(file)->pMethods->xShmMap(BELOW(file), page, size, extend, memory);
}
static int page_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return BELOW(file)->pMethods->xShmLock(BELOW(file), offset, count, flags);
}
static void page_shm_barrier(sqlite3_file *file) { BELOW(file)->pMethods->xShmBarrier(BELOW(file)); }
static int page_shm_unmap(sqlite3_file *file, int remove) {
    return BELOW(file)->pMethods->xShmUnmap(BELOW(file), remove);
}

/* Version 2: without memory maps, which would give pages that nobody has compared. */
static const sqlite3_io_methods page_methods = {
    2,           page_close,  page_read,      page_write,    page_truncate, page_sync,       page_size,
    page_lock,   page_unlock, page_is_locked, page_control,  page_sector,   page_traits,     page_shm_map,
    page_shm_lock, page_shm_barrier, page_shm_unmap, 0, 0,
};

/* MARK: The layer */

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
    sqlite3_vfs *below = VFS_BELOW(vfs);
    if (!(flags & SQLITE_OPEN_MAIN_DB)) return below->xOpen(below, name, file, flags, out);
    memset(file, 0, sizeof(PageFile));
    int result = below->xOpen(below, name, BELOW(file), flags, out);
    if (result != SQLITE_OK) return result;
    const sqlite3_io_methods *methods = BELOW(file)->pMethods;
    if (methods->iVersion < 2 || !methods->xShmMap) {
        methods->xClose(BELOW(file));
        return SQLITE_CANTOPEN;
    }
    ((PageFile *)file)->is_checked = new_files_are_checked;
    file->pMethods = &page_methods;
    return SQLITE_OK;
}

static int layer_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    return VFS_BELOW(vfs)->xDelete(VFS_BELOW(vfs), name, sync);
}
static int layer_access(sqlite3_vfs *vfs, const char *name, int flags, int *out) {
    return VFS_BELOW(vfs)->xAccess(VFS_BELOW(vfs), name, flags, out);
}
static int layer_path(sqlite3_vfs *vfs, const char *name, int count, char *out) {
    return VFS_BELOW(vfs)->xFullPathname(VFS_BELOW(vfs), name, count, out);
}
static void *layer_dl_open(sqlite3_vfs *vfs, const char *name) {
    return VFS_BELOW(vfs)->xDlOpen(VFS_BELOW(vfs), name);
}
static void layer_dl_error(sqlite3_vfs *vfs, int count, char *out) {
    VFS_BELOW(vfs)->xDlError(VFS_BELOW(vfs), count, out);
}
static void (*layer_dl_symbol(sqlite3_vfs *vfs, void *library, const char *name))(void) {
    return VFS_BELOW(vfs)->xDlSym(VFS_BELOW(vfs), library, name);
}
static void layer_dl_close(sqlite3_vfs *vfs, void *library) { VFS_BELOW(vfs)->xDlClose(VFS_BELOW(vfs), library); }
static int layer_random(sqlite3_vfs *vfs, int count, char *out) {
    return VFS_BELOW(vfs)->xRandomness(VFS_BELOW(vfs), count, out);
}
static int layer_sleep(sqlite3_vfs *vfs, int micros) { return VFS_BELOW(vfs)->xSleep(VFS_BELOW(vfs), micros); }
static int layer_time(sqlite3_vfs *vfs, double *out) { return VFS_BELOW(vfs)->xCurrentTime(VFS_BELOW(vfs), out); }
static int layer_last_error(sqlite3_vfs *vfs, int count, char *out) {
    return VFS_BELOW(vfs)->xGetLastError(VFS_BELOW(vfs), count, out);
}
static int layer_time64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
    return VFS_BELOW(vfs)->xCurrentTimeInt64(VFS_BELOW(vfs), out);
}

static sqlite3_vfs layer = {
    .iVersion = 2,
    .zName = "mesh-pages",
    .xOpen = layer_open,
    .xDelete = layer_delete,
    .xAccess = layer_access,
    .xFullPathname = layer_path,
    .xDlOpen = layer_dl_open,
    .xDlError = layer_dl_error,
    .xDlSym = layer_dl_symbol,
    .xDlClose = layer_dl_close,
    .xRandomness = layer_random,
    .xSleep = layer_sleep,
    .xCurrentTime = layer_time,
    .xGetLastError = layer_last_error,
    .xCurrentTimeInt64 = layer_time64,
};

int mesh_pages_install(void) {
    sqlite3_vfs *below = sqlite3_vfs_find(0);
    if (!below || below == &layer || below->iVersion < 2) return SQLITE_ERROR;
    layer.szOsFile = below->szOsFile + (int)sizeof(PageFile);
    layer.mxPathname = below->mxPathname;
    layer.pAppData = below;
    return sqlite3_vfs_register(&layer, 1);
}

void mesh_pages_trust(void) { atomic_store(&trusts_pages, 1); }

void mesh_pages_new_files(int have_checksums) { new_files_are_checked = have_checksums; }

int mesh_pages_are_checked(void *database) {
    sqlite3_file *file = 0;
    if (sqlite3_file_control(database, "main", ASK_FILE, &file) != SQLITE_OK || !file) return 0;
    return ((PageFile *)file)->is_checked;
}

int mesh_pages_reserve(void *database) {
    int bytes = MESH_PAGES_RESERVED;
    return sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

int64_t mesh_pages_count(void *database, int page_bytes) {
    sqlite3_file *file = 0;
    sqlite3_int64 size = 0;
    if (sqlite3_file_control(database, "main", ASK_FILE, &file) != SQLITE_OK || !file || page_bytes < 512) return -1;
    if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return -1;
    return size / page_bytes;
}

int mesh_pages_read(void *database, int64_t page, void *buffer, int page_bytes) {
    sqlite3_file *file = 0;
    if (sqlite3_file_control(database, "main", ASK_FILE, &file) != SQLITE_OK || !file) return SQLITE_MISUSE;
    return file->pMethods->xRead(file, buffer, page_bytes, (page - 1) * page_bytes);
}

int64_t mesh_pages_last_damaged(void) { return last_damaged; }
