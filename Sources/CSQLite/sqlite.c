#include "CSQLite.h"

#include <CLoad.h>
#include <stddef.h>

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
    FUNCTIONS(SW_POINTER)
} sqlite;

static const char *const names[] = {FUNCTIONS(SW_NAME) NULL};

static struct sw_library library = {
    .sonames = {"libsqlite3.so.0"}, .table = &sqlite, .names = names};

const char *sw_sqlite_load(void) { return sw_load(&library); }

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
