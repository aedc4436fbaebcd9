// SQLite (https://sqlite.org/c3ref/intro.html), from the library that is loaded at first use.

#ifndef CSQLITE_H
#define CSQLITE_H

#include <sqlite3.h>

// Loads libsqlite3.so.0, once. Returns NULL, or why it cannot be loaded (dlerror(3)). Nothing below
// may be called before it returned NULL.
const char *sw_sqlite_load(void);

// As sqlite3_open_v2, which gives a handle to close also where it fails.
int sw_sqlite_open(const char *path, sqlite3 **database, int flags);
void sw_sqlite_close(sqlite3 *database);
void sw_sqlite_set_patience(sqlite3 *database, int milliseconds);
int sw_sqlite_execute(sqlite3 *database, const char *statements);
// The words of the last failure; the handle's, until its next call.
const char *sw_sqlite_words(sqlite3 *database);

int sw_sqlite_prepare(sqlite3 *database, const char *text, sqlite3_stmt **statement);
int sw_sqlite_bind_number(sqlite3_stmt *statement, int index, sqlite3_int64 value);
// The text is copied.
int sw_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *value);
int sw_sqlite_step(sqlite3_stmt *statement);
sqlite3_int64 sw_sqlite_number(sqlite3_stmt *statement, int column);
// The statement's, until its next step; NULL for a null.
const char *sw_sqlite_text(sqlite3_stmt *statement, int column);
void sw_sqlite_finish(sqlite3_stmt *statement);

#endif
