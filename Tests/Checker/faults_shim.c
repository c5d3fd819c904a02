/* Loaded into a broker with LD_PRELOAD: sees and spoils its file calls, and moves its clock.
 *
 *   FAULTS_FOLDER  the folder whose files are meant; everything else is left alone
 *   FAULTS_LOG     every change below the folder is written here in order, and every write to a socket before it is made
 *   FAULTS_FAIL    "N:ERRNO:once" or "N:ERRNO:on": the N-th file call fails, alone or with all after it
 *   FAULTS_FULL    while this file exists, the disk has only the space that was freed since
 *   FAULTS_CLOCK   a file of 8 bytes: milliseconds, little endian, by which the wall clock is off
 *
 * One record of the log: operation (1 byte), length of the path (2), offset (8), size (4), path, bytes; little endian.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS 65536
enum kind { OTHER = 0, FILE_OF_OURS, FOLDER_OF_OURS, SOCKET };
static struct { enum kind kind; char *path; } table[DESCRIPTORS];

static const char *folder, *full_flag;
static size_t folder_length;
static int log_file = -1, fail_errno, fail_on;
static long fail_at, calls, freed;
static int was_full;
static volatile int64_t *clock_shift;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))next(#name))
static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void start(void) {
    folder = getenv("FAULTS_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
    full_flag = getenv("FAULTS_FULL");
    const char *text = getenv("FAULTS_LOG");
    if (text) log_file = REAL(open)(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char word[8] = "";
    if ((text = getenv("FAULTS_FAIL")) && sscanf(text, "%ld:%d:%7s", &fail_at, &fail_errno, word) == 3)
        fail_on = strcmp(word, "on") == 0;
    if ((text = getenv("FAULTS_CLOCK"))) {
        int file = REAL(open)(text, O_RDONLY | O_CLOEXEC);
        void *map = file < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
        if (map != MAP_FAILED) clock_shift = map;
    }
}

/* --- the log ---------------------------------------------------------------------------------------------------- */

static void record(char operation, const char *path, uint64_t offset, const struct iovec *parts, int count) {
    if (log_file < 0) return;
    size_t size = 0;
    for (int i = 0; i < count; i++) size += parts[i].iov_len;
    uint16_t length = (uint16_t)strlen(path);
    char head[15];
    uint32_t bytes = (uint32_t)size;
    head[0] = operation;
    memcpy(head + 1, &length, 2);
    memcpy(head + 3, &offset, 8);
    memcpy(head + 11, &bytes, 4);
    struct iovec out[66];
    int used = 0;
    out[used++] = (struct iovec){head, 15};
    out[used++] = (struct iovec){(void *)path, length};
    for (int i = 0; i < count && used < 66; i++) out[used++] = parts[i];
    if (REAL(writev)(log_file, out, used) != (ssize_t)(15 + length + size)) abort();
}

static void note(char operation, const char *path, uint64_t offset, const void *bytes, size_t size) {
    struct iovec part = {(void *)bytes, size};
    pthread_mutex_lock(&lock);
    record(operation, path, offset, &part, 1);
    pthread_mutex_unlock(&lock);
}

static int is_ours(const char *path) {
    return folder && path && strncmp(path, folder, folder_length) == 0 &&
           (path[folder_length] == '/' || path[folder_length] == 0);
}

static enum kind kind_of(int file) { return file >= 0 && file < DESCRIPTORS ? table[file].kind : OTHER; }

/* --- failures --------------------------------------------------------------------------------------------------- */

/* True when this call must fail; errno is set. */
static int fails(void) {
    if (!fail_at) return 0;
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (number == fail_at || (fail_on && number > fail_at)) {
        if (number == fail_at) dprintf(2, "faults_shim: call %ld fails\n", number);
        errno = fail_errno;
        return 1;
    }
    return 0;
}

