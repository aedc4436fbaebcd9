#include "CSQLite.h"

#include <dlfcn.h>
#include <pthread.h>

#define FUNCTIONS(X)                                                                               \
    X(sqlite3_open_v2)                                                                             \
    X(sqlite3_close_v2)                                                                            \
    X(sqlite3_busy_timeout)                                                                        \
    X(sqlite3_exec)                                                                                \
    X(sqlite3_errmsg)                                                                              \
    X(sqlite3_prepare_v2)                                                                          \
    X(sqlite3_bind_int64)                                                                          \
    X(sqlite3_bind_text)                                                                           \
    X(sqlite3_step)                                                                                \
    X(sqlite3_column_int64)                                                                        \
    X(sqlite3_column_text)                                                                         \
    X(sqlite3_finalize)

static struct {
#define X(name) __typeof__(&name) name;
    FUNCTIONS(X)
#undef X
} sqlite;

static const char *failure;

// The error's text is this thread's only (dlerror(3)), so it is copied.
static char failure_text[256];

static void fail(const char *text)
{
    size_t length = 0;
    for (; text && text[length] && length < sizeof failure_text - 1; length++)
        failure_text[length] = text[length];
    failure_text[length] = 0;
    failure = failure_text;
}

static void load(void)
{
    void *library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fail(dlerror());
        return;
    }
#define X(name)                                                                                    \
    if (!(sqlite.name = (__typeof__(&name))dlsym(library, #name))) {                               \
        fail(dlerror());                                                                           \
        return;                                                                                    \
    }
    FUNCTIONS(X)
#undef X
}

const char *sw_sqlite_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return failure;
}

int sw_sqlite_open(const char *path, sqlite3 **database, int flags)
{
    return sqlite.sqlite3_open_v2(path, database, flags, NULL);
}

void sw_sqlite_close(sqlite3 *database)
{
    sqlite.sqlite3_close_v2(database);
}

void sw_sqlite_set_patience(sqlite3 *database, int milliseconds)
{
    sqlite.sqlite3_busy_timeout(database, milliseconds);
}

int sw_sqlite_execute(sqlite3 *database, const char *statements)
{
    return sqlite.sqlite3_exec(database, statements, NULL, NULL, NULL);
}

const char *sw_sqlite_words(sqlite3 *database)
{
    return sqlite.sqlite3_errmsg(database);
}

int sw_sqlite_prepare(sqlite3 *database, const char *text, sqlite3_stmt **statement)
{
    return sqlite.sqlite3_prepare_v2(database, text, -1, statement, NULL);
}

int sw_sqlite_bind_number(sqlite3_stmt *statement, int index, sqlite3_int64 value)
{
    return sqlite.sqlite3_bind_int64(statement, index, value);
}

int sw_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *value)
{
    return sqlite.sqlite3_bind_text(statement, index, value, -1, SQLITE_TRANSIENT);
}

int sw_sqlite_step(sqlite3_stmt *statement)
{
    return sqlite.sqlite3_step(statement);
}

sqlite3_int64 sw_sqlite_number(sqlite3_stmt *statement, int column)
{
    return sqlite.sqlite3_column_int64(statement, column);
}

const char *sw_sqlite_text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite.sqlite3_column_text(statement, column);
}

void sw_sqlite_finish(sqlite3_stmt *statement)
{
    sqlite.sqlite3_finalize(statement);
}