/* True when the disk is full and `growth` more bytes do not fit; negative growth frees space. */
static int is_full(off_t growth) {
    if (!full_flag) return 0;
    if (REAL(access)(full_flag, F_OK) != 0) {
        was_full = 0;
        return 0;
    }
    pthread_mutex_lock(&lock);
    if (!was_full) freed = 0;
    was_full = 1;
    int result = growth > 0 && growth > freed;
    if (!result) freed -= growth;
    pthread_mutex_unlock(&lock);
    if (result) errno = ENOSPC;
    return result;
}

static off_t size_of(int file) {
    struct stat status;
    return fstat(file, &status) == 0 ? status.st_size : 0;
}

static off_t growth_of(int file, off_t end) {
    off_t size = size_of(file);
    return end > size ? end - size : 0;
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static int opened(int file, const char *path, int flags, int existed) {
    if (file < 0 || file >= DESCRIPTORS) return file;
    struct stat status;
    int is_folder = fstat(file, &status) == 0 && S_ISDIR(status.st_mode);
    free(table[file].path);
    table[file].path = strdup(path);
    table[file].kind = is_folder ? FOLDER_OF_OURS : FILE_OF_OURS;
    if ((flags & O_CREAT) && !existed) note('O', path, 0, "", 0);
    if ((flags & O_TRUNC) && existed) note('T', path, 0, "", 0);
    return file;
}

#define OPEN(name)                                                                  \
    int name(const char *path, int flags, ...) {                                    \
        mode_t mode = 0;                                                            \
        if (flags & (O_CREAT | O_TMPFILE)) {                                        \
            va_list rest;                                                           \
            va_start(rest, flags);                                                  \
            mode = va_arg(rest, mode_t);                                            \
            va_end(rest);                                                           \
        }                                                                           \
        if (!is_ours(path)) return REAL(name)(path, flags, mode);                   \
        int existed = REAL(access)(path, F_OK) == 0;                                \
        if (((flags & O_CREAT) && !existed && is_full(4096)) || fails()) return -1; \
        return opened(REAL(name)(path, flags, mode), path, flags, existed);         \
    }
OPEN(open)
OPEN(open64)

int close(int file) {
    if (kind_of(file) != OTHER) {
        table[file].kind = OTHER;
        free(table[file].path);
        table[file].path = NULL;
    }
    return REAL(close)(file);
}

int unlink(const char *path) {
    if (!is_ours(path)) return REAL(unlink)(path);
    if (fails()) return -1;
    struct stat status;
    off_t size = stat(path, &status) == 0 ? status.st_size : 0;
    int result = REAL(unlink)(path);
    if (result == 0) {
        is_full(-size);
        note('U', path, 0, "", 0);
    }
    return result;
}

int rename(const char *old, const char *new) {
    if (!is_ours(new)) return REAL(rename)(old, new);
    if (fails()) return -1;
    int result = REAL(rename)(old, new);
    if (result == 0) note('R', old, 0, new, strlen(new));
    return result;
}

int mkdir(const char *path, mode_t mode) {
    if (!is_ours(path)) return REAL(mkdir)(path, mode);
    if (is_full(4096) || fails()) return -1;
    int result = REAL(mkdir)(path, mode);
    if (result == 0) note('M', path, 0, "", 0);
    return result;
}

/* --- bytes ------------------------------------------------------------------------------------------------------ */

#define PWRITE(name, offset_type)                                                          \
    ssize_t name(int file, const void *bytes, size_t count, offset_type offset) {          \
        if (kind_of(file) != FILE_OF_OURS) return REAL(name)(file, bytes, count, offset);  \
        if (is_full(growth_of(file, offset + (off_t)count)) || fails()) return -1;         \
        ssize_t result = REAL(name)(file, bytes, count, offset);                           \
        if (result > 0) note('W', table[file].path, (uint64_t)offset, bytes, (size_t)result); \
        return result;                                                                     \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PREAD(name, offset_type)                                                   \
    ssize_t name(int file, void *bytes, size_t count, offset_type offset) {        \
        if (kind_of(file) == FILE_OF_OURS && fails()) return -1;                   \
        return REAL(name)(file, bytes, count, offset);                             \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t read(int file, void *bytes, size_t count) {
    if (kind_of(file) == FILE_OF_OURS && fails()) return -1;
    return REAL(read)(file, bytes, count);
}

static ssize_t sent(int file, const struct iovec *parts, int count) {
    pthread_mutex_lock(&lock);
    record('A', "", (uint64_t)file, parts, count);
    pthread_mutex_unlock(&lock);
    return 0;
}

ssize_t write(int file, const void *bytes, size_t count) {
    struct iovec part = {(void *)bytes, count};
    if (kind_of(file) == SOCKET) sent(file, &part, 1);
    if (kind_of(file) != FILE_OF_OURS) return REAL(write)(file, bytes, count);
    off_t offset = lseek(file, 0, SEEK_CUR);
    if (is_full(growth_of(file, offset + (off_t)count)) || fails()) return -1;
    ssize_t result = REAL(write)(file, bytes, count);
    if (result > 0) note('W', table[file].path, (uint64_t)offset, bytes, (size_t)result);
    return result;
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (kind_of(file) == SOCKET && count <= 64) sent(file, parts, count);
    return REAL(writev)(file, parts, count);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
    if (kind_of(file) == SOCKET) sent(file, message->msg_iov, (int)message->msg_iovlen);
    return REAL(sendmsg)(file, message, flags);
}

int accept4(int file, struct sockaddr *address, socklen_t *length, int flags) {
    int result = REAL(accept4)(file, address, length, flags);
    if (result >= 0 && result < DESCRIPTORS && log_file >= 0) table[result].kind = SOCKET;
    return result;
}

#define FTRUNCATE(name, size_type)                                                  \
    int name(int file, size_type size) {                                            \
        if (kind_of(file) != FILE_OF_OURS) return REAL(name)(file, size);           \
        if (is_full(size - size_of(file)) || fails()) return -1;                    \
        int result = REAL(name)(file, size);                                        \
        if (result == 0) note('T', table[file].path, (uint64_t)size, "", 0);        \
        return result;                                                              \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define FALLOCATE(name, size_type)                                                         \
    int name(int file, size_type offset, size_type size) {                                 \
        if (kind_of(file) != FILE_OF_OURS) return REAL(name)(file, offset, size);          \
        if (is_full(growth_of(file, offset + size)) || fails()) return errno;              \
        int result = REAL(name)(file, offset, size);                                       \
        if (result == 0) note('T', table[file].path, (uint64_t)(offset + size), "", 0);    \
        return result;                                                                     \
    }
FALLOCATE(posix_fallocate, off_t)
FALLOCATE(posix_fallocate64, off64_t)

#define SYNC(name)                                                                              \
    int name(int file) {                                                                        \
        enum kind kind = kind_of(file);                                                         \
        if (kind != FILE_OF_OURS && kind != FOLDER_OF_OURS) return REAL(name)(file);            \
        if (fails()) return -1;                                                                 \
        int result = REAL(name)(file);                                                          \
        if (result == 0) note(kind == FOLDER_OF_OURS ? 'D' : 'S', table[file].path, 0, "", 0);  \
        return result;                                                                          \
    }
SYNC(fsync)
SYNC(fdatasync)

/* --- the clock -------------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t id, struct timespec *time) {
    int result = REAL(clock_gettime)(id, time);
    if (result == 0 && id == CLOCK_REALTIME && clock_shift) {
        int64_t shift = *clock_shift;
        int64_t nanoseconds = time->tv_nsec + shift % 1000 * 1000000;
        time->tv_sec += shift / 1000 + (nanoseconds >= 1000000000) - (nanoseconds < 0);
        time->tv_nsec = (nanoseconds + 1000000000) % 1000000000;
    }
    return result;
}
